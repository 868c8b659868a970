// A child that commits a misuse, and how it ended. The parent's heap stays as
// it is.
#ifndef ASHLAR_TESTS_MISUSE_CHILD_HPP
#define ASHLAR_TESTS_MISUSE_CHILD_HPP

#include <cstdlib>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

struct Ending {
    pid_t child = 0;
    int status = 0;
    std::string written;  // to stderr
};

// Calls commit() in a child, which ends with status 0 if that returns.
template <class F>
Ending run_in_child(F commit) {
    int ends[2];
    if (pipe(ends) != 0) std::exit(2);
    Ending ending;
    ending.child = fork();
    if (ending.child < 0) std::exit(2);
    if (ending.child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        commit();
        _exit(0);
    }
    close(ends[1]);
    char part[512];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;)
        ending.written.append(part, static_cast<std::size_t>(n));
    close(ends[0]);
    waitpid(ending.child, &ending.status, 0);
    return ending;
}

#endif

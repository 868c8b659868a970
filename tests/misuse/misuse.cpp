// misuse CASE SIZE: one fault over blocks of one size, in a process of its own
// under the drop-in. It must end by abort() after exactly one line that names
// fault, address and block size, at the call itself or when the block goes back
// to its slab. A write into free memory must do no harm instead.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "cases.hpp"

namespace misuse {
namespace {

struct Ending {
    int status = 0;
    std::string written;
};

Ending run_in_child(const Case& fault, std::size_t size) {
    int ends[2];
    if (pipe(ends) != 0) std::exit(2);
    const pid_t child = fork();
    if (child < 0) std::exit(2);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        fault.commit(size);
        _exit(0);
    }
    close(ends[1]);
    Ending ending;
    char part[512];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;)
        ending.written.append(part, static_cast<std::size_t>(n));
    waitpid(child, &ending.status, 0);
    return ending;
}

/// The line with which the child must end. `announced` is the child's earlier
/// output: the address and the size of its block.
std::string expected_line(const Case& fault, const std::string& announced) {
    const std::size_t space = announced.find(' ');
    std::string detail = fault.detail;
    const std::size_t place = detail.find("SIZE");
    if (place != std::string::npos) detail.replace(place, 4, announced.substr(space + 1));
    return std::string("ashlar: ") + fault.fault + " of " + announced.substr(0, space) + " (" +
           detail + ")\n";
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// "expected ADDRESS SIZE", the output of the call, "the call is over", and
// later output.
bool is_right(const Case& fault, std::size_t size, const Ending& ending) {
    const Seen seen = size > largest_with_a_bin  ? fault.larger
                      : size > largest_in_a_slab ? fault.in_run
                                                 : fault.in_slab;
    if (seen == Seen::harmless)
        return WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 0 &&
               ending.written.empty();
    if (!WIFSIGNALED(ending.status) || WTERMSIG(ending.status) != SIGABRT) return false;
    const std::string head = "expected ";
    const std::size_t end = ending.written.find('\n');
    if (ending.written.compare(0, head.size(), head) != 0 || end == std::string::npos) return false;
    const std::string announced = ending.written.substr(head.size(), end - head.size());
    const std::string said = ending.written.substr(end + 1);
    // Nothing tells the size of a run of units any more that went back before.
    const std::string gone = "ashlar: double free of " + announced.substr(0, announced.find(' ')) +
                             " (no block there any more)\n";
    const bool named = ends_with(said, expected_line(fault, announced));
    const bool unnamed = size > largest_in_a_slab &&
                         fault.detail == std::string("SIZE-byte block") && ends_with(said, gone);
    const std::size_t line = (named ? expected_line(fault, announced) : gone).size();
    if (!named && !unnamed) return false;
    const std::string between = said.substr(0, said.size() - line);
    return seen == Seen::at_once ? between.empty()
                                 : between.compare(0, std::strlen(call_is_over), call_is_over) == 0;
}

}  // namespace
}  // namespace misuse

int main(int argc, char** argv) {
    using namespace misuse;
    if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
        for (const Case& fault : cases) std::puts(fault.name);
        return 0;
    }
    if (argc != 3) {
        std::fputs("usage: misuse CASE SIZE | misuse --list\n", stderr);
        return 2;
    }
    const std::size_t size = std::strtoul(argv[2], nullptr, 10);
    for (const Case& fault : cases) {
        if (std::strcmp(fault.name, argv[1]) != 0) continue;
        const Ending ending = run_in_child(fault, size);
        if (is_right(fault, size, ending)) return 0;
        std::printf("%s of %zu bytes: ended with status 0x%x and wrote:\n%s", fault.name, size,
                    static_cast<unsigned>(ending.status), ending.written.c_str());
        return 1;
    }
    std::fprintf(stderr, "misuse: there is no case %s\n", argv[1]);
    return 2;
}

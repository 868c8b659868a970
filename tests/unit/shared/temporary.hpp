// Names of heaps that are removed at the end of a test, and children that run a
// function.
#ifndef ASHLAR_TESTS_UNIT_SHARED_TEMPORARY_HPP
#define ASHLAR_TESTS_UNIT_SHARED_TEMPORARY_HPP

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/shared_heap.hpp>

#include <string>
#include <utility>

class TemporaryName {
  public:
    TemporaryName() {
        static int number = 0;
        text_ = "/ashlar-test-" + std::to_string(getpid()) + "-" + std::to_string(++number);
    }
    TemporaryName(const TemporaryName&) = delete;
    TemporaryName& operator=(const TemporaryName&) = delete;
    ~TemporaryName() { ashlar::SharedHeap::remove(text_); }
    [[nodiscard]] const std::string& text() const { return text_; }
    operator const std::string&() const { return text_; }  // NOLINT: as a name is used

  private:
    std::string text_;
};

// Small, so that many fit beside each other under sanitizers.
inline ashlar::SharedHeapOptions small_heap() { return {.limit = std::size_t{64} << 20}; }

inline ashlar::SharedHeap make_heap(const std::string& name) {
    return ashlar::SharedHeap(ashlar::SharedHeapMode::open_or_create, name, small_heap());
}

// Starts a child that ends with what act() returns. One that hangs is ended by
// a signal.
template <class Act>
pid_t start_child(Act act) {
    const pid_t child = fork();
    if (child != 0) return child;
    signal(SIGALRM, SIG_DFL);
    alarm(120);
    _exit(act());
}

// The status that waitpid() gives.
inline int end_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

inline bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

// What act() returns in a child, or -1 if the child ends in another way.
template <class Act>
int in_child(Act act) {
    const int status = end_of(start_child(std::move(act)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif

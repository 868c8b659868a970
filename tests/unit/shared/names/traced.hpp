// A process that is stopped after a number of instructions, and killed there or
// continued.
#ifndef ASHLAR_TESTS_UNIT_SHARED_NAMES_TRACED_HPP
#define ASHLAR_TESTS_UNIT_SHARED_NAMES_TRACED_HPP

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#if defined(__OPTIMIZE__)
constexpr long kSlower = 1;
#else
constexpr long kSlower = 1000;
#endif

class Traced {
  public:
    // Runs prepare(), then `steps` instructions of work(), whose result is the
    // process's exit status.
    template <class Prepare, class Work>
    Traced(long steps, Prepare prepare, Work work) : child_(fork()) {
        if (child_ == 0) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            prepare();
            raise(SIGSTOP);
            _exit(work());
        }
        waitpid(child_, &status_, 0);
        for (long i = 0; i < steps && stopped(); ++i) {
            if (ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0) break;
            waitpid(child_, &status_, 0);
        }
    }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;
    ~Traced() { kill(); }

    // False: the work had ended.
    [[nodiscard]] bool stopped() const { return WIFSTOPPED(status_); }
    void kill() {
        if (!stopped()) return;
        ::kill(child_, SIGKILL);
        waitpid(child_, &status_, 0);
    }
    // Continues to the end. Returns the result of the work, or -1.
    int finish() {
        while (stopped()) {
            ptrace(PTRACE_CONT, child_, nullptr, nullptr);
            waitpid(child_, &status_, 0);
        }
        return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
    }

    // A sanitizer would be stepped through as well.
    [[nodiscard]] static bool is_permitted() {
        if (kSanitized) return false;
        const pid_t child = fork();
        if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
        int status = 0;
        waitpid(child, &status, 0);
        return status == 0;
    }
    // Instructions between two stops. 1 may take minutes. Without optimization
    // a call has many more, and each stop steps through them again.
    [[nodiscard]] static long stride(long usual) {
        const char* const wanted = std::getenv("ASHLAR_TEST_STRIDE");
        return wanted != nullptr && std::atol(wanted) > 0 ? std::atol(wanted) : usual * kSlower;
    }

  private:
    pid_t child_;
    int status_ = 0;
};

#endif

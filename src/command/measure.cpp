#include "command/measure.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "command/program.hpp"
#include "command/run.hpp"

namespace ashlar::command {
namespace {

constexpr off_t kKeptOutput = 2048;  // bytes of a failed program's stderr
constexpr int kKeptLines = 5;

double now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// The child's report to its parent: a page that both share. The child takes the
// time itself, right before exec, so that neither fork nor the scheduler's next
// choice counts.
struct Start {
    double time = 0;
    int error = 0;
};
class SharedStart {
  public:
    SharedStart() {
        void* page = ::mmap(nullptr, sizeof(Start), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) throw std::bad_alloc();
        start_ = new (page) Start;
    }
    ~SharedStart() { ::munmap(start_, sizeof(Start)); }
    SharedStart(const SharedStart&) = delete;
    SharedStart& operator=(const SharedStart&) = delete;
    Start* operator->() const noexcept { return start_; }

  private:
    Start* start_;
};

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { ::close(number_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

[[noreturn]] void become(const Command& command, const std::vector<char*>& arguments,
                         const std::string& preload, int errors, SharedStart& start) {
    // If this command is killed, its program must not run on.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ::dup2(nothing.number(), STDIN_FILENO);
    ::dup2(command.show_output ? STDERR_FILENO : nothing.number(), STDOUT_FILENO);
    if (!command.show_output) ::dup2(errors, STDERR_FILENO);
    ::setenv("LD_PRELOAD", preload.c_str(), 1);
    start->time = now();
    ::execvp(command.path.c_str(), arguments.data());
    start->error = errno;
    ::_exit(kNotFound);
}

// The end of a file, from the beginning of a line.
std::string read_end(int file) {
    const off_t size = ::lseek(file, 0, SEEK_END);
    const off_t begin = size > kKeptOutput ? size - kKeptOutput : 0;
    std::string text(static_cast<std::size_t>(size - begin), '\0');
    const ssize_t got = ::pread(file, text.data(), text.size(), begin);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::size_t from = text.size();
    for (int line = 0; line < kKeptLines && from != std::string::npos && from != 0; ++line)
        from = text.rfind('\n', from - 1);
    return from == std::string::npos || from == 0 ? text : text.substr(from + 1);
}

// The dynamic linker warns at the start of each process, so its line may be far
// from the end.
bool says_not_loaded(int file) {
    std::string text(16384, '\0');
    const ssize_t got = ::pread(file, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.find("from LD_PRELOAD cannot be preloaded") != std::string::npos;
}

}  // namespace

Run measure(const Command& command, const std::string& preload) {
    SharedStart start;
    const Descriptor errors(::memfd_create("stderr", MFD_CLOEXEC));
    // All allocations come before the fork: pages that the child touches count
    // as its memory.
    const auto arguments = exec_arguments(command.arguments);
    const pid_t child = ::fork();
    if (child < 0) throw Failure(2, std::string("can't start a process: ") + std::strerror(errno));
    if (child == 0) become(command, arguments, preload, errors.number(), start);

    Run run;
    rusage usage{};
    while (::wait4(child, &run.status, 0, &usage) < 0) {
        if (errno != EINTR)
            throw Failure(2, std::string("can't wait for the program: ") + std::strerror(errno));
    }
    run.wall_seconds = now() - start->time;
    if (start->error != 0) {
        throw Failure(kNotExecutable, command.path + ": " +
                                          (start->error == ENOENT ? "its interpreter does not exist"
                                                                  : std::strerror(start->error)));
    }
    run.user_seconds = seconds(usage.ru_utime);
    run.system_seconds = seconds(usage.ru_stime);
    run.peak_kib = usage.ru_maxrss;
    run.last_lines = read_end(errors.number());
    run.not_loaded = says_not_loaded(errors.number());
    return run;
}

std::string describe_failure(const Run& run) {
    if (run.not_loaded) return "the library could not be preloaded";
    if (WIFSIGNALED(run.status)) {
        const int signal = WTERMSIG(run.status);
        return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
    }
    return "exit status " + std::to_string(WEXITSTATUS(run.status));
}

}  // namespace ashlar::command

#include "malloc/process/fault_report.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "base/atomic.hpp"
#include "base/line.hpp"
#include "base/quiet_writes.hpp"
#include "base/stack.hpp"
#include "malloc/process/handlers.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::acq;
using base::rel;
using base::rlx;
using settings::ReportAction;
using settings::ReportLevel;
using settings::Settings;

namespace {

std::uint32_t own_thread() noexcept { return static_cast<std::uint32_t>(gettid()); }

void sleep_briefly() noexcept {
    constexpr timespec kMillisecond{0, 1000000};
    nanosleep(&kMillisecond, nullptr);
}

constexpr int kMostWaits = 5000;  // of a millisecond

// The right to report, of one thread at a time.
class Turn {
  public:
    // False: it is the caller's already, as in a signal handler inside of a
    // report, or another thread has had it for too long.
    [[nodiscard]] bool take() noexcept {
        const std::uint32_t own = own_thread();
        for (int waits = 0; waits < kMostWaits; ++waits) {
            std::uint32_t found = 0;
            // [E62] acquire, pairs with give(): what the last one has left.
            // Relaxed if it fails: then nothing is read.
            if (thread_.cas(found, own, acq, rlx)) return true;
            if (found == own) return false;
            sleep_briefly();
        }
        return false;
    }
    void give() noexcept { thread_.store(0, rel); }  // [E62] release
    // Relaxed, both: a thread's own number is stored by itself alone, and the
    // others only wait.
    [[nodiscard]] bool is_own() const noexcept { return thread_.load(rlx) == own_thread(); }
    [[nodiscard]] bool is_taken() const noexcept { return thread_.load(rlx) != 0; }

  private:
    base::Atomic<std::uint32_t> thread_;  // 0: no thread's
};
constinit Turn turn{};

// Plain: only the thread whose turn it is uses them. [E62]
constinit FaultHandler fault_handler{};
constinit ReportAction action{};
constinit struct sigaction outer_segv {
}, outer_bus{};

[[noreturn]] void end_by_signal(int number) noexcept {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(number, &standard, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    static_cast<void>(raise(number));
    std::abort();  // for a signal that ends no program
}

// The action of the settings; else the program ends as without a report.
ReportAction action_for(const base::Report& report, const ReportAction& wish) noexcept {
    if (wish.kind != ReportAction::Kind::automatic) return wish;
    if (report.context == nullptr) return {ReportAction::Kind::abort, 0};
    return {ReportAction::Kind::signal, SIGSEGV};
}

[[noreturn]] void end_as(const ReportAction& wish) noexcept {
    if (wish.kind == ReportAction::Kind::exit) _exit(wish.value);
    if (wish.kind == ReportAction::Kind::signal) end_by_signal(wish.value);
    std::abort();
}

// A fault inside of a report: it is given up. Other threads come back to their
// faults when the report is over.
void meet_fault(int) {
    if (turn.is_own()) {
        base::Line line;
        line.text("ashlar: the report ends here, by a fault of its own").write(STDERR_FILENO);
        end_as(action);
    }
    const int saved = errno;
    for (int waits = 0; waits < kMostWaits && turn.is_taken(); ++waits) sleep_briefly();
    errno = saved;
}

// While it lives, faults of its thread end the report.
class FaultGuard {
  public:
    FaultGuard() noexcept {
        struct sigaction ours {};
        ours.sa_handler = meet_fault;
        ours.sa_flags = SA_ONSTACK;
        sigaction(SIGSEGV, &ours, &outer_segv);
        sigaction(SIGBUS, &ours, &outer_bus);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGSEGV);
        sigaddset(&set, SIGBUS);
        pthread_sigmask(SIG_UNBLOCK, &set, &mask_);
    }
    ~FaultGuard() {
        pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
        sigaction(SIGSEGV, &outer_segv, nullptr);
        sigaction(SIGBUS, &outer_bus, nullptr);
    }
    FaultGuard(const FaultGuard&) = delete;
    FaultGuard& operator=(const FaultGuard&) = delete;

  private:
    sigset_t mask_;
};

// A report may run on an alternate stack of 8 KiB. Lines are put together out
// of line, so that only one of them lies there at a time.

// With the process ID for %p. -1: the system refuses, or there is no name.
[[gnu::noinline]] int open_file(const char* name) noexcept {
    if (*name == '\0') return -1;
    base::Line path;
    for (; *name != '\0'; ++name) {
        const char one[] = {*name, '\0'};
        if (name[0] == '%' && name[1] == 'p') {
            path.number(static_cast<std::uint64_t>(getpid()));
            ++name;
        } else {
            path.text(one);
        }
    }
    constexpr mode_t kOwnersOnly = 0600;
    return open(path.terminated(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
                kOwnersOnly);
}

bool is_full(const Settings& wish) noexcept {
    if (wish.report != ReportLevel::automatic) return wish.report == ReportLevel::full;
    return check_level() >= CheckLevel::full;
}

[[gnu::noinline]] bool print_line(int descriptor, const base::Report& report) noexcept {
    base::Line line;
    return line.text(report.line).write(descriptor);
}

// All that follows the line. False: some could not be written.
bool print_rest(int descriptor, const Settings& wish, const base::Report& report,
                const FaultStack& stack) noexcept {
    bool whole = report.more == nullptr || report.more(descriptor, report.subject);
    if (is_full(wish)) whole = print_details(descriptor, report, stack) && whole;
    return whole;
}

// Into the file if all of it fits there, else to stderr. False: some could not
// be written.
bool print(const Settings& wish, const base::Report& report, const FaultStack& stack) noexcept {
    const int file = open_file(wish.report_file.text);
    if (file >= 0) {
        bool whole = print_line(file, report);
        whole = whole && print_rest(file, wish, report, stack);
        close(file);
        if (whole) return true;
        print_rest(STDERR_FILENO, wish, report, stack);
        return false;
    }
    return print_rest(STDERR_FILENO, wish, report, stack);
}

// Where the handler of this thread was called, and in bit 0 whether that is the
// alternate stack; 0: it was not.
constinit thread_local std::uintptr_t handled_at [[gnu::tls_model("initial-exec")]] = 0;

// Whether the code may run in the handler: further down its stack, or on the
// alternate stack, which interrupts the other one. Code elsewhere shows that
// the handler has left by longjmp().
bool is_handling(const StackPlace& code) noexcept {
    if (handled_at == 0) return false;
    const bool alternate = (handled_at & 1) != 0;
    return code.alternate != alternate ? code.alternate : code.pointer < handled_at;
}

void handle(const FaultHandler& handler, const base::Report& report,
            const FaultStack& stack) noexcept {
    const StackPlace code = report.context != nullptr
                                ? interrupted_place(*static_cast<const ucontext_t*>(report.context))
                                : stack_place(__builtin_frame_address(0));
    if (handler.call == nullptr || is_handling(code)) return;
    handled_at = code.pointer / 2 * 2 + (code.alternate ? 1 : 0);
    handler.call(handler, report, stack);
    handled_at = 0;
}

void report_in_turn(const Settings& wish, const base::Report& report, FaultStack& stack) noexcept {
    const FaultGuard guard;
    base::QuietWrites quiet;
    // A walk needs 4 KiB, which a small alternate stack has once.
    for (; stack.count < report.count && stack.count < kReportFrames; ++stack.count)
        stack.frames[stack.count] = report.frames[stack.count];
    if (report.frames == nullptr)
        stack.count = base::capture_stack(stack.frames, kReportFrames, nullptr);
    quiet.see(print(wish, report, stack));
}

void end_by_settings(const base::Report& report) noexcept {
    const Settings wish = report_settings != nullptr ? report_settings() : Settings{};
    FaultHandler handler{};
    FaultStack stack;
    stack.count = 0;
    if (turn.take()) {
        handler = fault_handler;
        action = action_for(report, wish.report_action);
        const bool says_more = is_full(wish) || report.more != nullptr;
        if (says_more || handler.call != nullptr || wish.report_file.text[0] != '\0')
            report_in_turn(wish, report, stack);
        turn.give();
    }
    handle(handler, report, stack);
    const bool goes_on = wish.report_action.kind == ReportAction::Kind::automatic;
    if (report.context != nullptr && goes_on) return;
    end_as(action_for(report, wish.report_action));
}

}  // namespace

void arm_reports() noexcept { base::set_ending(end_by_settings); }

bool set_fault_handler(const FaultHandler& handler) noexcept {
    if (!turn.take()) return false;
    fault_handler = handler;
    turn.give();
    arm_reports();
    return true;
}

}  // namespace ashlar::cache

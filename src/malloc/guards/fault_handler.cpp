#include "malloc/guards/fault_handler.hpp"

#include <signal.h>
#include <ucontext.h>
#include <cerrno>

#include "malloc/guards/guard_report.hpp"
#include "malloc/guards/guarded_blocks.hpp"

namespace ashlar::guards {

namespace {

// Of the interrupted thread.
struct Registers {
    std::uintptr_t instruction;
    Access access;
};

#if defined(__x86_64__)
Registers registers_of(const ucontext_t& context) noexcept {
    constexpr std::uint64_t kWrite = 2;  // of the page fault's error code
    const greg_t* all = context.uc_mcontext.gregs;
    const bool writes = (static_cast<std::uint64_t>(all[REG_ERR]) & kWrite) != 0;
    return {static_cast<std::uintptr_t>(all[REG_RIP]), writes ? Access::write : Access::read};
}
#elif defined(__aarch64__)
Registers registers_of(const ucontext_t& context) noexcept {
    return {context.uc_mcontext.pc, Access::unknown};
}
#else
Registers registers_of(const ucontext_t&) noexcept { return {0, Access::unknown}; }
#endif

// Written before the handler is installed.
struct sigaction previous;

void pass_on(int signal, siginfo_t* info, void* context) noexcept {
    if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(signal, info, context);
    const bool is_fault = info->si_code > 0;
    if (previous.sa_handler == SIG_IGN && !is_fault) return;
    if (previous.sa_handler != SIG_IGN && previous.sa_handler != SIG_DFL)
        return previous.sa_handler(signal);
    // The instruction faults again, or the signal comes again.
    sigaction(signal, &previous, nullptr);
    if (!is_fault) raise(signal);
}

void handle(int signal, siginfo_t* info, void* context) noexcept {
    const int saved = errno;
    const bool is_fault = info->si_code > 0;  // else another process or thread has sent it
    if (!is_fault || !guarded_blocks.contains(info->si_addr)) {
        errno = saved;
        return pass_on(signal, info, context);
    }
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    const Registers found = registers_of(*static_cast<const ucontext_t*>(context));
    Calls calls = Calls::now();
    calls.frames[0] = found.instruction;
    report_fault(guarded_blocks.nearest(address), {address, found.access, calls});
    // The instruction faults again and ends the program, so that a core shows
    // its registers.
    struct sigaction ending {};
    ending.sa_handler = SIG_DFL;
    sigaction(signal, &ending, nullptr);
    errno = saved;
}

}  // namespace

bool handle_faults() noexcept {
    if (sigaction(SIGSEGV, nullptr, &previous) != 0) return false;
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSEGV, &action, nullptr) == 0;
}

}  // namespace ashlar::guards

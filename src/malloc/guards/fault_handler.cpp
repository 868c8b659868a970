#include "malloc/guards/fault_handler.hpp"

#include <signal.h>
#include <ucontext.h>
#include <cerrno>
#include <cstring>

#include "malloc/guards/guard_report.hpp"
#include "malloc/guards/guarded_blocks.hpp"

namespace ashlar::guards {

namespace {

#if defined(__x86_64__)
Access access_of(const ucontext_t& context) noexcept {
    constexpr std::uint64_t kWrite = 2;  // of the page fault's error code
    const auto code = static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_ERR]);
    return (code & kWrite) != 0 ? Access::write : Access::read;
}
#elif defined(__aarch64__)
// By the syndrome of the exception, if the system has added it.
Access access_of(const ucontext_t& context) noexcept {
    constexpr std::uint64_t kWrite = 1U << 6;
    constexpr std::uint64_t kDataAbort = 0x24;  // of a program; bits 26 to 31
    const unsigned char* at = context.uc_mcontext.__reserved;
    const unsigned char* const end = at + sizeof context.uc_mcontext.__reserved;
    esr_context record;
    while (static_cast<std::size_t>(end - at) >= sizeof record) {
        std::memcpy(&record, at, sizeof record);
        const std::size_t bytes = record.head.size;
        if (record.head.magic == ESR_MAGIC && record.esr >> 26 == kDataAbort)
            return (record.esr & kWrite) != 0 ? Access::write : Access::read;
        if (bytes < sizeof record.head || bytes > static_cast<std::size_t>(end - at)) break;
        at += bytes;
    }
    return Access::unknown;
}
#else
Access access_of(const ucontext_t&) noexcept { return Access::unknown; }
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
    const Access access = access_of(*static_cast<const ucontext_t*>(context));
    report_fault(guarded_blocks.nearest(address), {address, access, context});
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

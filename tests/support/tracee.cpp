#include "support/tracee.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

namespace tracing {
namespace {

using Registers = user_regs_struct;

#if defined(__x86_64__)
constexpr bool kLinkOnStack = true;
Place place_of(const Registers& registers) noexcept { return {registers.rip, registers.rsp, 0}; }
// Makes the stack as after a call, below the red zone of leaf functions, and
// restarts no system call.
void redirect(Registers& registers, std::uintptr_t to) noexcept {
    registers.rip = to;
    registers.rsp = ((registers.rsp - 256) & ~std::uintptr_t{15}) - 8;
    registers.orig_rax = ~0ULL;
}
#else
constexpr bool kLinkOnStack = false;
Place place_of(const Registers& registers) noexcept {
    return {registers.pc, registers.sp, registers.regs[30]};
}
void redirect(Registers& registers, std::uintptr_t to) noexcept { registers.pc = to; }
#endif

[[noreturn]] void raise_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Tracee::Tracee(pid_t thread) : thread_(thread) {
    if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_EXITKILL) != 0) raise_errno("PTRACE_SEIZE");
}

Tracee::~Tracee() {
    if (gone_) return;
    // A running thread cannot be detached. An attached one would become a
    // zombie that the end of its process waits for.
    if (!stopped_ && ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0)
        waitpid(thread_, nullptr, __WALL);
    ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
}

Tracee::Event Tracee::wait() {
    int status = 0;
    if (waitpid(thread_, &status, __WALL) != thread_) raise_errno("waitpid");
    if (WIFEXITED(status)) {
        gone_ = true;
        return Event::gone;
    }
    if (!WIFSTOPPED(status)) throw std::runtime_error("the worker has died");
    stopped_ = true;
    const int signal = WSTOPSIG(status);
    if (signal == SIGUSR2) return Event::marked;
    if (signal != SIGTRAP && signal != SIGSTOP) signal_ = signal;
    if (signal == SIGSEGV || signal == SIGABRT) throw std::runtime_error("the worker has crashed");
    return Event::stopped;
}

void Tracee::stop() {
    if (stopped_) return;
    if (ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0) raise_errno("PTRACE_INTERRUPT");
    wait();
}

Tracee::Event Tracee::step() {
    if (ptrace(PTRACE_SINGLESTEP, thread_, nullptr, nullptr) != 0) raise_errno("PTRACE_SINGLESTEP");
    return wait();
}

void Tracee::go_on() {
    if (ptrace(PTRACE_CONT, thread_, nullptr, static_cast<long>(signal_)) != 0)
        raise_errno("PTRACE_CONT");
    signal_ = 0;
    stopped_ = false;
}

Tracee::Event Tracee::go_to_mark() {
    for (;;) {
        if (stopped_) go_on();
        const Event event = wait();
        if (event != Event::stopped) return event;
    }
}

void Tracee::end(std::uintptr_t way_out) {
    Registers registers{};
    iovec area{&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, thread_, NT_PRSTATUS, &area) != 0) raise_errno("PTRACE_GETREGSET");
    redirect(registers, way_out);
    if (ptrace(PTRACE_SETREGSET, thread_, NT_PRSTATUS, &area) != 0) raise_errno("PTRACE_SETREGSET");
    if (go_to_mark() != Event::gone) throw std::runtime_error("the thread did not end");
}

Place Tracee::place() const {
    Registers registers{};
    iovec area{&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, thread_, NT_PRSTATUS, &area) != 0) raise_errno("PTRACE_GETREGSET");
    return place_of(registers);
}

std::uintptr_t Tracee::return_address(const Place& entry) const {
    if constexpr (!kLinkOnStack) return entry.link;
    errno = 0;
    const long word = ptrace(PTRACE_PEEKDATA, thread_, reinterpret_cast<void*>(entry.sp), nullptr);
    if (errno != 0) raise_errno("PTRACE_PEEKDATA");
    return static_cast<std::uintptr_t>(word);
}

Text::Text(pid_t process, const std::string& path) : path_(std::filesystem::canonical(path)) {
    std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
    std::uintptr_t first = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.size() < path_.size() ||
            line.compare(line.size() - path_.size(), path_.size(), path_) != 0)
            continue;
        std::istringstream fields(line);
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char dash = 0;
        std::string rights;
        fields >> std::hex >> begin >> dash >> end >> rights;
        if (first == 0) first = begin;
        if (rights.find('x') != std::string::npos) ranges_.push_back({begin, end, first});
    }
}

bool Text::contains(std::uintptr_t address) const noexcept {
    for (const Range& range : ranges_) {
        if (address >= range.begin && address < range.end) return true;
    }
    return false;
}

std::string Text::describe(std::uintptr_t address) const {
    for (const Range& range : ranges_) {
        if (address < range.begin || address >= range.end) continue;
        char command[4600];
        std::snprintf(command, sizeof command, "addr2line -Cfpe '%s' 0x%jx 2>/dev/null",
                      path_.c_str(), static_cast<std::uintmax_t>(address - range.load_bias));
        const std::unique_ptr<FILE, int (*)(FILE*)> tool(popen(command, "r"), pclose);
        char line[512];
        if (tool != nullptr && std::fgets(line, sizeof line, tool.get()) != nullptr) {
            const std::string text(line);
            return text.substr(0, text.find('\n'));
        }
    }
    std::ostringstream number;
    number << "0x" << std::hex << address;
    return number.str();
}

}  // namespace tracing

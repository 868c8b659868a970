#include "tracee.hpp"

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

namespace progress {
namespace {

#if defined(__x86_64__)
std::uintptr_t program_counter(const user_regs_struct& registers) noexcept { return registers.rip; }
#else
std::uintptr_t program_counter(const user_regs_struct& registers) noexcept { return registers.pc; }
#endif

[[noreturn]] void raise_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

Tracee::Tracee(pid_t thread) : thread_(thread) {
    if (ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_EXITKILL) != 0) raise_errno("PTRACE_SEIZE");
}

Tracee::~Tracee() {
    // A running thread can't be detached; one that is left attached is a zombie that its process's end waits for.
    if (!stopped_ && ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0) waitpid(thread_, nullptr, __WALL);
    ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
}

void Tracee::wait() {
    int status = 0;
    if (waitpid(thread_, &status, __WALL) != thread_) raise_errno("waitpid");
    if (!WIFSTOPPED(status)) throw std::runtime_error("the worker has died");
    const int signal = WSTOPSIG(status);
    if (signal != SIGTRAP && signal != SIGSTOP) signal_ = signal;
    if (signal == SIGSEGV || signal == SIGABRT) throw std::runtime_error("the worker has crashed");
    stopped_ = true;
}

void Tracee::stop() {
    if (stopped_) return;
    if (ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) != 0) raise_errno("PTRACE_INTERRUPT");
    wait();
}

void Tracee::step() {
    if (ptrace(PTRACE_SINGLESTEP, thread_, nullptr, nullptr) != 0) raise_errno("PTRACE_SINGLESTEP");
    wait();
}

void Tracee::go_on() {
    if (ptrace(PTRACE_CONT, thread_, nullptr, static_cast<long>(signal_)) != 0) raise_errno("PTRACE_CONT");
    signal_ = 0;
    stopped_ = false;
}

std::uintptr_t Tracee::pc() const {
    user_regs_struct registers{};
    iovec place{&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, thread_, NT_PRSTATUS, &place) != 0) raise_errno("PTRACE_GETREGSET");
    return program_counter(registers);
}

Text::Text(pid_t process, const std::string& path) : path_(std::filesystem::canonical(path)) {
    std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
    std::uintptr_t first = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.size() < path_.size() || line.compare(line.size() - path_.size(), path_.size(), path_) != 0) continue;
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
        std::snprintf(command, sizeof command, "addr2line -Cfpe '%s' 0x%jx 2>/dev/null", path_.c_str(),
                      static_cast<std::uintmax_t>(address - range.load_bias));
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

}  // namespace progress

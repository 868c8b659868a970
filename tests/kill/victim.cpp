#include "victim.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kills {
namespace {

using tracing::Tracee;

[[noreturn]] void raise_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void Victim::live(File& file, Notes& notes, const Operation& operation, int go) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte = 0;
    if (read(go, &byte, 1) != 1) _exit(3);
    try {
        Actor actor(file, notes);
        if (!operation.attaches) actor.attach();
        if (operation.prepare != nullptr) operation.prepare(actor);
        raise(SIGUSR2);
        operation.act(actor);
        raise(SIGUSR2);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "victim: %s\n", error.what());
        _exit(4);
    }
    _exit(0);
}

pid_t Victim::start(File& file, Notes& notes, const Operation& operation, int& go) {
    int ends[2];
    if (pipe(ends) != 0) raise_errno("pipe");
    const pid_t process = fork();
    if (process < 0) raise_errno("fork");
    if (process == 0) live(file, notes, operation, ends[0]);
    close(ends[0]);
    go = ends[1];
    return process;
}

Victim::Victim(File& file, Notes& notes, const Operation& operation)
    : operation_(operation), process_(start(file, notes, operation, go_)), tracee_(process_) {
    if (write(go_, "g", 1) != 1) raise_errno("write");
    if (tracee_->go_to_mark() != Tracee::Event::marked)
        throw std::runtime_error("the victim ended before it began");
}

Victim::~Victim() {
    close(go_);
    if (process_ != 0) kill();
}

void Victim::begin() {
    const auto entry = reinterpret_cast<std::uintptr_t>(operation_.act);
    tracing::Place place{};
    do {
        if (tracee_->step() != Tracee::Event::stopped)
            throw std::runtime_error("the operation has no beginning");
        place = tracee_->place();
    } while (place.pc != entry);
    back_ = tracee_->return_address(place);
    sp_ = place.sp;
}

bool Victim::step() {
    if (tracee_->step() != Tracee::Event::stopped)
        throw std::runtime_error("the operation has no end");
    const tracing::Place place = tracee_->place();
    return place.pc != back_ || place.sp < sp_;
}

bool Victim::steps(std::uint64_t count) {
    for (; count > 0; --count) {
        if (!step()) return false;
    }
    return true;
}

void Victim::kill() {
    ::kill(process_, SIGKILL);
    int status = 0;
    while (waitpid(process_, &status, __WALL) == process_ && !WIFEXITED(status) &&
           !WIFSIGNALED(status)) {
    }
    process_ = 0;
}

void Victim::finish() {
    if (tracee_->go_to_mark() != Tracee::Event::marked ||
        tracee_->go_to_mark() != Tracee::Event::gone) {
        throw std::runtime_error("the victim did not finish");
    }
    process_ = 0;
}

std::string Victim::where() const {
    const tracing::Text text(process_, "/proc/self/exe");
    return text.describe(tracee_->pc());
}

}  // namespace kills

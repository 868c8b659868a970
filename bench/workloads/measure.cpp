// Clocks, page faults and resident memory, read without allocating.
#include "measure.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "blocks.hpp"
#include "watch.hpp"

namespace bench {
namespace {

double now(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

long faults() noexcept {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

struct Resident {
    long now_kib;
    long peak_kib;
};

/// A line such as "VmHWM: 1234 kB" of /proc/self/status; 0 where the kernel has
/// none.
long field_of(const char* text, const char* field) noexcept {
    const char* line = std::strstr(text, field);
    return line == nullptr ? 0 : std::strtol(line + std::strlen(field), nullptr, 10);
}

Resident resident() noexcept {
    static char text[8192];
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0) return {};
    const ssize_t length = read(file, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = '\0';
    close(file);
    return {field_of(text, "VmRSS:"), field_of(text, "VmHWM:")};
}

}  // namespace

void rest(long milliseconds) noexcept {
    const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    nanosleep(&time, nullptr);
}

void Measure::start() noexcept {
    faults_ -= faults();
    cpu_ -= now(CLOCK_PROCESS_CPUTIME_ID);
    watch::begin();
    wall_ -= now(CLOCK_MONOTONIC);
}

void Measure::stop() noexcept {
    wall_ += now(CLOCK_MONOTONIC);
    cpu_ += now(CLOCK_PROCESS_CPUTIME_ID);
    faults_ += faults();
    watch::end();
}

void Measure::idle() noexcept {
    for (unsigned i = 0; i < idle_ms_; ++i) {
        drop(make(64));
        rest(1);
    }
}

void Measure::settle() noexcept {
    if (settled_) return;
    settled_ = true;
    const Resident after = resident();
    peak_kib_ = after.peak_kib;
    final_kib_ = after.now_kib;
    if (!idles_at_end_) return;
    idle();
    idle_kib_ = resident().now_kib;
}

}  // namespace bench

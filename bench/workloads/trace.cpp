#include "trace.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "watch.hpp"

namespace bench {
namespace {

constexpr long billion = 1'000'000'000;

double milliseconds_between(const timespec& from, const timespec& to) noexcept {
    return static_cast<double>(to.tv_sec - from.tv_sec) * 1e3 +
           static_cast<double>(to.tv_nsec - from.tv_nsec) * 1e-6;
}

timespec later(timespec time, unsigned milliseconds) noexcept {
    time.tv_nsec += long{milliseconds % 1000} * 1'000'000;
    time.tv_sec += milliseconds / 1000 + time.tv_nsec / billion;
    time.tv_nsec %= billion;
    return time;
}

}  // namespace

Trace::Trace(unsigned milliseconds) noexcept
    : interval_ms_(milliseconds), statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {
    if (statm_ < 0) fail("no /proc/self/statm");
    const auto main = [](void* self) -> void* {
        static_cast<Trace*>(self)->run();
        return nullptr;
    };
    if (pthread_create(&thread_, nullptr, main, this) != 0) fail("no thread");
}

Trace::~Trace() {
    stop();
    close(statm_);
}

void Trace::stop() noexcept {
    if (!running_) return;
    running_ = false;
    wanted_.store(false, std::memory_order_relaxed);
    pthread_join(thread_, nullptr);
}

void Trace::run() noexcept {
    timespec begin{};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (timespec next = begin; wanted_.load(std::memory_order_relaxed);
         next = later(next, interval_ms_)) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
        if (count_ == most_samples) thin();
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        samples_[count_++] = {milliseconds_between(begin, now), resident_kib(),
                              watch::live_bytes()};
    }
}

/// Drops every second sample, and takes half as many from now on.
void Trace::thin() noexcept {
    for (std::size_t i = 0; i < most_samples / 2; ++i) samples_[i] = samples_[2 * i];
    count_ = most_samples / 2;
    interval_ms_ *= 2;
}

long Trace::resident_kib() const noexcept {
    char text[128];
    const ssize_t length = pread(statm_, text, sizeof text - 1, 0);
    text[length < 0 ? 0 : length] = '\0';
    const char* second = std::strchr(text, ' ');
    return second == nullptr ? 0 : std::strtol(second, nullptr, 10) * kib_per_page_;
}

std::uint64_t Trace::live_peak() noexcept {
    std::uint64_t peak = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        if (samples_[i].live_bytes > peak) peak = samples_[i].live_bytes;
    }
    return peak;
}

void Trace::print() noexcept {
    std::printf("{\"ms\": [");
    for (std::size_t i = 0; i < count_; ++i)
        std::printf("%s%.1f", i == 0 ? "" : ", ", samples_[i].ms);
    std::printf("], \"rss_kib\": [");
    for (std::size_t i = 0; i < count_; ++i)
        std::printf("%s%ld", i == 0 ? "" : ", ", samples_[i].rss_kib);
    std::printf("], \"live_kib\": [");
    for (std::size_t i = 0; i < count_; ++i) {
        std::printf("%s%llu", i == 0 ? "" : ", ",
                    static_cast<unsigned long long>(samples_[i].live_bytes / 1024));
    }
    std::printf("]}");
}

}  // namespace bench

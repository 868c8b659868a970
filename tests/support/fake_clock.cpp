#include "fake_clock.hpp"

#include <ctime>

// The linker redirects calls of clock_gettime, in this program and in the
// static library, to this function.
extern "C" int __wrap_clock_gettime(clockid_t clock, timespec* now);
extern "C" int __wrap_clock_gettime(clockid_t, timespec* now) {
    const std::uint64_t ms = fake_now_ms.load(std::memory_order_relaxed);
    now->tv_sec = static_cast<std::time_t>(ms / 1000);
    now->tv_nsec = static_cast<long>(ms % 1000) * 1'000'000;
    return 0;
}

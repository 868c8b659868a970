// The time that the library sees; it starts at 0 and stands still. Linked with
// --wrap=clock_gettime.
#ifndef ASHLAR_TESTS_SUPPORT_FAKE_CLOCK_HPP
#define ASHLAR_TESTS_SUPPORT_FAKE_CLOCK_HPP

#include <atomic>
#include <cstdint>

inline std::atomic<std::uint64_t> fake_now_ms{0};

#endif

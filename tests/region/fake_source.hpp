// The system below the heap, as a fake: memory as from the system, but it counts, can refuse, and writes to what it purges, so
// that ThreadSanitizer sees a purge of pages that somebody uses. Counters are relaxed: they must order nothing for the code
// under test.
#ifndef ASHLAR_TESTS_REGION_FAKE_SOURCE_HPP
#define ASHLAR_TESTS_REGION_FAKE_SOURCE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sys/mman.h>

#include "region/region.hpp"

class FakeSource {
  public:
    // Everything granted, all counters at zero.
    static void reset() {
        refuse_reserve = refuse_purge = false;
        reserved = purged = 0;
        purges = 0;
        populated = 0;
        last_start = 0;
        last_bytes = 0;
        in_purge = nullptr;
    }

    static inline std::atomic<bool> refuse_reserve{false};
    static inline std::atomic<bool> refuse_purge{false};
    static inline std::atomic<std::size_t> reserved{0};   // bytes out
    static inline std::atomic<std::size_t> purged{0};     // bytes, all calls together
    static inline std::atomic<std::size_t> purges{0};     // calls
    static inline std::atomic<std::size_t> populated{0};  // bytes, all calls together
    static inline std::atomic<std::uintptr_t> last_start{0};
    static inline std::atomic<std::size_t> last_bytes{0};
    static inline std::atomic<void (*)(void* start, std::size_t bytes)> in_purge{nullptr};  // what others do meanwhile
    static const ashlar::region::Source source;

  private:
    static void* reserve(std::size_t bytes) noexcept {
        if (refuse_reserve.load(std::memory_order_relaxed)) return nullptr;
        void* start = ashlar::region::kSystem.reserve(bytes);
        if (start != nullptr) reserved.fetch_add(bytes, std::memory_order_relaxed);
        return start;
    }
    static void release(void* start, std::size_t bytes) noexcept {
        reserved.fetch_sub(bytes, std::memory_order_relaxed);
        ashlar::region::kSystem.release(start, bytes);
    }
    static bool purge(void* start, std::size_t bytes) noexcept {
        purges.fetch_add(1, std::memory_order_relaxed);
        if (const auto others = in_purge.load(std::memory_order_relaxed); others != nullptr) others(start, bytes);
        if (refuse_purge.load(std::memory_order_relaxed)) return false;
        constexpr std::size_t least_page = 4096;
        for (std::size_t at = 0; at < bytes; at += least_page) static_cast<volatile char*>(start)[at] = 0;
        purged.fetch_add(bytes, std::memory_order_relaxed);
        last_start.store(reinterpret_cast<std::uintptr_t>(start), std::memory_order_relaxed);
        last_bytes.store(bytes, std::memory_order_relaxed);
        return ashlar::region::kSystem.purge(start, bytes);
    }
    static void populate(void* start, std::size_t bytes) noexcept {
        populated.fetch_add(bytes, std::memory_order_relaxed);
        ashlar::region::kSystem.populate(start, bytes);
    }
};

inline constinit const ashlar::region::Source FakeSource::source{reserve, release, purge, populate};

#endif

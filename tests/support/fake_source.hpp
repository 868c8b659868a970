// A fake of the system below the heap: memory as from the system, but it counts
// and can refuse. It writes to pages that it purges, so that ThreadSanitizer
// sees a purge of pages in use. Reserved memory has no access until it is
// committed, so that an early write crashes. Counters are relaxed: they must
// order nothing for the code under test.
#ifndef ASHLAR_TESTS_SUPPORT_FAKE_SOURCE_HPP
#define ASHLAR_TESTS_SUPPORT_FAKE_SOURCE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sys/mman.h>

#include "core/region/region.hpp"

class FakeSource {
  public:
    // Everything granted, all counters at zero.
    static void reset() {
        refuse_reserve = refuse_reserve_at = refuse_purge = stepwise = false;
        most_committed = SIZE_MAX;
        commits_left = SIZE_MAX;
        reserved = purged = committed = 0;
        purges = commits = 0;
        longest_purge = 0;
        last_start = 0;
        last_bytes = 0;
        in_purge = nullptr;
        in_commit = nullptr;
    }

    static inline std::atomic<bool> stepwise{false};  // large regions are reserved in steps
    static inline std::atomic<bool> refuse_reserve{false};
    static inline std::atomic<bool> refuse_reserve_at{false};
    static inline std::atomic<bool> refuse_purge{false};
    // Bytes in one call; more are refused.
    static inline std::atomic<std::size_t> most_committed{SIZE_MAX};
    // Calls that are still granted.
    static inline std::atomic<std::size_t> commits_left{SIZE_MAX};
    static inline std::atomic<std::size_t> reserved{0};       // bytes out
    static inline std::atomic<std::size_t> committed{0};      // bytes, all calls together
    static inline std::atomic<std::size_t> commits{0};        // calls
    static inline std::atomic<std::size_t> purged{0};         // bytes, all calls together
    static inline std::atomic<std::size_t> purges{0};         // calls
    static inline std::atomic<std::size_t> longest_purge{0};  // bytes in one call
    static inline std::atomic<std::uintptr_t> last_start{0};
    static inline std::atomic<std::size_t> last_bytes{0};
    // Called inside a purge.
    static inline std::atomic<void (*)(void* start, std::size_t bytes)> in_purge{nullptr};
    // The same.
    static inline std::atomic<void (*)(void* start, std::size_t bytes)> in_commit{nullptr};
    static const ashlar::region::Source source;

  private:
    static constexpr std::memory_order relaxed = std::memory_order_relaxed;

    static void* reserve(std::size_t bytes) noexcept {
        if (refuse_reserve.load(relaxed)) return nullptr;
        void* start = ashlar::region::kSystem.reserve(bytes);
        if (start != nullptr) reserved.fetch_add(bytes, relaxed);
        return start;
    }
    static bool reserve_at(void* start, std::size_t bytes) noexcept {
        if (refuse_reserve_at.load(relaxed) ||
            !ashlar::region::kSystemStepwise.reserve_at(start, bytes))
            return false;
        reserved.fetch_add(bytes, relaxed);
        return true;
    }
    static void* place(std::size_t bytes) noexcept {
        return stepwise.load(relaxed) ? ashlar::region::kSystemStepwise.place(bytes) : nullptr;
    }
    static void release(void* start, std::size_t bytes) noexcept {
        reserved.fetch_sub(bytes, relaxed);
        ashlar::region::kSystem.release(start, bytes);
    }
    static bool commit(void* start, std::size_t bytes) noexcept {
        commits.fetch_add(1, relaxed);
        if (const auto others = in_commit.load(relaxed); others != nullptr) others(start, bytes);
        if (bytes > most_committed.load(relaxed) || commits_left.load(relaxed) == 0) return false;
        commits_left.fetch_sub(1, relaxed);
        committed.fetch_add(bytes, relaxed);
        return ashlar::region::kSystem.commit(start, bytes);
    }
    static bool purge(void* start, std::size_t bytes) noexcept {
        purges.fetch_add(1, relaxed);
        if (const auto others = in_purge.load(relaxed); others != nullptr) others(start, bytes);
        if (refuse_purge.load(relaxed)) return false;
        // Of many pages some, so that a test does not fill the memory.
        constexpr std::size_t least_page = 4096;
        constexpr std::size_t most_touched = 256;
        const std::size_t step =
            (bytes / least_page + most_touched - 1) / most_touched * least_page;
        for (std::size_t at = 0; at < bytes; at += step) static_cast<volatile char*>(start)[at] = 0;
        purged.fetch_add(bytes, relaxed);
        if (bytes > longest_purge.load(relaxed)) longest_purge.store(bytes, relaxed);
        last_start.store(reinterpret_cast<std::uintptr_t>(start), relaxed);
        last_bytes.store(bytes, relaxed);
        return ashlar::region::kSystem.purge(start, bytes);
    }
};

inline constinit const ashlar::region::Source FakeSource::source{reserve, reserve_at, place,
                                                                 release, commit,     purge};

#endif

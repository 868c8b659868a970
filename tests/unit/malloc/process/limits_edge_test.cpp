// How seldom the system is called at the edge of a limit. The linker redirects
// the calls that change memory to functions of this file, which count them.
#include <sys/mman.h>
#include <array>
#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/process/limits.hpp"
#include "support/fake_clock.hpp"
#include "support/random.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {
std::atomic<std::size_t> system_calls{0};
}  // namespace

extern "C" {
int __real_madvise(void* start, std::size_t bytes, int advice);
int __wrap_madvise(void* start, std::size_t bytes, int advice);
int __wrap_madvise(void* start, std::size_t bytes, int advice) {
    ++system_calls;
    return __real_madvise(start, bytes, advice);
}
void* __real_mmap(void* start, std::size_t bytes, int access, int flags, int file, off_t offset);
void* __wrap_mmap(void* start, std::size_t bytes, int access, int flags, int file, off_t offset);
void* __wrap_mmap(void* start, std::size_t bytes, int access, int flags, int file, off_t offset) {
    ++system_calls;
    return __real_mmap(start, bytes, access, flags, file, offset);
}
int __real_munmap(void* start, std::size_t bytes);
int __wrap_munmap(void* start, std::size_t bytes);
int __wrap_munmap(void* start, std::size_t bytes) {
    ++system_calls;
    return __real_munmap(start, bytes);
}
}

namespace {

using namespace ashlar::cache;

constexpr std::size_t mib = std::size_t{1} << 20;

void* take(std::size_t size) { return hit_or_miss({.size = size}); }

// A program with nearly as much as it may have, that frees and allocates at
// random. An operation takes a microsecond of the false clock.
std::size_t calls_at_the_edge(std::vector<void*>& blocks, Random& random, int operations) {
    constexpr std::array<std::size_t, 6> kSizes = {100, 1000, 5000, 20'000, 70'000, 200'000};
    const std::size_t calls = system_calls.load();
    for (int i = 0; i < operations; ++i) {
        if (i % 1000 == 0) ++fake_now_ms;
        void*& block = blocks[random.below(blocks.size())];
        give(block);
        block = take(kSizes[random.below(kSizes.size())]);
    }
    return system_calls.load() - calls;
}

TEST(LimitsEdge, CostsAtMostTenCallsPerMillionOperations) {
    Random random(7);
    std::vector<void*> blocks(1000);
    calls_at_the_edge(blocks, random, 100'000);
    const std::size_t usual = limits.used();
    constexpr int kMillions = 8;
    for (const Limits::Bytes& edge :
         {Limits::Bytes{usual - mib, 0}, {usual, 0}, {0, usual}, {usual, usual + mib}}) {
        limits.set(edge);
        EXPECT_LE(calls_at_the_edge(blocks, random, kMillions * 1'000'000), kMillions * 10U)
            << "soft " << edge.soft << " hard " << edge.hard;
        EXPECT_EQ(check(), 0U);
    }
    limits.set({});
    for (void* block : blocks) give(block);
}

}  // namespace

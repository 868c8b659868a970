// A whole heap over a fake source. The library's clock stands at 0.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_HEAP_HEAP_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_HEAP_HEAP_FIXTURE_HPP

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/heap/heap.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_source.hpp"
#include "support/quiet.hpp"

class HeapOver : public testing::Test {
  protected:
    using Bin = ashlar::base::Bin;
    using Cache = ashlar::cache::Cache;
    using Heap = ashlar::cache::Heap;
    using Blocks = std::vector<void*>;

    explicit HeapOver(ashlar::base::UnitId units, std::uint32_t caches = 8)
        : heap_(((FakeSource::reset(), fake_now_ms = 0),
                 *Heap::create(FakeSource::source, units, caches))) {}
    ~HeapOver() override {
        Heap::destroy(&heap_);
        EXPECT_EQ(FakeSource::reserved, 0U) << "all that was reserved is released";
    }
    HeapOver(const HeapOver&) = delete;
    HeapOver& operator=(const HeapOver&) = delete;

    static Blocks take(Cache& cache, Bin bin, std::size_t n) {
        Blocks blocks;
        while (blocks.size() < n) {
            void* block = cache.take(bin);
            if (block == nullptr) break;
            blocks.push_back(block);
        }
        return blocks;
    }
    static void give(Cache& cache, Bin bin, const Blocks& blocks) {
        for (void* block : blocks) cache.give(block, bin);
    }
    static std::size_t cached(Cache& cache, Bin bin) {
        std::size_t n = 0;
        cache.visit(bin, [&n](void*) { ++n; });
        return n;
    }
    std::size_t in_depot(Bin c) {
        std::size_t n = 0;
        heap_.depot.visit(c, [&n](void*) { ++n; });
        return n;
    }
    // The blocks that visit() reports.
    std::set<void*> live() {
        std::set<void*> seen;
        heap_.visit(
            [](void* context, void* block, std::size_t) {
                static_cast<std::set<void*>*>(context)->insert(block);
                return true;
            },
            &seen);
        return seen;
    }
    // No block is live and no cache holds one: all units are free.
    void expect_empty() {
        heap_.reclaim();
        EXPECT_EQ(Quiet(heap_.spans, heap_.arena).faults(), "");
        EXPECT_EQ(heap_.arena.live_bytes(), 0U);
        EXPECT_EQ(heap_.spans.held(), 0U);
    }
    static bool distinct(const Blocks& blocks) {
        return std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size();
    }

    Heap& heap_;
};

#endif

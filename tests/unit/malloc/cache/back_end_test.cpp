// The back end of a heap: complete slabs are retired before the frontier rises.
#include "unit/malloc/heap/heap_fixture.hpp"

namespace {

using namespace ashlar::base;

class BackEndTest : public HeapOver {
  protected:
    static constexpr Bin kLarge = 30;

    BackEndTest() : HeapOver(600) {}

    void leave_complete_slabs(std::size_t slabs) {
        Cache& cache = *heap_.take_cache();
        give(cache, kLarge, take(cache, kLarge, slabs * kGeometry[kLarge].blocks));
        cache.flush();
        heap_.flush_depot(kLarge);
        heap_.end_cache(&cache);
    }
};

TEST_F(BackEndTest, TakeBlocksRetiresCompleteSlabsBeforeTheFrontierRises) {
    leave_complete_slabs(20);
    const UnitId frontier = heap_.spans.frontier();
    ASSERT_GT(heap_.arena.reclaimable(), 8);
    for (const Bin c : {Bin{1}, Bin{9}, Bin{20}}) {
        Atomic<UnitId> current{kNoUnit};
        void* block = nullptr;
        bool fresh;
        EXPECT_EQ(heap_.take_blocks(c, current, &block, 1, fresh), 1U);
        heap_.arena.give(c, &block, 1);
        heap_.arena.leave(c, current);
    }
    EXPECT_EQ(heap_.spans.frontier(), frontier);
    expect_empty();
}

TEST_F(BackEndTest, TakeRunRetiresCompleteSlabsBeforeTheFrontierRises) {
    leave_complete_slabs(20);
    const UnitId frontier = heap_.spans.frontier();
    void* run = heap_.take_run(10, 1).block;
    EXPECT_NE(run, nullptr);
    EXPECT_EQ(heap_.spans.frontier(), frontier);
    heap_.give_run(run);
    expect_empty();
}

TEST_F(BackEndTest, TakeBlocksRetiresTheLastCompleteSlabWhenTheRegionIsFull) {
    leave_complete_slabs(2);
    while (heap_.spans.take(1)) {
    }
    Atomic<UnitId> current{kNoUnit};
    void* block = nullptr;
    bool fresh;
    EXPECT_EQ(heap_.take_blocks(1, current, &block, 1, fresh), 1U);
}

TEST_F(BackEndTest, TickCallsAlsoTick) {
    static int calls = 0;
    heap_.also_tick = []() noexcept { ++calls; };
    heap_.tick();
    EXPECT_EQ(calls, 1);
}

}  // namespace

// The heap in the child of a fork: caches of threads that do not exist there,
// cut at any point. The tests make the cuts by hand; nothing is forked.
#include <algorithm>

#include "heap_fixture.hpp"
#include "support/private_member.hpp"

struct IndexTag {
    using Type = ashlar::base::BitmapIndex (ashlar::arena::Arena::*)[ashlar::base::kClasses];
    friend Type member_of(IndexTag);
};
template struct PrivateMember<IndexTag, &ashlar::arena::Arena::index_>;

namespace {

using namespace ashlar::base;
using ashlar::cache::capacity_of_bin;

class ForkTest : public HeapOver {
  protected:
    ForkTest() : HeapOver(600, 4) {}

    // Only the child's own thread is left, and it allocates.
    void fork_and_go_on() {
        heap_.adopt_fork(&own_);
        heap_.adopt_orphans();  // as its first miss does
    }
    // The number of live blocks without a holder: the cut lost them.
    std::size_t lost(const std::set<void*>& held) {
        std::size_t n = 0;
        for (void* block : live()) n += held.count(block) == 0 ? 1U : 0U;
        return n;
    }
    // A take returns no block that is held, and none twice.
    void expect_disjoint(std::set<void*> held, Bin bin) {
        for (void* block : take(own_, bin, 400)) ASSERT_TRUE(held.insert(block).second);
    }

    Cache& own_ = *heap_.take_cache();
    Cache& gone_ = *heap_.take_cache();
};

TEST_F(ForkTest, AdoptForkFlushesCachesOfMissingThreads) {
    std::set<void*> held;
    for (const Bin bin : {Bin{1}, Bin{4}, kClasses - 1, kClasses, kClasses + 3}) {
        const Blocks blocks = take(gone_, bin, 12);
        give(gone_, bin, {blocks.begin(), blocks.begin() + 6});
        held.insert(blocks.begin() + 6, blocks.end());
        EXPECT_GT(cached(gone_, bin), 0U);
    }
    fork_and_go_on();
    for (Bin bin = 1; bin < kBins; ++bin) EXPECT_EQ(cached(gone_, bin), 0U) << bin;
    EXPECT_EQ(live(), held);
    EXPECT_EQ(heap_.take_cache(), &gone_) << "it can be used again";
    for (void* block : held) own_.give(block, heap_.size_of(block).bin);
    own_.flush();
    expect_empty();
}

TEST_F(ForkTest, AdoptOrphansRestoresTheHintOfAMissingThread) {
    constexpr Bin bin = 4;
    const Blocks blocks = take(own_, bin, 4 * kGeometry[bin].blocks);
    own_.flush();
    heap_.arena.give(bin, &blocks.front(), 1);
    const UnitId slab = heap_.region().unit(reinterpret_cast<std::uintptr_t>(blocks.front()));
    (heap_.arena.*member_of(IndexTag{}))[bin].remove(slab);
    heap_.adopt_fork(&own_);
    heap_.adopt_orphans();
    EXPECT_EQ(heap_.check(), 0U);
    own_.flush();
    heap_.arena.give(bin, blocks.data() + 1, static_cast<std::uint32_t>(blocks.size() - 1));
    expect_empty();
}

TEST_F(ForkTest, AdoptForkKeepsTheCallersCache) {
    const Blocks blocks = take(own_, 4, 10);
    give(own_, 4, blocks);
    const std::size_t n = cached(own_, 4);
    fork_and_go_on();
    EXPECT_EQ(cached(own_, 4), n);
}

TEST_F(ForkTest, AdoptForkSkipsAHalfMadeCache) {
    gone_.heap = nullptr;  // written last when a cache is made
    void* block = own_.take(4);
    heap_.adopt_fork(&own_);
    EXPECT_EQ(live(), std::set<void*>{block});
    own_.give(block, 4);
    EXPECT_EQ(gone_.heap, nullptr);
    own_.flush();
    expect_empty();
}

TEST_F(ForkTest, AdoptForkWithoutACallersCacheFlushesAll) {
    give(own_, 4, take(own_, 4, 10));
    give(gone_, 4, take(gone_, 4, 10));
    heap_.adopt_fork(nullptr);
    void* block = heap_.allocate({ashlar::base::size_of_bin(9)}).block;
    EXPECT_EQ(cached(own_, 4) + cached(gone_, 4), 0U);
    heap_.give(block, 9);
    expect_empty();
}

TEST_F(ForkTest, AdoptForkKeepsIdleCaches) {
    heap_.end_cache(&gone_);
    fork_and_go_on();
    EXPECT_EQ(heap_.take_cache(), &gone_);
    EXPECT_NE(heap_.take_cache(), &gone_) << "not given a second time";
}

TEST_F(ForkTest, AdoptForkDuringAnOverflowEmptiesTheBin) {
    constexpr Bin bin = 4;
    const Blocks blocks = take(gone_, bin, 1000);
    gone_.flush();
    give(gone_, bin, {blocks.begin(), blocks.begin() + capacity_of_bin(bin)});
    const std::set<void*> held(blocks.begin() + capacity_of_bin(bin), blocks.end());
    // The bin's top is at its bottom while the remaining blocks move down. The
    // slots above hold copies, some of them twice.
    void** const bottom = gone_.top[bin] - capacity_of_bin(bin);
    gone_.top[bin] = bottom;
    std::copy(bottom + 64, bottom + 80, bottom);
    fork_and_go_on();
    EXPECT_EQ(lost(held), capacity_of_bin(bin));
    expect_disjoint(live(), bin);
    EXPECT_EQ(heap_.check(), 0U);
}

TEST_F(ForkTest, AdoptForkBetweenSlotAndTopLosesOneBlock) {
    constexpr Bin bin = 4;
    const Blocks blocks = take(gone_, bin, 10);
    give(gone_, bin, {blocks[0], blocks[1]});
    *gone_.top[bin] = blocks[2];
    fork_and_go_on();
    EXPECT_EQ(lost({blocks.begin() + 3, blocks.end()}), 1U);
    expect_disjoint(live(), bin);
}

TEST_F(ForkTest, AdoptForkIgnoresTheLimitOfABin) {
    constexpr Bin bin = 4;
    give(gone_, bin, take(gone_, bin, 10));
    gone_.limit[bin] = nullptr;
    fork_and_go_on();
    Cache& again = *heap_.take_cache();
    ASSERT_EQ(&again, &gone_);
    give(again, bin, take(again, bin, 1000));
    EXPECT_LE(cached(again, bin), capacity_of_bin(bin));
    again.flush();
    own_.flush();
    expect_empty();
}

TEST_F(ForkTest, AdoptForkSkipsABlockWhoseBitIsSet) {
    constexpr Bin bin = 30;
    const Blocks blocks = take(gone_, bin, 4);
    gone_.flush();
    give(gone_, bin, {blocks[0], blocks[1]});
    heap_.arena.adopt(bin, blocks[1]);  // as if the fork had been between the bit and the top
    fork_and_go_on();
    EXPECT_EQ(lost({blocks[2], blocks[3]}), 0U);
    EXPECT_EQ(heap_.check(), 0U);
    expect_disjoint({blocks[2], blocks[3]}, bin);
}

TEST_F(ForkTest, AdoptForkInAGrandchildFlushesCachesTheChildLeft) {
    give(gone_, 4, take(gone_, 4, 10));
    heap_.adopt_fork(&own_);
    fork_and_go_on();
    EXPECT_EQ(cached(gone_, 4), 0U);
    EXPECT_EQ(heap_.take_cache(), &gone_);
    EXPECT_NE(heap_.take_cache(), &gone_);
}

}  // namespace

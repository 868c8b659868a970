// Small blocks in one thread: against a model of what is live, to the byte; sizes and alignments; births and retirements of
// slabs; misuse; and the same state seen from a second place.
#include <gtest/gtest.h>
#include <map>

#include "../base/random.hpp"
#include "small_ground.hpp"

namespace {

using namespace small_ground;

constexpr Size kMiB = Size{1} << 20;

TEST(SmallShape, ClassesAreTheLeastThatFit) {
    for (Class c = 1; c + 1 < kClasses; ++c) {
        EXPECT_LT(kSizes[c].size, kSizes[c + 1].size);
        EXPECT_LE(kSizes[c + 1].size - kSizes[c].size, kMostSlack);
    }
    const Shape shape = Shape::of(64 * kMiB, kMostSmall, 1);
    for (Size size = 1; size <= kMostSmall; ++size) {
        const Class c = class_of_size(size);
        ASSERT_GE(kSizes[c].size, size);
        ASSERT_TRUE(c == 1 || kSizes[c - 1].size < size) << size;
        ASSERT_EQ(shape.class_of(size, 1), c);
        ASSERT_EQ(shape.class_of(size, kGrain), c);
    }
}

TEST(SmallShape, ReciprocalsDivideEveryOffsetOfASlab) {
    for (Class c = 1; c < kClasses; ++c) {
        for (std::uint64_t at = 0; at < Size{1} << Shape::kMostShift; ++at) {
            ASSERT_EQ(at * kSizes[c].reciprocal >> 32, at / kSizes[c].size) << c << ' ' << at;
        }
    }
}

TEST(SmallShape, SmallBuffersAndCoarseOnesHaveNoSlabs) {
    EXPECT_EQ(Shape::of(kMiB - 1, 1024, 1).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 0, 1).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 1024, 32).shift, 0U);
    EXPECT_EQ(Shape::of(kMiB, 1024, 16).shift, 12U);
    EXPECT_EQ(Shape::of(Size{1} << 48, 1024, 1).shift, 16U);
    EXPECT_EQ(Shape::of(Size{1} << 48, 1024, 1).slabs, Shape::kMostSlabs);
    const Shape none = Shape::of(1, 1024, 1);
    for (const Size size : {Size{0}, Size{1}, Size{1024}, ~Size{0}}) EXPECT_EQ(none.class_of(size, 1), 0U);
    Small small{};
    region::Carver carver(0);
    small.layout(carver, none, true);
    EXPECT_EQ(small.give(1, 0), Given::not_small);
    EXPECT_EQ(small.find(77).kind, Kind::not_small);
    EXPECT_EQ(small.totals().blocks, 0U);
    EXPECT_EQ(small.check(), 0U);
    EXPECT_LT(carver.used(), 8192U);
}

TEST(SmallShape, AllOfASlabsBlocksAreAlignedAsAskedFor) {
    for (const Size granularity : {Size{1}, Size{2}, Size{8}, Size{16}}) {
        const Shape shape = Shape::of(64 * kMiB, 1024, granularity);
        for (Size alignment = 1; alignment <= 2048; alignment *= 2) {
            for (Size size = granularity; size <= 1100; size += granularity) {
                const Class c = shape.class_of(size, alignment);
                if (size <= 1024 && alignment <= kGrain) {
                    ASSERT_NE(c, 0U) << size;
                }
                if (size > 1024 || alignment > 1024) {
                    ASSERT_EQ(c, 0U) << size;
                }
                if (c == 0) continue;
                ASSERT_GE(kSizes[c].size, size);
                ASSERT_EQ(kSizes[c].size % std::min(alignment, Size{kSizes[c].size & -kSizes[c].size}), 0U);
                ASSERT_TRUE(alignment <= kGrain || kSizes[c].size % alignment == 0) << size << ' ' << alignment;
                ASSERT_TRUE(granularity <= kGrain || kSizes[c].size % granularity == 0);
            }
        }
        EXPECT_NE(shape.class_of(granularity, 64), 0U);
    }
}

// ------------------------------------------------------------------------------------------------------------- the model

struct Trace {
    Size limit, small_limit, granularity;
    std::uint32_t most_live;
    bool shared = true;
};

class SmallModel : public testing::TestWithParam<Trace> {
  protected:
    void check(Ground& ground) {
        ASSERT_EQ(ground->check(), 0U);
        Size bytes = 0;
        for (const auto& [start, size] : live_) bytes += size;
        ASSERT_EQ(ground->totals().blocks, live_.size());
        ASSERT_EQ(ground->totals().bytes, bytes);
        ASSERT_EQ(ground->totals().held + (ground.places.free() << ground.shape.shift),
                  GetParam().limit >> ground.shape.shift << ground.shape.shift);
        ASSERT_EQ(ground.places.faults(), 0U);
    }
    // A byte of the buffer, and what is known of it.
    void probe(Ground& ground, Offset at) {
        auto above = live_.upper_bound(at);
        const bool inside = above != live_.begin() && (--above, at - above->first < above->second);
        const Small::Found found = ground->find(at);
        ASSERT_EQ(found.kind == Kind::block, inside) << at;
        if (!inside) return;
        ASSERT_EQ(found.start, above->first);
        ASSERT_EQ(found.size, above->second);
        if (at != found.start) {
            ASSERT_EQ(ground.give(0, at), Given::not_live);
        }
    }
    void take(Ground& ground, Random& random) {
        const Size grain = GetParam().granularity;
        const Size alignment = random.below(4) == 0 ? Size{1} << random.below(8) : 1;
        const Size size = (1 + random.below(GetParam().small_limit / grain)) * grain;
        const Offset start = ground.take(random.below(3), size, alignment);
        if (start == kNoOffset) return;
        ASSERT_EQ(start % std::max(alignment, grain), 0U);
        ASSERT_LE(start + size, GetParam().limit);
        const auto [at, fresh] = live_.emplace(start, size);
        ASSERT_TRUE(fresh);
        ASSERT_TRUE(at == live_.begin() || std::prev(at)->first + std::prev(at)->second <= start);
        ASSERT_TRUE(std::next(at) == live_.end() || start + size <= std::next(at)->first);
    }
    void give(Ground& ground, Random& random) {
        auto at = live_.lower_bound(random.next() % GetParam().limit);
        if (at == live_.end()) at = live_.begin();
        if (at == live_.end()) return;
        const Given given = ground.give(random.below(3), at->first);
        ASSERT_TRUE(given == Given::given || given == Given::given_last);
        const Given again = ground.give(random.below(3), at->first);
        ASSERT_TRUE(again == Given::not_live || again == Given::not_small) << "a double free";
        live_.erase(at);
    }
    void resize(Ground& ground, Random& random) {
        auto at = live_.lower_bound(random.next() % GetParam().limit);
        if (at == live_.end()) return;
        const Size size = 1 + random.below(1200);
        const Class c = class_of_size(at->second);
        const bool done = ground->resize(random.below(3), at->first, size);
        if (size <= at->second && at->second - size < 8) {
            ASSERT_TRUE(done);
        }
        if (GetParam().small_limit == 1024 && size > 1024) {
            ASSERT_FALSE(done);
        }
        if (size <= kSizes[c].size && kSizes[c].size - size <= 64) {
            ASSERT_TRUE(done);
        }
        if (done) at->second = size;
    }

    std::map<Offset, Size> live_;
};

TEST_P(SmallModel, AgreesToTheByte) {
    Ground ground(GetParam().limit, GetParam().shared, GetParam().small_limit, GetParam().granularity);
    Random random(GetParam().limit + GetParam().granularity);
    for (std::uint32_t step = 0; step < 60'000; ++step) {
        // Tides, so that slabs fill and empty.
        const bool rising = step / 8000 % 2 == 0;
        const std::uint32_t dice = random.below(10);
        if (dice < 2) {
            probe(ground, random.next() % GetParam().limit);
        } else if (dice == 2 && GetParam().granularity == 1) {
            resize(ground, random);
        } else if (live_.size() < GetParam().most_live && (dice < 8) == rising) {
            take(ground, random);
        } else {
            give(ground, random);
        }
        if (HasFatalFailure()) FAIL() << "at step " << step;
        if (step % 5000 == 0) check(ground);
    }
    check(ground);
    for (Offset at = 0; at < std::min<Size>(GetParam().limit, 300'000); ++at) {
        probe(ground, at);
        if (HasFatalFailure()) return;
    }
    while (!live_.empty()) give(ground, random);
    check(ground);
    ground.reclaim(true);
    check(ground);
    EXPECT_EQ(ground->totals().held, 0U) << "all slabs go back";
}

INSTANTIATE_TEST_SUITE_P(, SmallModel,
                         testing::Values(Trace{kMiB, 256, 1, 20'000}, Trace{kMiB + 12345, 200, 8, 20'000},
                                         Trace{16 * kMiB, 1024, 1, 20'000}, Trace{64 * kMiB, 1024, 16, 20'000},
                                         Trace{64 * kMiB, 64, 1, 20'000}, Trace{kMiB, 256, 1, 20'000, false},
                                         Trace{16 * kMiB, 1024, 1, 20'000, false}, Trace{64 * kMiB, 1024, 16, 20'000, false}));

// ------------------------------------------------------------------------------------------------------ births and deaths

// With caches of threads, and with the one of a single thread.
std::string cached(const testing::TestParamInfo<bool>& shared) { return shared.param ? "Shared" : "Alone"; }
class SmallSlabs : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, SmallSlabs, testing::Bool(), cached);
class SmallMisuse : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, SmallMisuse, testing::Bool(), cached);

TEST_P(SmallSlabs, EveryBlockOfTheBufferCanBeHad) {
    for (const Size size : {Size{8}, Size{24}, Size{56}, Size{240}}) {
        Ground ground(kMiB, GetParam());
        const std::size_t most = (kMiB >> ground.shape.shift) * ground.shape.blocks(class_of_size(size));
        std::vector<Offset> blocks;
        for (Offset at; (at = ground.take(static_cast<std::uint32_t>(blocks.size() % 40), size)) != kNoOffset;)
            blocks.push_back(at);
        EXPECT_EQ(blocks.size(), most) << "also those that other threads' caches held";
        EXPECT_EQ(ground.take(7, size + 9), kNoOffset) << "no room for another class";
        for (std::size_t i = 0; i < blocks.size(); ++i) ground.give(static_cast<std::uint32_t>(i % 40), blocks[i]);
        EXPECT_NE(ground.take(7, size + 9), kNoOffset) << "room that other threads' caches and empty slabs held";
        EXPECT_EQ(ground->check(), 0U);
    }
}

TEST_P(SmallSlabs, OneEmptySlabOfAClassIsKept) {
    Ground ground(16 * kMiB, GetParam());
    const std::size_t blocks = ground.shape.blocks(class_of_size(512));
    std::vector<Offset> taken;
    for (std::size_t i = 0; i < 10 * blocks; ++i) taken.push_back(ground.take(1, 512));
    EXPECT_EQ(ground->totals().held, 10 * ground.shape.slab_size());
    for (const Offset each : taken) ground.give(1, each);
    EXPECT_LE(ground->totals().held, 3 * ground.shape.slab_size()) << "the spare, and where the blocks of the cache lie";
    EXPECT_GE(ground->totals().held, ground.shape.slab_size());
    // Up and down at the edge: no slab comes or goes.
    std::size_t before = 0;
    for (int round = 0; round < 50; ++round) {
        for (std::size_t i = 0; i < blocks; ++i) taken[i] = ground.take(1, 512);
        for (std::size_t i = 0; i < blocks; ++i) ground.give(1, taken[i]);
        if (round < 5) before = ground.places.free();  // it settles
        ASSERT_EQ(ground.places.free(), before);
    }
    ground.reclaim(true);
    EXPECT_EQ(ground->totals().held, 0U);
}

TEST_P(SmallSlabs, APlaceLivesAgainInAnotherClass) {
    Ground ground(kMiB, GetParam());
    ground.places.keep_only(1);
    const std::vector<Size> sizes = {8, 250, 24, 8, 100, 256, 16};
    for (const Size size : sizes) {
        std::vector<Offset> taken;
        for (Offset at; (at = ground.take(3, size)) != kNoOffset;) taken.push_back(at);
        ASSERT_EQ(taken.size(), ground.shape.blocks(class_of_size(size)));
        for (const Offset each : taken) {
            EXPECT_EQ(ground->find(each + size - 1).start, each);
            EXPECT_NE(ground.give(3, each), Given::not_live);
            EXPECT_NE(ground->find(each).kind, Kind::block);
        }
        ASSERT_EQ(ground->check(), 0U);
    }
}

// More places than ids: what has none is refused, and its bytes are given back.
TEST_P(SmallSlabs, AFullTableOfSlabsIsAnAnswer) {
    Ground ground(kMiB, GetParam());
    ground.shape.slabs = 3;
    Small few{};
    ground.attach(few);  // the same memory, with room for fewer
    std::uint32_t got = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const Offset at = few.take(0, class_of_size(256), 256);
        got += at != kNoOffset || few.take_locked(0, class_of_size(256), 256, ground.places) != kNoOffset ? 1 : 0;
    }
    EXPECT_EQ(got, 3 * ground.shape.blocks(class_of_size(256)));
    EXPECT_EQ(few.totals().held, 3 * ground.shape.slab_size());
    EXPECT_EQ(ground.places.free(), (kMiB >> ground.shape.shift) - 3);
    // The places that have an id serve on, also other classes.
    std::vector<Offset> blocks;
    for (SlabId slab = 1; slab <= 3; ++slab) few.each(slab, [&](Offset start, Size) { blocks.push_back(start); });
    for (const Offset block : blocks) EXPECT_NE(few.give(0, block), Given::not_live);
    few.reclaim(true, ground.places);
    EXPECT_EQ(few.totals().held, 0U);
    for (const Size size : {Size{8}, Size{64}, Size{256}})
        EXPECT_NE(few.take_locked(0, class_of_size(size), size, ground.places), kNoOffset);
    EXPECT_EQ(few.take_locked(0, class_of_size(100), 100, ground.places), kNoOffset);
    EXPECT_EQ(ground.places.faults(), 0U);
    EXPECT_EQ(few.check(), 0U);
}

TEST_P(SmallSlabs, TheStateHoldsNoAddresses) {
    Ground ground(kMiB, GetParam());
    std::vector<Offset> taken;
    for (std::uint32_t i = 0; i < 1000; ++i) taken.push_back(ground.take(i % 3, 8 + i % 200));
    Small other{};
    ground.attach(other);
    EXPECT_EQ(other.check(), 0U);
    EXPECT_EQ(other.totals().blocks, taken.size());
    for (const Offset each : taken) EXPECT_NE(other.give(5, each), Given::not_live);
    EXPECT_EQ(ground->totals().blocks, 0U);
    EXPECT_EQ(ground->check(), 0U);
}

TEST_P(SmallSlabs, EachShowsLiveBlocksByAddress) {
    Ground ground(kMiB, GetParam());
    std::map<Offset, Size> live;
    for (Size i = 0; i < 100; ++i) live.emplace(ground.take(1, 41 + i % 8), 41 + i % 8);
    for (int i = 0; i < 30; ++i) {
        ground.give(1, live.begin()->first);
        live.erase(live.begin());
    }
    std::map<Offset, Size> seen;
    for (Offset start = 0; start < kMiB; start += ground.shape.slab_size()) {
        const SlabId slab = ground->slab_at(start);
        if (slab == 0) continue;
        EXPECT_EQ(ground->slab_at(start + 8), 0U);
        Offset last = 0;
        ground->each(slab, [&](Offset at, Size size) {
            EXPECT_TRUE(seen.emplace(at, size).second);
            EXPECT_GE(at, last);
            last = at;
        });
    }
    EXPECT_EQ(seen, live);
}

TEST_P(SmallMisuse, ChangesNothing) {
    Ground ground(kMiB, GetParam());
    const Offset block = ground.take(0, 100);
    const Offset other = ground.take(0, 100);
    EXPECT_EQ(ground.give(0, block + 1), Given::not_live);
    EXPECT_EQ(ground.give(0, block + 103), Given::not_live) << "its slack";
    EXPECT_EQ(ground.give(0, kMiB - 1), Given::not_small);
    EXPECT_EQ(ground.give(0, kMiB), Given::not_small);
    EXPECT_EQ(ground.give(0, ~Offset{0}), Given::not_small);
    EXPECT_EQ(ground.give(0, ground.shape.slab_size() - 1), Given::not_live) << "left over at the slab's end";
    EXPECT_EQ(ground->find(block + 99).start, block);
    EXPECT_EQ(ground->find(block + 100).kind, Kind::not_live);
    EXPECT_FALSE(ground->resize(0, block + 1, 100));
    EXPECT_FALSE(ground->resize(0, block, 105)) << "its class has 104";
    EXPECT_TRUE(ground->resize(0, block, 104));
    EXPECT_EQ(ground->totals().bytes, 204U);
    EXPECT_EQ(ground.give(0, block), Given::given);
    EXPECT_EQ(ground.give(0, block), Given::not_live);
    EXPECT_EQ(ground.give(1, block), Given::not_live);
    EXPECT_FALSE(ground->resize(0, block, 104));
    EXPECT_EQ(ground->totals().blocks, 1U);
    EXPECT_EQ(ground->find(other).size, 100U);
    EXPECT_EQ(ground->check(), 0U);
}

}  // namespace

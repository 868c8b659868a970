// Small blocks in one thread: against a model of what is live, to the byte;
// creations and retirements of slabs; misuse; and the same state seen from a
// second place.
#include <gtest/gtest.h>
#include <map>

#include "small_fixture.hpp"
#include "support/random.hpp"

namespace {

using namespace small_fixture;

constexpr Size kMiB = Size{1} << 20;

// ------------------------------------------------------------------- the model

struct Trace {
    Size limit, small_limit, granularity;
    std::uint32_t most_live;
    bool shared = true;
};

class SmallModel : public testing::TestWithParam<Trace> {
  protected:
    void check(Fixture& fixture) {
        ASSERT_EQ(fixture->check(), 0U);
        Size bytes = 0;
        for (const auto& [start, size] : live_) bytes += size;
        ASSERT_EQ(fixture->totals().blocks, live_.size());
        ASSERT_EQ(fixture->totals().bytes, bytes);
        ASSERT_EQ(fixture->totals().held + (fixture.places.free() << fixture.shape.shift),
                  GetParam().limit >> fixture.shape.shift << fixture.shape.shift);
        ASSERT_EQ(fixture.places.faults(), 0U);
    }
    // A byte of the buffer, and what is known of it.
    void probe(Fixture& fixture, Offset at) {
        auto above = live_.upper_bound(at);
        const bool inside = above != live_.begin() && (--above, at - above->first < above->second);
        const Small::Found found = fixture->find(at);
        ASSERT_EQ(found.kind == Kind::block, inside) << at;
        if (!inside) return;
        ASSERT_EQ(found.start, above->first);
        ASSERT_EQ(found.size, above->second);
        if (at != found.start) {
            ASSERT_EQ(fixture.give(0, at), Given::not_live);
        }
    }
    void take(Fixture& fixture, Random& random) {
        const Size grain = GetParam().granularity;
        const Size alignment = random.below(4) == 0 ? Size{1} << random.below(8) : 1;
        const Size size = (1 + random.below(GetParam().small_limit / grain)) * grain;
        const Offset start = fixture.take(random.below(3), size, alignment);
        if (start == kNoOffset) return;
        ASSERT_EQ(start % std::max(alignment, grain), 0U);
        ASSERT_LE(start + size, GetParam().limit);
        const auto [at, fresh] = live_.emplace(start, size);
        ASSERT_TRUE(fresh);
        ASSERT_TRUE(at == live_.begin() || std::prev(at)->first + std::prev(at)->second <= start);
        ASSERT_TRUE(std::next(at) == live_.end() || start + size <= std::next(at)->first);
    }
    void give(Fixture& fixture, Random& random) {
        auto at = live_.lower_bound(random.next() % GetParam().limit);
        if (at == live_.end()) at = live_.begin();
        if (at == live_.end()) return;
        const Given given = fixture.give(random.below(3), at->first);
        ASSERT_TRUE(given == Given::given || given == Given::given_last);
        const Given again = fixture.give(random.below(3), at->first);
        ASSERT_TRUE(again == Given::not_live || again == Given::not_small) << "a double free";
        live_.erase(at);
    }
    void resize(Fixture& fixture, Random& random) {
        auto at = live_.lower_bound(random.next() % GetParam().limit);
        if (at == live_.end()) return;
        const Size size = 1 + random.below(1200);
        const Class c = class_of_size(at->second);
        const bool done = fixture->resize(random.below(3), at->first, size);
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
    Fixture fixture(GetParam().limit, GetParam().shared, GetParam().small_limit,
                    GetParam().granularity);
    Random random(GetParam().limit + GetParam().granularity);
    for (std::uint32_t step = 0; step < 60'000; ++step) {
        // Tides, so that slabs fill and empty.
        const bool rising = step / 8000 % 2 == 0;
        const std::uint32_t dice = random.below(10);
        if (dice < 2) {
            probe(fixture, random.next() % GetParam().limit);
        } else if (dice == 2 && GetParam().granularity == 1) {
            resize(fixture, random);
        } else if (live_.size() < GetParam().most_live && (dice < 8) == rising) {
            take(fixture, random);
        } else {
            give(fixture, random);
        }
        if (HasFatalFailure()) FAIL() << "at step " << step;
        if (step % 5000 == 0) check(fixture);
    }
    check(fixture);
    for (Offset at = 0; at < std::min<Size>(GetParam().limit, 300'000); ++at) {
        probe(fixture, at);
        if (HasFatalFailure()) return;
    }
    while (!live_.empty()) give(fixture, random);
    check(fixture);
    fixture.reclaim(true);
    check(fixture);
    EXPECT_EQ(fixture->totals().held, 0U) << "all slabs go back";
}

INSTANTIATE_TEST_SUITE_P(
    , SmallModel,
    testing::Values(Trace{kMiB, 256, 1, 20'000}, Trace{kMiB + 12345, 200, 8, 20'000},
                    Trace{16 * kMiB, 1024, 1, 20'000}, Trace{64 * kMiB, 1024, 16, 20'000},
                    Trace{64 * kMiB, 64, 1, 20'000}, Trace{kMiB, 256, 1, 20'000, false},
                    Trace{16 * kMiB, 1024, 1, 20'000, false},
                    Trace{64 * kMiB, 1024, 16, 20'000, false}));

// -------------------------------------------------------- creations and deaths

// With caches of threads, and with the one of a single thread.
std::string cached(const testing::TestParamInfo<bool>& shared) {
    return shared.param ? "Shared" : "Alone";
}
class SmallSlabs : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, SmallSlabs, testing::Bool(), cached);
class SmallMisuse : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, SmallMisuse, testing::Bool(), cached);

TEST_P(SmallSlabs, EveryBlockOfTheBufferCanBeAllocated) {
    for (const Size size : {Size{8}, Size{24}, Size{56}, Size{240}}) {
        Fixture fixture(kMiB, GetParam());
        const std::size_t most =
            (kMiB >> fixture.shape.shift) * fixture.shape.blocks(class_of_size(size));
        std::vector<Offset> blocks;
        for (Offset at; (at = fixture.take(static_cast<std::uint32_t>(blocks.size() % 40), size)) !=
                        kNoOffset;)
            blocks.push_back(at);
        EXPECT_EQ(blocks.size(), most) << "also those that other threads' caches held";
        EXPECT_EQ(fixture.take(7, size + 9), kNoOffset) << "no room for another class";
        for (std::size_t i = 0; i < blocks.size(); ++i)
            fixture.give(static_cast<std::uint32_t>(i % 40), blocks[i]);
        EXPECT_NE(fixture.take(7, size + 9), kNoOffset)
            << "room that other threads' caches and empty slabs held";
        EXPECT_EQ(fixture->check(), 0U);
    }
}

TEST_P(SmallSlabs, OneEmptySlabOfAClassIsKept) {
    Fixture fixture(16 * kMiB, GetParam());
    const std::size_t blocks = fixture.shape.blocks(class_of_size(512));
    std::vector<Offset> taken;
    for (std::size_t i = 0; i < 10 * blocks; ++i) taken.push_back(fixture.take(1, 512));
    EXPECT_EQ(fixture->totals().held, 10 * fixture.shape.slab_size());
    for (const Offset each : taken) fixture.give(1, each);
    EXPECT_LE(fixture->totals().held, 3 * fixture.shape.slab_size())
        << "the spare, and where the blocks of the cache lie";
    EXPECT_GE(fixture->totals().held, fixture.shape.slab_size());
    // Up and down at the edge: no slab comes or goes.
    std::size_t before = 0;
    for (int round = 0; round < 50; ++round) {
        for (std::size_t i = 0; i < blocks; ++i) taken[i] = fixture.take(1, 512);
        for (std::size_t i = 0; i < blocks; ++i) fixture.give(1, taken[i]);
        if (round < 5) before = fixture.places.free();  // it settles
        ASSERT_EQ(fixture.places.free(), before);
    }
    fixture.reclaim(true);
    EXPECT_EQ(fixture->totals().held, 0U);
}

TEST_P(SmallSlabs, FreedSlabIsReusedForAnotherClass) {
    Fixture fixture(kMiB, GetParam());
    fixture.places.keep_only(1);
    const std::vector<Size> sizes = {8, 250, 24, 8, 100, 256, 16};
    for (const Size size : sizes) {
        std::vector<Offset> taken;
        for (Offset at; (at = fixture.take(3, size)) != kNoOffset;) taken.push_back(at);
        ASSERT_EQ(taken.size(), fixture.shape.blocks(class_of_size(size)));
        for (const Offset each : taken) {
            EXPECT_EQ(fixture->find(each + size - 1).start, each);
            EXPECT_NE(fixture.give(3, each), Given::not_live);
            EXPECT_NE(fixture->find(each).kind, Kind::block);
        }
        ASSERT_EQ(fixture->check(), 0U);
    }
}

// More places than ids: if all are slabs, a further one is refused, and its
// bytes are given back.
TEST_P(SmallSlabs, FullTableOfSlabsIsReported) {
    Fixture fixture(kMiB, GetParam());
    fixture.shape.slabs = 3;
    Small few{};
    fixture.attach(few);  // the same memory, with room for fewer
    std::uint32_t got = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const Offset at = few.take(0, class_of_size(256), 256);
        got += at != kNoOffset ||
                       few.take_locked(0, class_of_size(256), 256, fixture.places) != kNoOffset
                   ? 1
                   : 0;
    }
    EXPECT_EQ(got, 3 * fixture.shape.blocks(class_of_size(256)));
    EXPECT_EQ(few.totals().held, 3 * fixture.shape.slab_size());
    EXPECT_EQ(fixture.places.free(), (kMiB >> fixture.shape.shift) - 3);
    // The places that have an id serve on, also other classes.
    std::vector<Offset> blocks;
    for (SlabId slab = 1; slab <= 3; ++slab)
        few.each(slab, [&](Offset start, Size) { blocks.push_back(start); });
    for (const Offset block : blocks) EXPECT_NE(few.give(0, block), Given::not_live);
    few.reclaim(true, fixture.places);
    EXPECT_EQ(few.totals().held, 0U);
    for (const Size size : {Size{8}, Size{64}, Size{256}})
        EXPECT_NE(few.take_locked(0, class_of_size(size), size, fixture.places), kNoOffset);
    EXPECT_EQ(few.take_locked(0, class_of_size(100), 100, fixture.places), kNoOffset);
    EXPECT_EQ(fixture.places.faults(), 0U);
    EXPECT_EQ(few.check(), 0U);
}

// A program that has been everywhere: ten rounds have places that no slab has
// had, then two sets of places take turns.
TEST_P(SmallSlabs, IdsOfRetiredSlabsServeOtherPlaces) {
    Fixture fixture(kMiB, GetParam());
    fixture.shape.slabs = 3;
    Small few{};
    fixture.attach(few);
    std::vector<Offset> old, parked;
    for (int round = 0; round < 20; ++round) {
        const Size size = round % 2 == 0 ? 256 : 64;
        const Class c = class_of_size(size);
        std::vector<Offset> blocks;
        for (Offset at = 0; at != kNoOffset;) {
            at = few.take(0, c, size);
            if (at == kNoOffset) at = few.take_locked(0, c, size, fixture.places);
            if (at != kNoOffset) blocks.push_back(at);
        }
        ASSERT_EQ(blocks.size(), 3U * fixture.shape.blocks(c)) << round;
        for (const Offset stale : old) {
            ASSERT_EQ(few.find(stale).kind, Kind::not_small);
            ASSERT_EQ(few.give(0, stale), Given::not_small);
        }
        for (const Offset block : blocks) {
            ASSERT_EQ(few.find(block).start, block);
            ASSERT_EQ(few.find(block).size, size);
        }
        ASSERT_EQ(few.check(), 0U);
        for (const Offset block : blocks) ASSERT_NE(few.give(0, block), Given::not_live);
        few.reclaim(true, fixture.places);
        ASSERT_EQ(few.totals().held, 0U);
        std::vector<Offset> used;
        for (int i = 0; i < 3; ++i) used.push_back(fixture.places.take_slab());
        if (round > 10) {
            for (const Offset place : parked) fixture.places.give_slab(place);
        }
        parked = used;
        old = blocks;
    }
    EXPECT_EQ(fixture.places.faults(), 0U);
    EXPECT_EQ(few.check(), 0U);
}

TEST_P(SmallSlabs, TheStateHoldsNoAddresses) {
    Fixture fixture(kMiB, GetParam());
    std::vector<Offset> taken;
    for (std::uint32_t i = 0; i < 1000; ++i) taken.push_back(fixture.take(i % 3, 8 + i % 200));
    Small other{};
    fixture.attach(other);
    EXPECT_EQ(other.check(), 0U);
    EXPECT_EQ(other.totals().blocks, taken.size());
    for (const Offset each : taken) EXPECT_NE(other.give(5, each), Given::not_live);
    EXPECT_EQ(fixture->totals().blocks, 0U);
    EXPECT_EQ(fixture->check(), 0U);
}

TEST_P(SmallSlabs, EachShowsLiveBlocksByAddress) {
    Fixture fixture(kMiB, GetParam());
    std::map<Offset, Size> live;
    for (Size i = 0; i < 100; ++i) live.emplace(fixture.take(1, 41 + i % 8), 41 + i % 8);
    for (int i = 0; i < 30; ++i) {
        fixture.give(1, live.begin()->first);
        live.erase(live.begin());
    }
    std::map<Offset, Size> seen;
    for (Offset start = 0; start < kMiB; start += fixture.shape.slab_size()) {
        const SlabId slab = fixture->slab_at(start);
        if (slab == 0) continue;
        EXPECT_EQ(fixture->slab_at(start + 8), 0U);
        Offset last = 0;
        fixture->each(slab, [&](Offset at, Size size) {
            EXPECT_TRUE(seen.emplace(at, size).second);
            EXPECT_GE(at, last);
            last = at;
        });
    }
    EXPECT_EQ(seen, live);
}

TEST_P(SmallMisuse, ChangesNothing) {
    Fixture fixture(kMiB, GetParam());
    const Offset block = fixture.take(0, 100);
    const Offset other = fixture.take(0, 100);
    EXPECT_EQ(fixture.give(0, block + 1), Given::not_live);
    EXPECT_EQ(fixture.give(0, block + 103), Given::not_live) << "its slack";
    EXPECT_EQ(fixture.give(0, kMiB - 1), Given::not_small);
    EXPECT_EQ(fixture.give(0, kMiB), Given::not_small);
    EXPECT_EQ(fixture.give(0, ~Offset{0}), Given::not_small);
    EXPECT_EQ(fixture.give(0, fixture.shape.slab_size() - 1), Given::not_live)
        << "left over at the slab's end";
    EXPECT_EQ(fixture->find(block + 99).start, block);
    EXPECT_EQ(fixture->find(block + 100).kind, Kind::not_live);
    EXPECT_FALSE(fixture->resize(0, block + 1, 100));
    EXPECT_FALSE(fixture->resize(0, block, 105)) << "its class has 104";
    EXPECT_TRUE(fixture->resize(0, block, 104));
    EXPECT_EQ(fixture->totals().bytes, 204U);
    EXPECT_EQ(fixture.give(0, block), Given::given);
    EXPECT_EQ(fixture.give(0, block), Given::not_live);
    EXPECT_EQ(fixture.give(1, block), Given::not_live);
    EXPECT_FALSE(fixture->resize(0, block, 104));
    EXPECT_EQ(fixture->totals().blocks, 1U);
    EXPECT_EQ(fixture->find(other).size, 100U);
    EXPECT_EQ(fixture->check(), 0U);
}

}  // namespace

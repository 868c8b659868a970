// Searches for the lowest hole that stop in the middle, while blocks come and
// go, against a look at all holes.
#include "manager/moves/lowest_hole.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;
using manager::LowestHole;

class Searches {
  public:
    explicit Searches(unsigned seed) : random_(seed) {
        region::Carver measured(0);
        lowest_.layout(measured, kRanges);
        memory_.resize(measured.used() / sizeof(Offset) + 16);  // with room to align
        region::Carver placed(reinterpret_cast<std::uintptr_t>(memory_.data()));
        lowest_.layout(placed, kRanges);
        for (int i = 0; i < 400; ++i)
            blocks_.push_back(fixture_.allocator.take(1 + random_() % 60, 1));
        for (int i = 0; i < 150; ++i) drop();
        lowest_.forget();
    }

    // Ends with the lowest hole of those that reach beyond the place where the
    // search stopped last.
    void once() {
        lowest_.forget();
        LowestHole::Search search{};
        const Size size = 20 + random_() % 60, alignment = Size{1} << random_() % 5;
        const Offset before = 4000 + random_() % 12'000;
        Offset from = 0;
        LowestHole::Found found{};
        for (bool more = true; more;) {
            unsigned steps = static_cast<unsigned>(random_() % 40);
            found = lowest_.find(size, alignment, before, steps, search);
            more = search.open;
            if (!more) break;
            from = search.at;
            for (auto changes = random_() % 30; changes != 0; --changes)
                random_() % 2 == 0 ? drop() : add();
        }
        EXPECT_EQ(found.hole, lowest(size, alignment, before, from));
        if (found.hole == no_range) return;
        EXPECT_EQ(found.at % alignment, 0U);
        EXPECT_LE(found.at + size,
                  fixture_.allocator[found.hole].start + fixture_.allocator[found.hole].size);
    }
    // A search for another block forgets where the last one stopped.
    void anew() {
        lowest_.forget();
        LowestHole::Search search{};
        for (const auto& [size, alignment, before] :
             {std::array<Offset, 3>{50, 1, 9000}, {50, 1, 9001}, {51, 1, 9001}, {51, 2, 9001}}) {
            unsigned steps = 3;
            static_cast<void>(lowest_.find(size, alignment, before, steps, search));
            lowest_.forget();
        }
        unsigned steps = 1'000'000;
        EXPECT_EQ(lowest_.find(40, 4, 9000, steps, search).hole, lowest(40, 4, 9000, 0));
    }

    // Several searches with the same notes, while blocks are cut from holes:
    // none is missed, as long as nobody frees.
    void again() {
        lowest_.forget();
        for (int i = 0; i < 60; ++i) {
            const Size size = 1 + random_() % 80, alignment = Size{1} << random_() % 5;
            const Offset before = 2000 + random_() % 18'000;
            LowestHole::Search search{};
            LowestHole::Found found{};
            do {
                unsigned steps = static_cast<unsigned>(1 + random_() % 100);
                found = lowest_.find(size, alignment, before, steps, search);
            } while (search.open);
            ASSERT_EQ(found.hole, lowest(size, alignment, before, 0));
            if (found.hole == no_range) continue;
            const RangeId block = fixture_.allocator.take_at(found.at, size);
            if (block != no_range) blocks_.push_back(block);
        }
    }
    // Blocks that move leave holes, which grow over the frontier.
    void moving() {
        lowest_.forget();
        Offset from = 0;
        for (int i = 0; i < 60; ++i) {
            const RangeId block = next_block(from);
            if (block == no_range) return;
            const Range old = fixture_.allocator[block];
            from = old.start + 1;
            LowestHole::Search search{};
            unsigned steps = 1'000'000;
            const LowestHole::Found found = lowest_.find(old.size, 1, old.start, steps, search);
            ASSERT_EQ(found.hole, lowest(old.size, 1, old.start, 0));
            if (found.hole == no_range) continue;
            const RangeId target = fixture_.allocator.take_at(found.at, old.size);
            if (target == no_range) return;
            std::replace(blocks_.begin(), blocks_.end(), block, target);
            fixture_.allocator.give(block);
        }
    }
    // Ranges that a number of searches for holes of that size look at.
    [[nodiscard]] unsigned looks(unsigned searches, Size size) {
        unsigned looked = 0;
        for (unsigned i = 0; i < searches; ++i) {
            LowestHole::Search search{};
            unsigned steps = 1'000'000;
            EXPECT_EQ(lowest_.find(size, 1, 20'000 - i, steps, search).hole, no_range);
            looked += 1'000'000 - steps;
        }
        return looked;
    }

  private:
    [[nodiscard]] RangeId next_block(Offset from) const {
        const ranges::RangeAllocator& allocator = fixture_.allocator;
        RangeId at = allocator.first();
        while (at != no_range &&
               (allocator[at].start < from || ranges::kind(allocator[at]) != ranges::Kind::block))
            at = allocator[at].above;
        return at;
    }
    void drop() {
        if (blocks_.empty()) return;
        std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
        fixture_.allocator.give(blocks_.back());
        blocks_.pop_back();
    }
    void add() {
        const RangeId block = fixture_.allocator.take(1 + random_() % 60, 1);
        if (block != no_range) blocks_.push_back(block);
    }
    [[nodiscard]] RangeId lowest(Size size, Size alignment, Offset before, Offset from) const {
        const ranges::RangeAllocator& allocator = fixture_.allocator;
        for (RangeId at = allocator.first(); at != no_range; at = allocator[at].above) {
            const Range& range = allocator[at];
            const Offset start = (range.start + alignment - 1) & ~(alignment - 1);
            if (ranges::kind(range) != ranges::Kind::hole || range.start + range.size <= from ||
                start >= before)
                continue;
            if (start + size <= range.start + range.size) return at;
        }
        return no_range;
    }

    std::mt19937_64 random_;
    static constexpr std::uint32_t kRanges = 2000;
    Fixture fixture_{Placement::best_fit, 20'000, kRanges};
    LowestHole lowest_{fixture_.allocator};
    std::vector<Offset> memory_;
    std::vector<RangeId> blocks_;
};

TEST(LowestHole, FindResumesAfterEveryStop) {
    for (unsigned seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
        Searches searches(seed);
        for (int i = 0; i < 20; ++i) searches.once();
        searches.anew();
    }
}

TEST(LowestHole, NotesOfEarlierSearchesHideNoHole) {
    for (unsigned seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
        Searches searches(seed);
        searches.again();
        searches.moving();
        searches.moving();
    }
}

// More than two groups of chunks: holes of 10 bytes, and a few of 50.
TEST(LowestHole, GroupsOfChunksHideNoHole) {
    constexpr std::uint32_t kMost = 30'000;
    Fixture fixture(Placement::first_fit, 600'000, kMost);
    ranges::RangeAllocator& allocator = fixture.allocator;
    LowestHole lowest(allocator);
    region::Carver measured(0);
    lowest.layout(measured, kMost);
    std::vector<Offset> memory(measured.used() / sizeof(Offset) + 16);
    region::Carver placed(reinterpret_cast<std::uintptr_t>(memory.data()));
    lowest.layout(placed, kMost);
    std::vector<Offset> large;
    std::vector<RangeId> freed;
    for (std::uint32_t i = 0; i < 24'000; ++i) {
        const bool is_large = i % 6000 == 5000;
        const RangeId block = allocator.take(is_large ? 50 : 10, 1);
        if (is_large) large.push_back(allocator[block].start);
        if (i % 2 == 0) freed.push_back(block);
    }
    for (const RangeId block : freed) allocator.give(block);
    const auto find = [&](Size size, unsigned& steps) {
        LowestHole::Search search{};
        return lowest.find(size, 1, 240'000, steps, search);
    };
    unsigned steps = 1'000'000;
    EXPECT_EQ(find(51, steps).hole, no_range);
    EXPECT_LT(steps, 1'000'000U - 20'000U) << "all is noted";
    for (const Offset start : large) {
        steps = 1000;
        const LowestHole::Found found = find(50, steps);
        ASSERT_NE(found.hole, no_range);
        EXPECT_EQ(found.at, start);
        ASSERT_NE(allocator.take_at(found.at, 50), no_range);
    }
    steps = 1000;
    EXPECT_EQ(find(50, steps).hole, no_range);
    EXPECT_GT(steps, 0U) << "chunks without such a hole are skipped";
}

TEST(LowestHole, SearchesInVainLookOnlyOnce) {
    Searches searches(1);
    const unsigned first = searches.looks(1, 10'000);
    EXPECT_GE(first, 300U);
    EXPECT_LE(searches.looks(100, 10'000), 300U)
        << "each at the range where the last one ended, or nothing";
}

}  // namespace

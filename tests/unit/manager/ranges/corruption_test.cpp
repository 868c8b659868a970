// check() sees what is planted, whatever policy keeps the holes.
#include <cstddef>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

class Corruption : public testing::TestWithParam<Placement> {
  protected:
    Corruption() {
        for (int i = 0; i < 20; ++i) blocks_.push_back(fixture_.allocator.take(40, 1));
        for (std::size_t i = 0; i < 20; i += 4) fixture_.allocator.give(blocks_[i]);
        hole_ = blocks_[8];
        block_ = blocks_[9];
        // Blocks that are far from others that are in the tree by address join
        // it.
        for (std::size_t i = 19; indexed_ == no_range && i != 0; --i) {
            if (i % 4 == 0) continue;
            const RangeId found =
                fixture_.allocator.covering(fixture_.allocator[blocks_[i]].start + 1);
            if ((fixture_.allocator[found].state & ranges::kIndexed) != 0) indexed_ = found;
        }
        EXPECT_NE(indexed_, no_range);
        blocks_.push_back(fixture_.allocator.take(1, 1));
        fixture_.expect_sound();
    }
    // Whether it is seen; the heap is sound again afterwards.
    void plant(const std::function<void(RangeAllocator&)>& damage) {
        const std::vector<Fixture::Line> before = fixture_.memory;
        damage(fixture_.allocator);
        EXPECT_NE(fixture_.faults(), std::vector<std::string>{});
        std::copy(before.begin(), before.end(), fixture_.memory.begin());
        fixture_.expect_sound();
    }
    // Whether a word of the memory is one of a record through which some way
    // leads now.
    [[nodiscard]] bool is_followed(std::size_t word) const {
        if (word / kWords > created_) return false;
        const Range& range = fixture_.allocator[static_cast<RangeId>(word / kWords)];
        const std::size_t at = word % kWords * sizeof(std::uint32_t);
        const auto is = [at](std::size_t field, std::size_t bytes) {
            return at >= field && at < field + bytes;
        };
        const bool links = is(offsetof(Range, link), 2 * sizeof(RangeId));
        // Start, size, below, above.
        const bool place = is(offsetof(Range, start), offsetof(Range, link));
        const bool chain = is(offsetof(Range, chain), sizeof(RangeId));
        if (word < kWords) return is(offsetof(Range, below), 2 * sizeof(RangeId));
        switch (ranges::kind(range)) {
            case ranges::Kind::unused: return chain;
            case ranges::Kind::hole: return place || links;
            case ranges::Kind::block:
                return place || chain || is(offsetof(Range, asked), sizeof(Size)) ||
                       (links && range.state & ranges::kIndexed);
            default: return place;
        }
    }
    static constexpr std::uint32_t kMost = 100;
    static constexpr std::size_t kWords = sizeof(Range) / sizeof(std::uint32_t);
    Fixture fixture_{GetParam(), 2001, kMost};
    std::vector<RangeId> blocks_;
    RangeId hole_ = no_range;
    RangeId block_ = no_range;
    RangeId indexed_ = no_range;
    RangeId created_ = no_range;
};

TEST_P(Corruption, CheckReportsABrokenList) {
    plant([&](RangeAllocator& allocator) { allocator[hole_].size += 1; });
    plant([&](RangeAllocator& allocator) { allocator[block_].size -= 1; });
    plant([&](RangeAllocator& allocator) { allocator[block_].start += 1; });
    plant([&](RangeAllocator& allocator) { allocator[block_].below = blocks_[1]; });
    plant([&](RangeAllocator& allocator) { allocator[block_].above = blocks_[1]; });
    plant([&](RangeAllocator& allocator) { allocator[block_].above = 99; });
    plant([&](RangeAllocator& allocator) { allocator[block_].above = 0xffff'fff0; });
    plant([&](RangeAllocator& allocator) { allocator[no_range].below = block_; });
}

TEST_P(Corruption, CheckReportsBrokenKindsAndSizes) {
    plant([&](RangeAllocator& allocator) {
        allocator[block_].state = static_cast<std::uint32_t>(ranges::Kind::hole);
    });
    plant([&](RangeAllocator& allocator) {
        allocator[hole_].state = static_cast<std::uint32_t>(ranges::Kind::block);
    });
    plant([&](RangeAllocator& allocator) {
        allocator[hole_].state = static_cast<std::uint32_t>(ranges::Kind::fence);
    });
    plant([&](RangeAllocator& allocator) { allocator[block_].state = 0; });
    plant([&](RangeAllocator& allocator) { allocator[block_].asked = 0; });
    plant([&](RangeAllocator& allocator) { allocator[block_].asked = allocator[block_].size + 1; });
    plant([&](RangeAllocator& allocator) {
        allocator[block_].size -= 2;
        allocator[allocator[block_].above].start -= 2;
        allocator[allocator[block_].above].size += 2;
    });
}

TEST_P(Corruption, CheckReportsABrokenDirectory) {
    plant([&](RangeAllocator& allocator) { allocator[block_].chain = block_; });
    plant([&](RangeAllocator& allocator) { allocator[block_].state ^= ranges::kIndexed; });
    plant([&](RangeAllocator& allocator) { allocator[indexed_].state ^= ranges::kIndexed; });
    plant([&](RangeAllocator& allocator) { allocator[indexed_].link[0] = indexed_; });
    plant([&](RangeAllocator& allocator) { allocator[indexed_].link[1] = indexed_; });
}

TEST_P(Corruption, CheckReportsBrokenRecordsOfThePolicy) {
    plant([&](RangeAllocator& allocator) { allocator[hole_].link[0] = hole_; });
    plant([&](RangeAllocator& allocator) { allocator[hole_].link[1] = hole_; });
    plant([&](RangeAllocator& allocator) { allocator.policy().erase(hole_); });
}

// Every word of all that the heap and its policy keep, whatever it counts or
// names then: the check comes to its end, and sees it where the list, the
// directory, the unused records or the policy's links go through that word.
TEST_P(Corruption, CheckEndsWhateverWordIsBroken) {
    ASSERT_TRUE(fixture_.allocator.grow(60, false));  // a fence
    fixture_.allocator.give(blocks_[13]);
    fixture_.allocator.give(blocks_[14]);
    fixture_.expect_sound();
    for (RangeId id = 1; id <= kMost; ++id)
        created_ = fixture_.allocator[id].size != 0 || fixture_.allocator[id].below != no_range
                       ? id
                       : created_;
    auto* const words = reinterpret_cast<std::uint32_t*>(fixture_.memory.data());
    const std::size_t count = fixture_.memory.size() * sizeof(Fixture::Line) / sizeof *words;
    ASSERT_EQ(reinterpret_cast<void*>(words), &fixture_.allocator[no_range]);
    std::mt19937 random(1);
    unsigned told = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t before = words[i];
        const bool matters = is_followed(i);
        const auto id = static_cast<std::uint32_t>(i * sizeof *words / sizeof(Range));
        const std::uint32_t some[] = {0,
                                      ~0U,
                                      created_,
                                      created_ + 1,
                                      kMost,
                                      kMost + 1,
                                      before + 1,
                                      before ^ 2,
                                      id,
                                      block_,
                                      hole_,
                                      0x8000'0000U,
                                      static_cast<std::uint32_t>(random()),
                                      static_cast<std::uint32_t>(random()) % kMost};
        for (const std::uint32_t other : some) {
            words[i] = other;
            const bool seen = !fixture_.faults().empty();
            told += seen ? 1 : 0;
            ASSERT_TRUE(seen || !matters || other == before)
                << "record " << id << ", word " << i % kWords << " = " << other;
            words[i] = before;
        }
    }
    fixture_.expect_sound();
    EXPECT_NE(told, 0U);
}

INSTANTIATE_TEST_SUITE_P(Policies, Corruption,
                         testing::Values(Placement::tlsf, Placement::first_fit, Placement::next_fit,
                                         Placement::best_fit, Placement::worst_fit,
                                         Placement::ordered_best_fit, Placement::buddy,
                                         Placement::linear, Placement::ring));

}  // namespace

// check() sees what is planted, whatever policy keeps the holes.
#include <cstddef>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "ground.hpp"

namespace {

using namespace ashlar;
using ranges::Heap;

class Corruption : public testing::TestWithParam<Placement> {
  protected:
    Corruption() {
        for (int i = 0; i < 20; ++i) blocks_.push_back(ground_.heap.take(40, 1));
        for (std::size_t i = 0; i < 20; i += 4) ground_.heap.give(blocks_[i]);
        hole_ = blocks_[8];
        block_ = blocks_[9];
        EXPECT_NE(ground_.heap.covering(ground_.heap[blocks_[11]].start), no_range);  // some are in the tree by address
        blocks_.push_back(ground_.heap.take(1, 1));                                   // and one is not
        ground_.expect_sound();
    }
    // Whether it is seen; the heap is sound again afterwards.
    void plant(const std::function<void(Heap&)>& damage) {
        const std::vector<Ground::Line> before = ground_.memory;
        damage(ground_.heap);
        EXPECT_NE(ground_.faults(), std::vector<std::string>{});
        std::copy(before.begin(), before.end(), ground_.memory.begin());
        ground_.expect_sound();
    }
    // Whether a word of the memory is one of a record through which some way leads now.
    [[nodiscard]] bool is_followed(std::size_t word) const {
        if (word / kWords > born_) return false;
        const Range& range = ground_.heap[static_cast<RangeId>(word / kWords)];
        const std::size_t at = word % kWords * sizeof(std::uint32_t);
        const auto is = [at](std::size_t field, std::size_t bytes) { return at >= field && at < field + bytes; };
        const bool links = is(offsetof(Range, link), 2 * sizeof(RangeId));
        const bool place = is(offsetof(Range, start), offsetof(Range, link));  // start, size, below, above
        const bool chain = is(offsetof(Range, chain), sizeof(RangeId));
        if (word < kWords) return is(offsetof(Range, below), 2 * sizeof(RangeId));
        switch (ranges::kind(range)) {
            case ranges::Kind::unused: return chain;
            case ranges::Kind::hole: return place || links;
            case ranges::Kind::block:
                return place || chain || is(offsetof(Range, asked), sizeof(Size)) || (links && range.state & ranges::kIndexed);
            default: return place;
        }
    }
    static constexpr std::uint32_t kMost = 100;
    static constexpr std::size_t kWords = sizeof(Range) / sizeof(std::uint32_t);
    Ground ground_{GetParam(), 2001, kMost};
    std::vector<RangeId> blocks_;
    RangeId hole_ = no_range;
    RangeId block_ = no_range;
    RangeId born_ = no_range;
};

TEST_P(Corruption, OfTheListIsSeen) {
    plant([&](Heap& heap) { heap[hole_].size += 1; });
    plant([&](Heap& heap) { heap[block_].size -= 1; });
    plant([&](Heap& heap) { heap[block_].start += 1; });
    plant([&](Heap& heap) { heap[block_].below = blocks_[1]; });
    plant([&](Heap& heap) { heap[block_].above = blocks_[1]; });
    plant([&](Heap& heap) { heap[block_].above = 99; });
    plant([&](Heap& heap) { heap[block_].above = 0xffff'fff0; });
    plant([&](Heap& heap) { heap[no_range].below = block_; });
}

TEST_P(Corruption, OfKindsAndSizesIsSeen) {
    plant([&](Heap& heap) { heap[block_].state = static_cast<std::uint32_t>(ranges::Kind::hole); });
    plant([&](Heap& heap) { heap[hole_].state = static_cast<std::uint32_t>(ranges::Kind::block); });
    plant([&](Heap& heap) { heap[hole_].state = static_cast<std::uint32_t>(ranges::Kind::fence); });
    plant([&](Heap& heap) { heap[block_].state = 0; });
    plant([&](Heap& heap) { heap[block_].asked = 0; });
    plant([&](Heap& heap) { heap[block_].asked = heap[block_].size + 1; });
    plant([&](Heap& heap) {
        heap[block_].size -= 2;
        heap[heap[block_].above].start -= 2;
        heap[heap[block_].above].size += 2;
    });
}

TEST_P(Corruption, OfTheDirectoryIsSeen) {
    plant([&](Heap& heap) { heap[block_].chain = block_; });
    plant([&](Heap& heap) { heap[block_].state ^= ranges::kIndexed; });
    plant([&](Heap& heap) { heap[blocks_.back()].state ^= ranges::kWaiting; });  // it is not in the tree yet
    plant([&](Heap& heap) { heap[block_].state ^= ranges::kWaiting; });          // it is
    plant([&](Heap& heap) { heap[block_].state ^= ranges::kIndexed | ranges::kWaiting; });
    plant([&](Heap& heap) { heap[blocks_[11]].link[0] = blocks_[11]; });
    plant([&](Heap& heap) { heap[blocks_[11]].link[1] = blocks_[1]; });
}

TEST_P(Corruption, OfThePolicysRecordsIsSeen) {
    plant([&](Heap& heap) { heap[hole_].link[0] = hole_; });
    plant([&](Heap& heap) { heap[hole_].link[1] = hole_; });
    plant([&](Heap& heap) { heap.policy().erase(hole_); });
}

// Every word of all that the heap and its policy keep, whatever it counts or names then: the check comes to its end, and sees
// it where the list, the directory, the unused records or the policy's links go through that word.
TEST_P(Corruption, OfAnyWordEndsTheCheck) {
    ASSERT_TRUE(ground_.heap.grow(60, false));  // a fence
    ground_.heap.give(blocks_[13]);
    ground_.heap.give(blocks_[14]);
    ground_.expect_sound();
    for (RangeId id = 1; id <= kMost; ++id)
        born_ = ground_.heap[id].size != 0 || ground_.heap[id].below != no_range ? id : born_;
    auto* const words = reinterpret_cast<std::uint32_t*>(ground_.memory.data());
    const std::size_t count = ground_.memory.size() * sizeof(Ground::Line) / sizeof *words;
    ASSERT_EQ(reinterpret_cast<void*>(words), &ground_.heap[no_range]);
    std::mt19937 random(1);
    unsigned told = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t before = words[i];
        const bool matters = is_followed(i);
        const auto id = static_cast<std::uint32_t>(i * sizeof *words / sizeof(Range));
        const std::uint32_t some[] = {0,
                                      ~0U,
                                      born_,
                                      born_ + 1,
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
            const bool seen = !ground_.faults().empty();
            told += seen ? 1 : 0;
            ASSERT_TRUE(seen || !matters || other == before) << "record " << id << ", word " << i % kWords << " = " << other;
            words[i] = before;
        }
    }
    ground_.expect_sound();
    EXPECT_NE(told, 0U);
}

INSTANTIATE_TEST_SUITE_P(Policies, Corruption,
                         testing::Values(Placement::tlsf, Placement::first_fit, Placement::next_fit, Placement::best_fit,
                                         Placement::worst_fit, Placement::ordered_best_fit, Placement::buddy));

}  // namespace

// check() sees what is planted, whatever policy keeps the holes.
#include <functional>

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
    Ground ground_{GetParam(), 2001, 100};
    std::vector<RangeId> blocks_;
    RangeId hole_ = no_range;
    RangeId block_ = no_range;
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

// Whatever record a word names then, or whatever it counts, the check ends.
TEST_P(Corruption, OfAnyWordOfARecordEndsTheCheck) {
    unsigned seen = 0, all = 0;
    for (const RangeId id : {hole_, block_, blocks_[11], blocks_.back()}) {
        auto* words = reinterpret_cast<std::uint32_t*>(&ground_.heap[id]);
        for (std::size_t i = 0; i < sizeof(Range) / sizeof *words; ++i) {
            const std::uint32_t before = words[i];
            for (const std::uint32_t other : {before + 1, before ^ 2U, 0U, 1U, 50U, static_cast<std::uint32_t>(id)}) {
                if (other == before) continue;
                words[i] = other;
                seen += ground_.faults().empty() ? 0 : 1;
                ++all;
            }
            words[i] = before;
        }
        ground_.expect_sound();
    }
    EXPECT_GT(seen, all / 3);
}

INSTANTIATE_TEST_SUITE_P(Policies, Corruption,
                         testing::Values(Placement::tlsf, Placement::first_fit, Placement::next_fit, Placement::best_fit,
                                         Placement::worst_fit, Placement::ordered_best_fit, Placement::buddy));

}  // namespace

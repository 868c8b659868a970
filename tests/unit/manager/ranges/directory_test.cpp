// The directory against a std::map from starts to blocks.
#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "manager/ranges/directory.hpp"
#include "support/random.hpp"

namespace {

using namespace ashlar;
using ranges::Directory;

class DirectoryTest : public testing::Test {
  protected:
    static constexpr std::uint32_t most = 3000;

    DirectoryTest() {
        region::Carver measured(0);
        layout(measured);
        memory_.resize(measured.used() / sizeof(Range) + 1);
        region::Carver placed(reinterpret_cast<std::uintptr_t>(memory_.data()));
        layout(placed);
        for (RangeId id = most; id != 0; --id) unused_.push_back(id);
    }
    void insert(Offset start) {
        if (unused_.empty() || blocks_.count(start) != 0) return;
        const RangeId id = unused_.back();
        unused_.pop_back();
        ranges_[id].start = start;
        ranges::become(ranges_[id], ranges::Kind::block);
        directory_.insert(id);
        const auto at = blocks_.emplace(start, id).first;
        link(at == blocks_.begin() ? no_range : std::prev(at)->second, id);
        link(id, std::next(at) == blocks_.end() ? no_range : std::next(at)->second);
    }
    void erase(std::map<Offset, RangeId>::iterator at) {
        directory_.erase(directory_.link_to(at->first));
        link(ranges_[at->second].below, ranges_[at->second].above);
        Range gone{};
        gone.state = ranges_[at->second].state;
        ranges_[at->second] = gone;
        ranges::become(ranges_[at->second], ranges::Kind::unused);
        unused_.push_back(at->second);
        blocks_.erase(at);
    }
    void erase_some(Random& random) {
        if (blocks_.empty()) return;
        auto at = blocks_.lower_bound(random.next() % (blocks_.rbegin()->first + 1));
        erase(at);
    }
    // The list of ranges, which has only blocks here.
    void link(RangeId below, RangeId above) {
        ranges_[below].above = above;
        ranges_[above].below = below;
    }
    [[nodiscard]] bool in_tree(RangeId id) const {
        return (ranges_[id].state & ranges::kIndexed) != 0;
    }
    [[nodiscard]] RangeId last_up_to(Offset offset) const {
        const auto above = blocks_.upper_bound(offset);
        return above == blocks_.begin() ? no_range : std::prev(above)->second;
    }
    void run(std::uint64_t seed, Offset step, Offset bound) {
        Random random(seed);
        for (int i = 0; i < 20'000; ++i) {
            const Offset offset = random.next() % bound * step;
            switch (random.below(i / 5000 % 2 == 0 ? 4 : 6)) {
                case 0:
                case 4:
                case 5: erase_some(random); break;
                default: insert(offset);
            }
            const auto known = blocks_.find(offset);
            ASSERT_EQ(directory_.find(offset), known == blocks_.end() ? no_range : known->second);
            const Offset near = offset + random.next() % (2 * step);
            if (i % 7 == 0) {
                ASSERT_EQ(directory_.last_up_to(near), last_up_to(near));
            }
            if (i % 100 == 0) {
                ASSERT_TRUE(directory_.check(blocks_.size()));
            }
        }
    }

    Ranges ranges_;
    Directory directory_;
    std::map<Offset, RangeId> blocks_;
    std::vector<RangeId> unused_;

  private:
    void layout(region::Carver& carver) {
        ranges_ = Ranges(carver.array<Range>(most + 1));
        directory_.layout(carver, ranges_, most);
    }
    std::vector<Range> memory_;
};

TEST_F(DirectoryTest, BehavesLikeAMap) { run(1, 1, 5000); }
TEST_F(DirectoryTest, BehavesLikeAMapOfFarOffsets) { run(2, 1, Offset{1} << 48); }
TEST_F(DirectoryTest, BehavesLikeAMapOfMultiples) { run(3, Offset{1} << 30, Offset{1} << 18); }

// Chains stay short whatever all starts have in common: what find() looks at is
// counted in the records themselves.
TEST_F(DirectoryTest, ChainsAreShortForMultiplesOfAnything) {
    for (unsigned shift = 0; shift <= 36; ++shift) {
        for (Offset i = 0; i < most; ++i) insert(i << shift);
        std::size_t longest = 0;
        for (const auto& [start, id] : blocks_) {
            std::size_t steps = 0;
            for (RangeId at = id; at != no_range; at = ranges_[at].chain) ++steps;
            longest = std::max(longest, steps);
        }
        EXPECT_LE(longest, 14U) << "shift " << shift;
        while (!blocks_.empty()) erase(blocks_.begin());
    }
}

// The blocks that a look-up by any byte passes are counted in the records
// themselves.
TEST_F(DirectoryTest, GapsOfTheTreeAreShortForMultiplesOfAnything) {
    for (const Offset step :
         {Offset{1}, Offset{8}, Offset{24}, Offset{1000}, Offset{4096}, Offset{1} << 30}) {
        for (Offset i = 0; i < most; ++i) insert(i * step);
        std::size_t sampled = 0, gap = 0, longest = 0;
        for (const auto& [start, id] : blocks_) {
            sampled += in_tree(id) ? 1 : 0;
            gap = in_tree(id) ? 0 : gap + 1;
            longest = std::max(longest, gap);
        }
        EXPECT_GE(sampled, most / 128) << "step " << step;
        EXPECT_LE(sampled, most / 32) << "step " << step;
        EXPECT_LE(longest, 64U * 12) << "step " << step;
        EXPECT_TRUE(directory_.check(most));
        while (!blocks_.empty()) erase(blocks_.begin());
    }
}

TEST_F(DirectoryTest, BlockFarFromTheTreeJoinsIt) {
    for (Offset i = 0; i < most; ++i) insert(i * 10);
    auto at = blocks_.begin();
    for (std::size_t gap = 0; gap < 20; ++at) gap = in_tree(at->second) ? 0 : gap + 1;
    const RangeId block = at->second;
    ASSERT_FALSE(in_tree(block));
    EXPECT_EQ(directory_.last_up_to(at->first + 5), block);
    EXPECT_TRUE(in_tree(block));
    const RangeId next = std::next(at)->second;
    EXPECT_EQ(directory_.last_up_to(std::next(at)->first), next);
    EXPECT_FALSE(in_tree(next)) << "it is near";
    EXPECT_TRUE(directory_.check(most));
    erase(at);
    EXPECT_TRUE(directory_.check(most - 1));
}

TEST_F(DirectoryTest, CheckReportsAMissingBlock) {
    for (Offset i = 0; i < 100; ++i) insert(i * 10);
    EXPECT_TRUE(directory_.check(100));
    EXPECT_FALSE(directory_.check(99));
    ASSERT_NE(directory_.last_up_to(500), no_range);
    EXPECT_TRUE(directory_.check(100));
    for (const auto& [start, id] : blocks_) {
        ranges_[id].state ^= ranges::kIndexed;
        EXPECT_FALSE(directory_.check(100)) << start;
        ranges_[id].state ^= ranges::kIndexed;
    }
    EXPECT_TRUE(directory_.check(100));
    ranges_[blocks_[500]].start = 505;
    EXPECT_FALSE(directory_.check(100));
}

}  // namespace

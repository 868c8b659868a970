// The policy is not asked again for a request that it refused, until a hole
// that has room comes.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "unit/manager/make.hpp"
#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

// First fit, which counts how often it is asked.
class Counting final : public Policy {
  public:
    explicit Counting(std::uint64_t& asked) : asked_(&asked) {}
    const char* name() const noexcept override { return "counting"; }
    void attach(Ranges ranges, void* /*state*/, bool /*fresh*/) noexcept override {
        ranges_ = ranges;
    }
    void insert(RangeId hole) noexcept override { holes_.insert({ranges_[hole].start, hole}); }
    void erase(RangeId hole) noexcept override { holes_.erase({ranges_[hole].start, hole}); }
    RangeId find(Size size, Size alignment) noexcept override {
        ++*asked_;
        for (const auto& [start, hole] : holes_) {
            if (fits(ranges_[hole], size, alignment)) return hole;
        }
        return no_range;
    }
    Size largest() const noexcept override {
        Size most = 0;
        for (const auto& [start, hole] : holes_) most = std::max(most, ranges_[hole].size);
        return most;
    }

  private:
    std::uint64_t* asked_;
    std::set<std::pair<Offset, RangeId>> holes_;
};

class Refused : public testing::TestWithParam<make::Mode> {
  protected:
    // Blocks of 2000 bytes, every other one free.
    Refused() {
        ManagerOptions options = make::options(kSize, GetParam());
        options.policy = [this] { return std::make_unique<Counting>(asked_); };
        options.limit = 2 * kSize;
        options.grow_by = [this](Size, Size) { return ++growths_, Size{0}; };
        manager_ = std::make_unique<MemoryManager>(kSize, std::move(options));
        for (Offset block = 0; block < kSize / 2000; ++block)
            blocks_.push_back(manager_->allocate(2000).value());
        while (manager_->allocate(1100)) {
        }
        for (std::size_t i = 1; i < blocks_.size(); i += 2) manager_->deallocate(blocks_[i]);
        asked_ = growths_ = 0;
    }
    static constexpr Size kSize = Size{1} << 20;
    std::uint64_t asked_ = 0, growths_ = 0;
    std::unique_ptr<MemoryManager> manager_;
    std::vector<Offset> blocks_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Refused, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Refused, RequestAsksThePolicyOnce) {
    EXPECT_EQ(manager_->allocate(3000), std::nullopt);
    EXPECT_EQ(asked_, 1U);
    EXPECT_EQ(growths_, 1U) << "a callback may have more room by now";
}

TEST_P(Refused, RequestIsKnownAfterwards) {
    ASSERT_EQ(manager_->allocate(3000), std::nullopt);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(manager_->allocate(3000), std::nullopt);
        EXPECT_EQ(manager_->allocate(3001), std::nullopt) << "more";
        EXPECT_EQ(manager_->allocate(3000, 64), std::nullopt) << "and aligned";
    }
    EXPECT_EQ(asked_, 1U);
    EXPECT_EQ(manager_->allocate(2999), std::nullopt);
    EXPECT_EQ(asked_, 2U) << "less may fit";
    EXPECT_TRUE(manager_->allocate(2000));
}

TEST_P(Refused, RequestSucceedsAfterABlockIsFreed) {
    ASSERT_EQ(manager_->allocate(6000), std::nullopt);
    manager_->deallocate(blocks_[10]);
    EXPECT_EQ(manager_->allocate(6000), blocks_[9]);
    ASSERT_EQ(manager_->allocate(2600), std::nullopt);
    EXPECT_TRUE(manager_->resize(blocks_[20], 1399));
    EXPECT_EQ(manager_->allocate(2600), blocks_[20] + 1399);
}

// Holes that come do not help if they have no room at the alignment.
TEST_P(Refused, AlignedRequestIsKnownUntilAHoleSuits) {
    ASSERT_EQ(manager_->allocate(2000, 1 << 19), std::nullopt);
    const std::uint64_t asked = asked_;
    std::size_t i = 100;
    for (; i < 120; i += 2) {
        manager_->deallocate(blocks_[i]);
        EXPECT_EQ(manager_->allocate(2000, 1 << 19), std::nullopt);
    }
    EXPECT_EQ(asked_, asked);
    for (i = 0; i < blocks_.size(); i += 2) {
        if (manager_->is_block(blocks_[i])) manager_->deallocate(blocks_[i]);
    }
    EXPECT_EQ(manager_->allocate(2000, 1 << 19).value() % (1 << 19), 0U);
}

// Against all holes, after each kind of change.
TEST(Refusal, IsTrueWhateverChanged) {
    for (const Placement placement : make::placements) {
        Fixture fixture(placement, 100'000, 10'000);
        RangeAllocator& allocator = fixture.allocator;
        std::mt19937 random(11);
        std::vector<Offset> blocks;
        std::size_t refusals = 0, rooms = 0;
        const auto pick = [&] { return blocks[random() % blocks.size()]; };
        for (int step = 0; step < 20'000; ++step) {
            const Size size = 1 + random() % 4000, alignment = Size{1} << random() % 9;
            const unsigned kind = random() % 16;
            if (kind == 0 && !blocks.empty()) {
                static_cast<void>(allocator.resize(allocator.at(pick()), size));
            } else if (kind < 8 && !blocks.empty()) {
                std::swap(blocks[random() % blocks.size()], blocks.back());
                allocator.give(allocator.at(blocks.back()));
                blocks.pop_back();
            } else if (step % 5000 == 4999) {
                ASSERT_TRUE(allocator.grow(1000, true));
            } else {
                const RangeId block = allocator.take(size, alignment);
                if (block != no_range) {
                    blocks.push_back(allocator[block].start);
                    continue;
                }
                ++refusals;
                const Size needed =
                    fixture.policy->shaped() ? fixture.policy->rounded(size, alignment) : size;
                for (RangeId at = allocator.first(); at != no_range; at = allocator[at].above) {
                    if (ranges::kind(allocator[at]) != ranges::Kind::hole) continue;
                    const Offset from = (allocator[at].start + alignment - 1) & ~(alignment - 1);
                    rooms += from + needed <= allocator[at].start + allocator[at].size ? 1 : 0;
                }
                ASSERT_EQ(rooms, 0U) << allocator.policy().name() << ", step " << step;
            }
        }
        EXPECT_GT(refusals, 100U);
        fixture.expect_sound();
    }
}

}  // namespace

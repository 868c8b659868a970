// Pages of guarded blocks: where blocks lie, which page is reused, how many
// there are, and many threads at a time.
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "malloc/guards/guarded_blocks.hpp"

namespace {

using namespace ashlar::guards;

std::uintptr_t number(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }

class GuardedBlocksTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(blocks_.start(1)); }
    // Each block fills its page up to one end.
    [[nodiscard]] bool is_placed(std::uintptr_t block, std::size_t size,
                                 std::size_t alignment = 16) const {
        const std::uintptr_t within = block % page_;
        return within == 0 || within == page_ - (size + alignment - 1) / alignment * alignment;
    }
    [[nodiscard]] std::vector<void*> take_all() {
        std::vector<void*> taken;
        while (void* block = blocks_.take(100, 16)) taken.push_back(block);
        return taken;
    }

    GuardedBlocks blocks_{};
    const std::size_t page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
};

TEST(GuardedBlocks, KnowNoAddressBeforeTheStart) {
    GuardedBlocks blocks{};
    int other = 0;
    EXPECT_FALSE(blocks.on());
    EXPECT_FALSE(blocks.contains(&other));
    EXPECT_FALSE(blocks.contains(nullptr));
    EXPECT_FALSE(blocks.give(&other));
    EXPECT_EQ(blocks.size_of(&other), 0U);
    EXPECT_FALSE(blocks.holds(&other));
}

TEST_F(GuardedBlocksTest, TakePlacesBlocksAtTheEndsOfPages) {
    std::set<bool> at_end;
    for (const std::size_t size : {0UL, 1UL, 16UL, 17UL, 1000UL, page_ - 1, page_}) {
        for (const std::size_t alignment : {1UL, 16UL, 64UL, page_}) {
            for (int i = 0; i < 4; ++i) {
                void* block = blocks_.take(size, alignment);
                ASSERT_NE(block, nullptr) << size << ' ' << alignment;
                const std::size_t asked = size == 0 ? 1 : size;
                EXPECT_EQ(number(block) % alignment, 0U);
                EXPECT_TRUE(is_placed(number(block), asked, alignment < 16 ? 16 : alignment));
                EXPECT_EQ(blocks_.size_of(block), asked);
                EXPECT_TRUE(blocks_.holds(block));
                EXPECT_FALSE(blocks_.holds(static_cast<char*>(block) + asked));
                std::memset(block, 0, asked);
                at_end.insert(number(block) % page_ != 0);
                EXPECT_TRUE(blocks_.give(block));
            }
        }
    }
    EXPECT_EQ(at_end.size(), 2U);
    EXPECT_EQ(blocks_.held(), 0U);
}

TEST_F(GuardedBlocksTest, TakeRefusesMoreThanAPage) {
    EXPECT_EQ(blocks_.take(page_ + 1, 16), nullptr);
    EXPECT_EQ(blocks_.take(16, 2 * page_), nullptr);
    EXPECT_EQ(blocks_.sample(page_ + 1, 16), nullptr);
    EXPECT_EQ(blocks_.blocks(), 0U);
}

TEST_F(GuardedBlocksTest, TakeLeavesAQuarterOfThePagesForFreedBlocks) {
    const std::vector<void*> taken = take_all();
    EXPECT_EQ(taken.size(), blocks_.pages() / 4 * 3);
    EXPECT_EQ(blocks_.blocks(), taken.size());
    EXPECT_EQ(blocks_.held(), taken.size() * 100);
    EXPECT_TRUE(blocks_.give(taken[7]));
    void* again = blocks_.take(100, 16);
    EXPECT_NE(again, nullptr);
    EXPECT_EQ(blocks_.take(100, 16), nullptr);
}

TEST_F(GuardedBlocksTest, TakeReusesThePageThatWasFreedFirst) {
    std::vector<void*> taken = take_all();
    // The last quarter comes first, since no block was there yet.
    for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_TRUE(blocks_.give(taken[i]));
    for (std::uint32_t i = 0; i < blocks_.pages() - taken.size(); ++i) {
        void* block = blocks_.take(100, 16);
        for (const void* before : taken) EXPECT_NE(number(block) / page_, number(before) / page_);
        EXPECT_TRUE(blocks_.give(block));
    }
    for (const void* before : taken) {
        void* block = blocks_.take(100, 16);
        EXPECT_EQ(number(block) / page_, number(before) / page_);
        EXPECT_TRUE(blocks_.give(block));
    }
}

TEST(GuardedBlocks, SampleTakesOneBlockInNMisses) {
    constexpr std::uint32_t kEvery = 50;
    constexpr int kSamples = 1000;
    GuardedBlocks blocks{};
    ASSERT_TRUE(blocks.start(kEvery));
    int samples = 0;
    std::set<std::uint32_t> distances;
    std::uint32_t distance = 0;
    for (std::uint32_t i = 0; i < kSamples * kEvery; ++i) {
        ++distance;
        void* block = blocks.sample(64, 16);
        if (block == nullptr) continue;
        ++samples;
        distances.insert(distance);
        EXPECT_LT(distance, 2 * kEvery);
        distance = 0;
        EXPECT_TRUE(blocks.give(block));
    }
    EXPECT_GT(samples, kSamples / 10 * 9);
    EXPECT_LT(samples, kSamples / 10 * 11);
    EXPECT_GT(distances.size(), kEvery);
}

TEST_F(GuardedBlocksTest, NearestKnowsTheBlockOfEachAddress) {
    auto* first = static_cast<char*>(blocks_.take(page_, 16));
    auto* second = static_cast<char*>(blocks_.take(page_, 16));
    ASSERT_EQ(second - first, static_cast<std::ptrdiff_t>(2 * page_));
    const auto nearest = [this](const char* at) { return blocks_.nearest(number(at)); };
    EXPECT_EQ(nearest(first + 5).block, number(first));
    EXPECT_TRUE(nearest(first + 5).on_page);
    EXPECT_EQ(nearest(first + page_).block, number(first));
    EXPECT_FALSE(nearest(first + page_).on_page);
    EXPECT_EQ(nearest(first + 2 * page_ - 1).block, number(second));
    EXPECT_EQ(nearest(first - page_).block, number(first));
    EXPECT_EQ(nearest(second + 2 * page_ - 1).block, number(second));  // none lies behind it
    EXPECT_EQ(nearest(second + 3 * page_).block, 0U);
    const Record::Copy live = nearest(first);
    EXPECT_TRUE(live.live() && live.whole);
    EXPECT_EQ(live.size, page_);
    EXPECT_EQ(live.taken.thread, static_cast<std::uint32_t>(gettid()));
    EXPECT_GT(live.taken.count, 0U);
    EXPECT_EQ(live.freed.thread, 0U);
    EXPECT_TRUE(blocks_.give(first));
    const Record::Copy freed = nearest(first);
    EXPECT_FALSE(freed.live());
    EXPECT_TRUE(freed.whole);
    EXPECT_EQ(freed.freed.thread, static_cast<std::uint32_t>(gettid()));
}

// Threads that take blocks, and give those of each other.
class Workers {
  public:
    Workers(GuardedBlocks& blocks, std::size_t most) : blocks_(blocks), most_(most) {
        for (int t = 0; t < kThreads; ++t) threads_.emplace_back([this, t] { work(t); });
    }
    [[nodiscard]] bool run() const { return running_.load(ashlar::base::acq) != 0; }
    void join() {
        for (std::thread& thread : threads_) thread.join();
        for (auto& slot : slots_) {
            void* left = reinterpret_cast<void*>(slot.load(ashlar::base::rlx));
            if (left != nullptr) {
                EXPECT_TRUE(blocks_.give(left));
            }
        }
    }

  private:
    static constexpr int kThreads = 4;
    static constexpr int kSteps = 3000;
    static constexpr std::size_t kSlots = 64;

    void work(int t) {
        for (int i = 0; i < kSteps; ++i) {
            const std::size_t size = 1 + static_cast<std::size_t>(i * 31 + t) % most_;
            void* block = blocks_.take(size, 16);
            if (block != nullptr) {
                EXPECT_EQ(blocks_.size_of(block), size);
                std::memset(block, t, size);
            }
            auto& slot = slots_[static_cast<std::size_t>(i * 7 + t * 13) % kSlots];
            give(reinterpret_cast<void*>(slot.exchange(number(block), ashlar::base::acq_rel)));
        }
        running_.fetch_sub(1, ashlar::base::acq_rel);
    }
    void give(void* block) {
        if (block == nullptr) return;
        const auto* bytes = static_cast<const unsigned char*>(block);
        EXPECT_EQ(bytes[0], bytes[blocks_.size_of(block) - 1]);
        EXPECT_TRUE(blocks_.give(block));
    }

    GuardedBlocks& blocks_;
    std::size_t most_;
    ashlar::base::Atomic<std::uintptr_t> slots_[kSlots]{};
    ashlar::base::Atomic<int> running_{kThreads};
    std::vector<std::thread> threads_;
};

// Another thread reads the records meanwhile: a whole copy belongs to one
// block.
TEST_F(GuardedBlocksTest, ThreadsNeverShareABlock) {
    void* first = blocks_.take(1, 1);
    const std::uintptr_t pool = number(first) / page_ * page_;
    ASSERT_TRUE(blocks_.give(first));
    Workers workers(blocks_, page_ / 2);
    std::uint64_t whole = 0;
    for (std::uint32_t page = 0; workers.run(); ++page) {
        std::this_thread::yield();
        const std::uintptr_t at = pool + 2 * page_ * (page % 4);
        const Record::Copy copy = blocks_.nearest(at);
        if (!copy.whole || copy.block == 0) continue;
        ++whole;
        EXPECT_EQ(copy.block / page_, at / page_);
        EXPECT_TRUE(is_placed(copy.block, copy.size)) << copy.block << ' ' << copy.size;
    }
    workers.join();
    EXPECT_GT(whole, 0U);
    EXPECT_EQ(blocks_.blocks(), 0U);
    EXPECT_EQ(blocks_.held(), 0U);
    EXPECT_EQ(take_all().size(), blocks_.pages() / 4 * 3);
}

}  // namespace

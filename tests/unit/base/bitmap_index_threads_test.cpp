// BitmapIndex in several threads: each inserted id is taken once, and at the
// end every summary covers its ids.
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "own_bitmap_index.hpp"
#include "support/random.hpp"
#include "support/together.hpp"

namespace {

using namespace ashlar::base;

constexpr unsigned threads = 4;

class IndexThreads : public testing::TestWithParam<std::uint32_t> {};

TEST_P(IndexThreads, EachInsertedIdIsTakenExactlyOnce) {
    OwnBitmapIndex own(GetParam());
    std::vector<Atomic<std::uint32_t>> taken(own.ids());
    const std::uint32_t step = own.ids() > 20'000 ? 7 : 1;
    Atomic<std::uint32_t> inserting{threads};
    const auto take_all = [&] {
        for (std::uint32_t id = own.index.take_lowest(); id != BitmapIndex::kNone;
             id = own.index.take_lowest()) {
            taken[id].fetch_add(1, rlx);
        }
    };
    together(2 * threads, [&](unsigned self) {
        if (self < threads) {
            for (std::uint32_t id = self * step; id < own.ids(); id += threads * step)
                own.index.insert(id);
            inserting.fetch_sub(1, rel);
        } else {
            while (inserting.load(acq) != 0) take_all();
        }
    });
    EXPECT_EQ(own.unnamed(), 0U);
    take_all();
    std::size_t wrong = 0;
    for (std::uint32_t id = 0; id < own.ids(); ++id)
        wrong += taken[id].load(rlx) != (id % step == 0 ? 1U : 0U) ? 1U : 0U;
    EXPECT_EQ(wrong, 0U);
    EXPECT_FALSE(own.index.any());
}

TEST_P(IndexThreads, OverlappingTakeMasksShareNoBit) {
    OwnBitmapIndex own(GetParam());
    const std::uint32_t words = BitmapIndex::words_of_level(own.ids(), 0);
    const std::uint32_t word = words - 1;
    std::array<Atomic<std::uint32_t>, kWordBits> holders{};
    own.index.give_mask(word, ~Word{0});
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned self) {
        Random random(self + 1);
        for (int round = 0; round < 3000; ++round) {
            const Word got = own.index.take_mask(word, random.next() | random.next());
            for (Word left = got; left != 0; left &= left - 1) {
                if (holders[lowest(left)].exchange(1, rlx) != 0) faults.fetch_add(1, rlx);
            }
            for (Word left = got; left != 0; left &= left - 1) holders[lowest(left)].store(0, rlx);
            if (got != 0 && own.index.give_mask(word, got) != 0) faults.fetch_add(1, rlx);
        }
    });
    EXPECT_EQ(faults.load(rlx), 0U);
    EXPECT_EQ(own.index.leaf_word(word), ~Word{0});
    EXPECT_EQ(own.unnamed(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Depths, IndexThreads, testing::Values(64U, 2048U, 70'000U));

// Many short meetings of an insert with the clears of its path; a summary that
// says too little would show at the end of one.
TEST(IndexThreads, ConcurrentClearHidesNoInsert) {
    constexpr int rounds = 3000;
    OwnBitmapIndex own(64 * 32 + 64);
    std::size_t unnamed = 0;
    std::size_t lost = 0;
    Meeting meeting(3);
    together(3, [&](unsigned self) {
        Random random(self);
        for (int round = 0; round < rounds; ++round) {
            meeting.arrive_and_wait();
            if (self == 2) {
                for (int i = 0; i < 4; ++i) static_cast<void>(own.index.take_lowest());
            } else {
                for (int i = 0; i < 4; ++i) {
                    own.index.insert(self);
                    own.index.remove(self);
                }
                own.index.insert(2 + self + random.below(2) * 64 * 32);
            }
            meeting.arrive_and_wait();
            if (self == 0) {
                unnamed += own.unnamed();
                while (own.index.take_lowest() != BitmapIndex::kNone) {
                }
                for (std::uint32_t id = 0; id < own.ids(); ++id)
                    lost += own.index.contains(id) ? 1U : 0U;
            }
        }
    });
    EXPECT_EQ(unnamed, 0U);
    EXPECT_EQ(lost, 0U) << "ids that take_lowest() did not find";
}

}  // namespace

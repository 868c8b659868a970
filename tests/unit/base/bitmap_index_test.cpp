// BitmapIndex in one thread: against a std::set, over several depths, and after
// a thread stopped inside.
#include <set>

#include <gtest/gtest.h>

#include "own_bitmap_index.hpp"
#include "support/random.hpp"

namespace {

using namespace ashlar::base;

class IndexOf : public testing::TestWithParam<std::uint32_t> {};

TEST(IndexShape, LevelsEndAtOneWord) {
    EXPECT_EQ(BitmapIndex::levels(1), 1U);
    EXPECT_EQ(BitmapIndex::levels(64), 1U);
    EXPECT_EQ(BitmapIndex::levels(65), 2U);
    EXPECT_EQ(BitmapIndex::levels(64 * 32), 2U);
    EXPECT_EQ(BitmapIndex::levels(64 * 32 + 1), 3U);
    EXPECT_LE(BitmapIndex::levels((1U << 30) + 1), BitmapIndex::kMaxLevels);
    EXPECT_EQ(BitmapIndex::words_of_level(64 * 32 + 1, 0), 33U);
    EXPECT_EQ(BitmapIndex::words_of_level(64 * 32 + 1, 1), 2U);
    EXPECT_EQ(BitmapIndex::words_of_level(64 * 32 + 1, 2), 1U);
}

// The first leaf word from `word` on that holds an id of the model.
std::uint32_t first_word(const std::set<std::uint32_t>& model, std::uint32_t word,
                         std::uint32_t end) {
    const auto at = model.lower_bound(word * kWordBits);
    return at == model.end() || *at / kWordBits >= end ? end : *at / kWordBits;
}

void expect_same(OwnBitmapIndex& own, const std::set<std::uint32_t>& model, std::uint32_t id,
                 std::uint32_t word) {
    ASSERT_EQ(own.index.contains(id), model.contains(id)) << id;
    ASSERT_EQ(own.index.any(), !model.empty());
    ASSERT_EQ(own.unnamed(), 0U);
    // A summary may say too much, never too little: next_word may stop early,
    // but not pass over an id.
    const std::uint32_t end = BitmapIndex::words_of_level(own.ids(), 0);
    ASSERT_LE(own.index.next_word(word, end), first_word(model, word, end));
    ASSERT_GE(own.index.next_word(word, end), word);
}

TEST_P(IndexOf, BehavesLikeASet) {
    OwnBitmapIndex own(GetParam());
    std::set<std::uint32_t> model;
    Random random(GetParam());
    const std::uint32_t steps = own.ids() > 100'000 ? 1500 : 6000;
    for (std::uint32_t step = 0; step < steps; ++step) {
        // Ids in clusters: words become full and empty again.
        const std::uint32_t id =
            random.below(random.below(4) != 0 && own.ids() > 200 ? 200 : own.ids());
        switch (random.below(4)) {
            case 0:
            case 1:
                own.index.insert(id);
                model.insert(id);
                break;
            case 2:
                own.index.remove(id);
                model.erase(id);
                break;
            default:
                ASSERT_EQ(own.index.lowest_id(),
                          model.empty() ? BitmapIndex::kNone : *model.begin());
                ASSERT_EQ(own.index.take_lowest(),
                          model.empty() ? BitmapIndex::kNone : *model.begin());
                if (!model.empty()) model.erase(model.begin());
        }
        if (step % 16 == 0)
            expect_same(own, model, id, random.below(BitmapIndex::words_of_level(own.ids(), 0)));
    }
    for (const std::uint32_t id : model) ASSERT_EQ(own.index.take_lowest(), id);
    EXPECT_EQ(own.index.take_lowest(), BitmapIndex::kNone);
    EXPECT_TRUE(own.blank()) << "a single thread leaves no summary behind";
}

TEST_P(IndexOf, TakeMaskClaimsExactlyTheSetBits) {
    OwnBitmapIndex own(GetParam());
    const std::uint32_t last = BitmapIndex::words_of_level(own.ids(), 0) - 1;
    EXPECT_EQ(own.index.give_mask(last, 1), 0U);
    EXPECT_EQ(own.index.give_mask(last, 1), 1U) << "given twice";
    EXPECT_EQ(own.index.leaf_word(last), 1U);
    EXPECT_EQ(own.unnamed(), 0U);
    EXPECT_EQ(own.index.next_word(0, last + 1), last);
    EXPECT_EQ(own.index.next_word(0, last), last) << "the end, where there is none";
    EXPECT_EQ(own.index.take_mask(last, 3), 1U);
    EXPECT_EQ(own.index.take_mask(last, 3), 0U);
    EXPECT_TRUE(own.blank());
}

INSTANTIATE_TEST_SUITE_P(Depths, IndexOf,
                         testing::Values(1U, 64U, 65U, 2048U, 2049U, 65'536U, 65'537U, 200'000U));

TEST(BitmapIndex, StridedIndexesDoNotTouchEachOther) {
    constexpr std::uint32_t ids = 3000;
    std::vector<Atomic<Word>> leaves(2 * BitmapIndex::words_of_level(ids, 0));
    std::vector<Atomic<Word>> middle(2 * BitmapIndex::words_of_level(ids, 1));
    std::vector<Atomic<Word>> top(2);
    BitmapIndex index[2]{};
    for (std::uint32_t i = 0; i < 2; ++i) {
        index[i].attach(0, leaves.data() + i, 2);
        index[i].attach(1, middle.data() + i, 2);
        index[i].attach(2, top.data() + i, 2);
    }
    for (std::uint32_t id = 0; id < ids; ++id) index[id % 2].insert(id);
    for (std::uint32_t id = 0; id < ids; ++id) ASSERT_EQ(index[id % 2].take_lowest(), id);
    EXPECT_FALSE(index[0].any() || index[1].any());
}

TEST(BitmapIndex, LevelsMayBeAttachedInAnyOrder) {
    std::vector<Atomic<Word>> leaves(BitmapIndex::words_of_level(100, 0));
    std::vector<Atomic<Word>> top(1);
    BitmapIndex index{};
    index.attach(1, top.data(), 1);
    index.attach(0, leaves.data(), 1);
    index.insert(99);
    EXPECT_EQ(top[0].load(rlx), bit(1));
    EXPECT_EQ(index.take_lowest(), 99U);
}

// States that stopped threads leave. Three levels: 33 leaf words, 2 summaries,
// the top.
class IndexAfterAStop : public testing::Test {
  protected:
    OwnBitmapIndex own_{64 * 32 + 64};
};

TEST_F(IndexAfterAStop, InsertStoppedAtItsLeafHidesOnlyItsId) {
    own_.word(0, 32).store(bit(5), seq_cst);
    own_.index.insert(32 * 64 + 9);
    EXPECT_EQ(own_.index.take_lowest(), 32 * 64 + 5U) << "found together with its neighbour";
    EXPECT_EQ(own_.index.take_lowest(), 32 * 64 + 9U);
}

TEST_F(IndexAfterAStop, InsertStoppedBelowTheTopHidesOnlyItsId) {
    own_.word(0, 32).store(bit(5), seq_cst);
    own_.word(1, 1).store(bit(0), seq_cst);
    own_.index.insert(32 * 64 + 9);
    EXPECT_EQ(own_.unnamed(), 0U);
    EXPECT_EQ(own_.index.take_lowest(), 32 * 64 + 5U);
}

TEST_F(IndexAfterAStop, InsertOfTheSameIdMakesItFound) {
    own_.word(0, 32).store(bit(5), seq_cst);
    own_.index.insert(32 * 64 + 5);
    EXPECT_EQ(own_.index.take_lowest(), 32 * 64 + 5U);
}

TEST_F(IndexAfterAStop, StoppedClearCostsOneExtraLoad) {
    // Stopped after it set `busy` for leaf 3 and after it took `some` off.
    own_.word(1, 0).store(bit(32 + 3), seq_cst);
    own_.word(2, 0).store(bit(0), seq_cst);
    EXPECT_EQ(own_.index.take_lowest(), BitmapIndex::kNone)
        << "and ends, though the summary says maybe for ever";
    EXPECT_FALSE(own_.index.any());
    own_.index.insert(3 * 64);
    own_.index.insert(7 * 64);
    EXPECT_EQ(own_.index.take_lowest(), 3 * 64U);
    EXPECT_EQ(own_.index.take_lowest(), 7 * 64U);
    EXPECT_EQ(own_.index.take_lowest(), BitmapIndex::kNone);
    EXPECT_EQ(own_.word(1, 0).load(seq_cst) >> 32, bit(3))
        << "only the thread that set `busy` may clear it";
}

TEST_F(IndexAfterAStop, ClearStoppedBeforeItsSecondCheckHidesNoInsert) {
    own_.index.insert(3 * 64);
    // Stopped between clearing `some` and its check, with an insert in between.
    own_.word(1, 0).store(bit(32 + 3), seq_cst);
    EXPECT_EQ(own_.unnamed(), 0U);
    EXPECT_EQ(own_.index.next_word(0, 33), 3U);
    EXPECT_EQ(own_.index.take_lowest(), 3 * 64U);
}

}  // namespace

#include <algorithm>

#include <gtest/gtest.h>

#include "base/bits.hpp"

#include "support/random.hpp"

namespace {

using namespace ashlar::base;

TEST(Bits, MaskHasExactlyTheBitsOfItsRange) {
    for (unsigned from = 0; from < kWordBits; ++from) {
        for (unsigned length = 1; from + length <= kWordBits; ++length) {
            Word expected = 0;
            for (unsigned i = from; i < from + length; ++i) expected |= bit(i);
            ASSERT_EQ(mask(from, length), expected) << from << " + " << length;
        }
    }
}

TEST(Bits, LowestAndCountSeeEveryBit) {
    for (unsigned i = 0; i < kWordBits; ++i) {
        EXPECT_EQ(lowest(bit(i)), i);
        EXPECT_EQ(lowest(~Word{0} << i), i);
        EXPECT_EQ(count(~Word{0} << i), kWordBits - i);
    }
    EXPECT_EQ(count(0), 0U);
}

TEST(Bits, LowestOnesTakesThatManyFromTheBottom) {
    Random random(1);
    for (int round = 0; round < 5000; ++round) {
        const Word word = random.next() & random.next();
        const auto n = random.below(70);
        const Word got = lowest_ones(word, n);
        ASSERT_EQ(got & ~word, 0U);
        ASSERT_EQ(count(got), std::min(n, count(word)));
        const Word left = word & ~got;
        if (got != 0 && left != 0) {
            ASSERT_GT(lowest(left), kWordBits - 1 - static_cast<unsigned>(std::countl_zero(got)));
        }
    }
}

TEST(Bits, RoundUpAndPowersOfTwo) {
    EXPECT_EQ(round_up(0, 64), 0U);
    EXPECT_EQ(round_up(1, 64), 64U);
    EXPECT_EQ(round_up(64, 64), 64U);
    EXPECT_EQ(round_up(65, 48), 96U);
    EXPECT_FALSE(is_power_of_two(0));
    EXPECT_TRUE(is_power_of_two(1));
    EXPECT_FALSE(is_power_of_two(48));
    EXPECT_TRUE(is_power_of_two(std::size_t{1} << 63));
}

}  // namespace

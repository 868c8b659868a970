// The rule by which `ashlar compare` calls two series different.
#include "command/statistics.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ashlar::command {
namespace {

TEST(Spread, IsMedianAndRange) {
    const Spread odd = spread({3, 1, 2});
    EXPECT_EQ(odd.median, 2);
    EXPECT_EQ(odd.low, 1);
    EXPECT_EQ(odd.high, 3);
    EXPECT_EQ(odd.relative(), 0.5);
    EXPECT_EQ(spread({4, 1, 3, 2}).median, 2.5);
    EXPECT_EQ(spread({7}).relative(), 0);
    EXPECT_EQ(spread({0, 0}).relative(), 0);
}

// From tables of the binomial distribution.
TEST(IntervalRank, CoversTheMedian) {
    const int ranks[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3};
    for (int pairs = 0; pairs < 13; ++pairs) EXPECT_EQ(interval_rank(pairs), ranks[pairs]) << pairs;
    EXPECT_EQ(interval_rank(25), 8);
}

TEST(DifferenceOf, PairsTheRunsOfARound) {
    // Each round is twice as slow as the one before; within the rounds the
    // difference is always 10%.
    const std::vector<double> baseline = {1, 2, 4, 8, 16};
    const std::vector<double> slower = {1.1, 2.2, 4.4, 8.8, 17.6};
    EXPECT_EQ(difference(slower, baseline).outcome, Outcome::more);
    EXPECT_NEAR(difference(slower, baseline).ratio, 1.1, 1e-12);
    EXPECT_EQ(difference(baseline, slower).outcome, Outcome::less);
    EXPECT_EQ(difference(baseline, baseline).outcome, Outcome::no_difference);
}

TEST(DifferenceOf, ToleratesOneDissentingRoundOfNine) {
    const std::vector<double> five = {1, 1, 1, 1, 1};
    EXPECT_EQ(difference({2, 2, 2, 2, 0.9}, five).outcome, Outcome::no_difference);
    // Nine rounds can bear one that disagrees, not two.
    const std::vector<double> nine(9, 1.0);
    EXPECT_EQ(difference({2, 2, 2, 2, 2, 2, 2, 2, 0.9}, nine).outcome, Outcome::more);
    EXPECT_EQ(difference({2, 2, 2, 2, 2, 2, 2, 0.9, 0.9}, nine).outcome, Outcome::no_difference);
}

TEST(DifferenceOf, LessThanOnePercentIsNoDifference) {
    const std::vector<double> one(9, 1.0);
    EXPECT_EQ(difference(std::vector<double>(9, 1.009), one).outcome, Outcome::no_difference);
    EXPECT_EQ(difference(std::vector<double>(9, 1.011), one).outcome, Outcome::more);
    EXPECT_EQ(difference(std::vector<double>(9, 0.991), one).outcome, Outcome::no_difference);
    EXPECT_EQ(difference(std::vector<double>(9, 0.989), one).outcome, Outcome::less);
}

TEST(DifferenceOf, TooFewRunsGiveNoDifference) {
    const Difference four = difference({5, 5, 5, 5}, {1, 1, 1, 1});
    EXPECT_EQ(four.outcome, Outcome::too_few);
    EXPECT_EQ(four.ratio, 5);
    EXPECT_EQ(difference({5}, {1}).outcome, Outcome::too_few);
}

TEST(DifferenceOf, BaselineOfZeroGivesNoDifference) {
    EXPECT_EQ(difference({1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}).outcome, Outcome::no_difference);
}

// Of series that are drawn alike, at most one in 16 may be called different; of
// such that differ by a third, nearly all must be.
TEST(DifferenceOf, ErrorRateIsAsStated) {
    std::mt19937_64 random(1);
    std::lognormal_distribution<double> noise(0, 0.1);
    const auto draw = [&](double scale) {
        std::vector<double> values(9);
        for (double& value : values) value = scale * noise(random);
        return values;
    };
    constexpr int kTrials = 4000;
    int false_alarms = 0;
    int found = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
        false_alarms += difference(draw(1), draw(1)).outcome != Outcome::no_difference;
        found += difference(draw(4.0 / 3), draw(1)).outcome == Outcome::more;
    }
    EXPECT_LE(false_alarms, kTrials / 16);
    EXPECT_GE(found, kTrials * 9 / 10);
}

}  // namespace
}  // namespace ashlar::command

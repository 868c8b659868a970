// A Spans over a fake source, for tests in one thread. The library's clock stands at 0.
#ifndef ASHLAR_TESTS_SPANS_SPANS_FIXTURE_HPP
#define ASHLAR_TESTS_SPANS_SPANS_FIXTURE_HPP

#include <gtest/gtest.h>

#include "../region/ground.hpp"
#include "spans/spans.hpp"

#include "fake_clock.hpp"

class SpansOver : public testing::Test {
  protected:
    explicit SpansOver(ashlar::base::UnitId units) : units_(units), ground_(units) { fake_now_ms = 0; }

    // Takes runs of 17 units and more, of which none is kept for exact reuse.
    ashlar::base::UnitId take(std::uint32_t units) { return spans_.take(units).start; }
    // All units are free, and the map knows them as one hole: a run of all of them is had without raising the frontier.
    void expect_one_hole() {
        spans_.give_recent();
        const ashlar::base::UnitId frontier = spans_.frontier();
        const auto all = frontier - 1;
        ASSERT_EQ(spans_.counts().held, 0U);
        for (ashlar::base::UnitId unit = 1; unit < frontier; ++unit) ASSERT_TRUE(spans_.is_free(unit)) << unit;
        EXPECT_EQ(take(all), 1U);
        EXPECT_EQ(spans_.frontier(), frontier);
        spans_.give(1, all);
        spans_.give_recent();
    }

    ashlar::base::UnitId units_;
    Ground<ashlar::spans::Spans> ground_;
    ashlar::spans::Spans& spans_ = *ground_;
};

#endif

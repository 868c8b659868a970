// A Spans over a fake source, for tests in one thread. The library's clock
// stands at 0.
#ifndef ASHLAR_TESTS_UNIT_CORE_SPANS_SPANS_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_CORE_SPANS_SPANS_FIXTURE_HPP

#include <gtest/gtest.h>

#include "core/spans/spans.hpp"
#include "support/region_fixture.hpp"

#include "support/fake_clock.hpp"

class SpansOver : public testing::Test {
  protected:
    explicit SpansOver(ashlar::base::UnitId units) : units_(units), fixture_(units) {
        fake_now_ms = 0;
    }

    // Takes runs of 17 units and more, of which none is kept for exact reuse.
    ashlar::base::UnitId take(std::uint32_t units) { return spans_.take(units).start; }
    // Gives short runs, which keep their pages. A run of 17 units or more is
    // purged before it is given.
    void give_dirty(ashlar::base::UnitId start, std::uint32_t units) {
        for (std::uint32_t done = 0; done < units; done += 16) {
            const std::uint32_t left = units - done;
            spans_.give(start + done, left < 16 ? left : 16);
            spans_.give_recent();
        }
    }
    // All units are free and the map knows them as one hole: a take of all of
    // them leaves the frontier.
    void expect_one_hole() {
        spans_.give_recent();
        const ashlar::base::UnitId frontier = spans_.frontier();
        const auto all = frontier - 1;
        ASSERT_EQ(spans_.counts().held, 0U);
        for (ashlar::base::UnitId unit = 1; unit < frontier; ++unit)
            ASSERT_TRUE(spans_.is_free(unit)) << unit;
        EXPECT_EQ(take(all), 1U);
        EXPECT_EQ(spans_.frontier(), frontier);
        spans_.give(1, all);
        spans_.give_recent();
    }

    ashlar::base::UnitId units_;
    Fixture<ashlar::spans::Spans> fixture_;
    ashlar::spans::Spans& spans_ = *fixture_;
};

#endif

// Aligned requests among holes that are long enough, but do not fit once
// aligned.
#include <gtest/gtest.h>

#include <vector>

#include "unit/manager/make.hpp"
#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;

constexpr Size kPage = 4096;

// `many` holes of a page and a half that do not hold an aligned page, then one
// of two pages and a half that holds one by chance, and one of three pages at
// the end.
struct Holes {
    Holes(Placement placement, Size many) : fixture(placement, (many + 3) * 3 * kPage, 10'000) {
        Offset at = 0;
        std::vector<RangeId> holes;
        const auto add = [&](Offset start, Size size) {
            if (start != at) static_cast<void>(fixture.allocator.take_at(at, start - at));
            holes.push_back(fixture.allocator.take_at(start, size));
            at = start + size;
        };
        for (Size i = 0; i < many; ++i) add(i * 3 * kPage + 1, kPage + kPage / 2);
        chance = many * 3 * kPage + kPage;
        add(chance, kPage + kPage / 2);
        sure = chance + 3 * kPage + 1;
        add(sure, 2 * kPage + 1);
        static_cast<void>(fixture.allocator.take_at(at, fixture.allocator.totals().capacity - at));
        // The one that fits is not the latest either, which best fit would
        // take.
        for (auto hole = holes.rbegin(); hole != holes.rend(); ++hole)
            fixture.allocator.give(*hole);
    }
    Offset take() {
        const RangeId block = fixture.allocator.take(kPage, kPage);
        return block == no_range ? ~Offset{0} : fixture.allocator[block].start;
    }
    Fixture fixture;
    Offset chance, sure;
};

class Aligned : public testing::TestWithParam<Placement> {};
INSTANTIATE_TEST_SUITE_P(Policies, Aligned,
                         testing::Values(Placement::first_fit, Placement::next_fit,
                                         Placement::best_fit, Placement::ordered_best_fit));

TEST_P(Aligned, RequestTakesTheFirstThatFitsAmongFewHoles) {
    Holes holes(GetParam(), 40);
    EXPECT_EQ(holes.take(), holes.chance);
    holes.fixture.expect_sound();
}

// The search does not look at a thousand holes to find the one that fits by
// chance.
TEST_P(Aligned, RequestTakesARoomyHoleAmongMany) {
    Holes holes(GetParam(), 1000);
    EXPECT_EQ(holes.take(), holes.sure + kPage - 1);
    EXPECT_EQ(holes.take(), holes.chance) << "now there is no other";
    EXPECT_EQ(holes.take(), ~Offset{0});
    holes.fixture.expect_sound();
}

}  // namespace

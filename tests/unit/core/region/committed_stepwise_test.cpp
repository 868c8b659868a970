// Commits of a region that is reserved in steps.
#include <cstdint>
#include <cstring>
#include <vector>

#include <sys/mman.h>

#include "committed_fixture.hpp"
#include "support/together.hpp"

namespace {

using namespace committed_fixture;

// A region that is reserved in steps. The address spaces of ThreadSanitizer and
// of emulators have no room for it.
class Stepwise : public CommittedOver {
  protected:
    Stepwise() : CommittedOver(100'000, true) {}
    void SetUp() override {
        if (!layer_.region.stepwise)
            GTEST_SKIP() << "this address space has no room for such a region";
    }
    [[nodiscard]] bool is_reserved(UnitId unit) const {
        return is_mapped(layer_.region.address(unit));
    }
};

TEST_F(Stepwise, ReservesALittleMoreThanItCommits) {
    EXPECT_EQ(committed_.end(), 4U);
    EXPECT_EQ(committed_.limit(), 129U);
    EXPECT_TRUE(is_reserved(128));
    EXPECT_FALSE(is_reserved(129));
    EXPECT_FALSE(is_mapped(reinterpret_cast<std::uintptr_t>(layer_.wide + std::size_t{1000} * 64) /
                           4096 * 4096));
    layer_.write(4);
}

TEST_F(Stepwise, ReservesAheadOfTheSteps) {
    ASSERT_TRUE(committed_.cover(300));
    EXPECT_GE(committed_.limit(), 300U + 64) << "the next step needs no reservation";
    EXPECT_LE(committed_.limit(), 300U + 256);
    layer_.write(300);
}

TEST_F(Stepwise, CoversEveryUnitAndNoMore) {
    EXPECT_FALSE(committed_.cover(100'002));
    for (UnitId end = 4; end < 100'001; end = committed_.end() + 1) {
        ASSERT_TRUE(committed_.cover(end));
        ASSERT_LE(committed_.limit() - committed_.end(), 256 + committed_.end() / 2);
    }
    ASSERT_TRUE(committed_.cover(100'001));
    EXPECT_EQ(committed_.limit(), 100'001U);
    layer_.write(100'001);
}

TEST_F(Stepwise, CoverRefusedOnceChangesNothingAndSucceedsLater) {
    FakeSource::refuse_reserve_at = true;
    EXPECT_TRUE(committed_.cover(129));
    EXPECT_FALSE(committed_.cover(130));
    EXPECT_EQ(committed_.limit(), 129U);
    FakeSource::refuse_reserve_at = false;
    EXPECT_TRUE(committed_.cover(130));
    layer_.write(130);
}

TEST_F(Stepwise, CoverKeepsMappingsOfOthers) {
    auto* other = reinterpret_cast<char*>(layer_.region.address(700));
    ASSERT_EQ(mmap(other, page_size(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
              other);
    *other = 'x';
    while (committed_.cover(committed_.end() + 1)) {
    }
    const UnitId limit = committed_.limit();
    EXPECT_TRUE(limit >= 500 && limit <= 700) << limit;
    EXPECT_EQ(committed_.end(), limit) << "the reserved units are used";
    const std::size_t reserved = FakeSource::reserved;
    EXPECT_FALSE(committed_.cover(701));
    EXPECT_EQ(committed_.limit(), limit);
    EXPECT_EQ(FakeSource::reserved, reserved) << "the incomplete reservation is released";
    EXPECT_EQ(*other, 'x');
    munmap(other, page_size());
    ASSERT_TRUE(committed_.cover(701));
    layer_.write(701);
}

TEST_F(Stepwise, CoverReservesShedUnitsAgain) {
    ASSERT_TRUE(committed_.cover(1000));
    EXPECT_TRUE(committed_.shed());
    EXPECT_EQ(committed_.limit(), committed_.end());
    EXPECT_FALSE(is_reserved(committed_.end()));
    ASSERT_TRUE(committed_.cover(2000));
    layer_.write(2000);
}

TEST_F(Stepwise, ReleaseReturnsTablesAndUnits) {
    ASSERT_TRUE(committed_.cover(3000));
    committed_.release();
    EXPECT_FALSE(is_reserved(1) || is_reserved(2999));
    EXPECT_FALSE(is_mapped(reinterpret_cast<std::uintptr_t>(layer_.bytes)));
}

// A refused thread tries again: another one may be reserving.
TEST_F(Stepwise, CoverByManyThreadsReservesEachUnit) {
    constexpr unsigned threads = 4;
    ashlar::base::Atomic<std::uint32_t> next{4};
    together(threads, [&](unsigned self) {
        for (;;) {
            const UnitId unit = next.fetch_add(91, ashlar::base::rlx);
            if (unit + 91 > 90'000) return;
            while (!committed_.cover(unit + 91)) std::this_thread::yield();
            if (self == 0 && unit % 8 == 0) static_cast<void>(committed_.shed());
            for (UnitId mine = unit; mine < unit + 91; ++mine) layer_.bytes[mine] = 1;
            *reinterpret_cast<char*>(layer_.region.address(unit + 90)) = 'x';
        }
    });
    // The last units may have been shed again, or no thread reached them.
    ASSERT_TRUE(committed_.cover(90'000));
    layer_.write(90'000);
}

}  // namespace

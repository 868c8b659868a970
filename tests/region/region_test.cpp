#include <cerrno>
#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "region/region.hpp"

namespace {

using namespace ashlar::region;
using ashlar::base::kCacheLine;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

TEST(Carver, PartsAreAlignedAndDisjoint) {
    Carver carver(4096);
    auto* one = carver.array<char>(1);
    auto* words = carver.array<std::uint64_t>(9);
    auto* end = carver.array<char>(0);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one), 4096U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(words), 4096 + kCacheLine);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(end), 4096 + 3 * kCacheLine);
    EXPECT_EQ(carver.used(), 3 * kCacheLine);
}

TEST(Carver, MeasuresWhatItWouldCarve) {
    Carver measure(0);
    Carver carve(kUnitSize);
    for (std::size_t n : {1U, 7U, 64U, 1000U}) {
        const auto at = reinterpret_cast<std::uintptr_t>(measure.array<std::uint32_t>(n));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carve.array<std::uint32_t>(n)), kUnitSize + at);
    }
    EXPECT_EQ(measure.used(), carve.used());
}

class RegionOf : public testing::TestWithParam<std::uintptr_t> {};

TEST_P(RegionOf, AddressesAndUnitsAreInverse) {
    const Region region{GetParam(), 1000, nullptr};
    for (UnitId unit : {1U, 2U, 63U, 64U, 999U}) {
        const std::uintptr_t at = region.address(unit);
        EXPECT_EQ(at, GetParam() + unit * kUnitSize);
        EXPECT_EQ(region.unit(at), unit);
        EXPECT_EQ(region.unit(at + kUnitSize - 1), unit);
        EXPECT_TRUE(region.contains(at));
        EXPECT_TRUE(region.contains(at + kUnitSize - 1));
    }
}

TEST_P(RegionOf, ContainsItsUnitsAndNothingElse) {
    const Region region{GetParam(), 1000, nullptr};
    EXPECT_FALSE(region.contains(region.address(1000)));
    EXPECT_FALSE(region.contains(GetParam() - 1));
    EXPECT_FALSE(region.contains(0));
    EXPECT_FALSE(region.contains(UINTPTR_MAX));
}

INSTANTIATE_TEST_SUITE_P(Bases, RegionOf, testing::Values(0x10000U, 0x7f0000000000U, std::uintptr_t{0xffff} << 48));

// Purges are asked for in units and in pages of the running kernel: both must be whole pages, whatever it uses.
TEST(Region, AUnitIsWholePagesOfEveryKernel) {
    for (std::size_t page : {std::size_t{4096}, std::size_t{16384}, std::size_t{65536}}) EXPECT_EQ(kUnitSize % page, 0U);
    EXPECT_EQ(page_size(), static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(kUnitSize % page_size(), 0U);
}

struct Purge {
    void* start;
    std::size_t bytes;
} last_purge;

bool note_purge(void* start, std::size_t bytes) noexcept {
    last_purge = {start, bytes};
    return bytes == kUnitSize;
}

std::size_t populated;

TEST(Region, PurgesAndPopulatesWhatItsUnitsCover) {
    const Source source{nullptr, nullptr, note_purge, [](void*, std::size_t bytes) noexcept { populated = bytes; }};
    const Region region{0x40000000, 100, &source};
    EXPECT_TRUE(region.purge(7, 1));
    EXPECT_EQ(last_purge.start, reinterpret_cast<void*>(region.address(7)));
    EXPECT_FALSE(region.purge(7, 3)) << "what the source says";
    EXPECT_EQ(last_purge.bytes, 3 * kUnitSize);
    region.populate(7, 5);
    EXPECT_EQ(populated, 5 * kUnitSize);
}

TEST(System, ReservesZeroPagesThatReadAndWrite) {
    constexpr std::size_t bytes = std::size_t{1} << 34;
    errno = 0;
    auto* start = static_cast<char*>(kSystem.reserve(bytes));
    ASSERT_NE(start, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(start) % page_size(), 0U);
    start[0] = 1;
    EXPECT_EQ(start[bytes - 1], 0);
    kSystem.release(start, bytes);
    unsigned char resident;
    EXPECT_NE(mincore(start, page_size(), &resident), 0) << "still mapped";
    EXPECT_EQ(errno, ENOMEM);
}

TEST(System, RefusalsAreNullAndKeepErrno) {
    errno = ERANGE;
    EXPECT_EQ(kSystem.reserve(SIZE_MAX / 2), nullptr);
    EXPECT_EQ(errno, ERANGE);
}

TEST(System, PurgedPagesReadAsZeroAndTheirNeighboursDoNot) {
    const std::size_t page = page_size();
    auto* start = static_cast<char*>(kSystem.reserve(4 * page));
    ASSERT_NE(start, nullptr);
    std::memset(start, 'x', 4 * page);
    ASSERT_TRUE(kSystem.purge(start + page, 2 * page));
    for (std::size_t i = 0; i < 4 * page; ++i) ASSERT_EQ(start[i], i / page == 1 || i / page == 2 ? 0 : 'x') << "at " << i;
    kSystem.release(start, 4 * page);
}

TEST(System, PopulatedPagesKeepWhatIsInThemAndErrno) {
    const std::size_t page = page_size();
    auto* start = static_cast<char*>(kSystem.reserve(4 * page));
    ASSERT_NE(start, nullptr);
    start[page] = 'x';
    errno = ERANGE;
    kSystem.populate(start, 4 * page);
    kSystem.populate(start + 1, page);  // not a page: a hint that is not taken
    EXPECT_EQ(errno, ERANGE);
    for (std::size_t i = 0; i < 4 * page; ++i) ASSERT_EQ(start[i], i == page ? 'x' : 0) << "at " << i;
    kSystem.release(start, 4 * page);
}

TEST(System, AFailingPurgeSaysSoAndKeepsErrno) {
    auto* start = static_cast<char*>(kSystem.reserve(page_size()));
    ASSERT_NE(start, nullptr);
    errno = ERANGE;
    EXPECT_FALSE(kSystem.purge(start + 1, page_size())) << "not a page";
    EXPECT_EQ(errno, ERANGE);
    kSystem.release(start, page_size());
}

}  // namespace

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/region/region.hpp"

namespace {

using namespace ashlar::region;
using ashlar::base::kCacheLine;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

TEST(Carver, ArrayAlignsAndSeparatesParts) {
    Carver carver(4096);
    auto* one = carver.array<char>(1);
    auto* words = carver.array<std::uint64_t>(9);
    auto* end = carver.array<char>(0);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one), 4096U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(words), 4096 + kCacheLine);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(end), 4096 + 3 * kCacheLine);
    EXPECT_EQ(carver.used(), 3 * kCacheLine);
}

TEST(Carver, MeasuresTheSizeThatPlacingUses) {
    constexpr std::uintptr_t later = 1 << 20;
    constexpr std::uintptr_t tables = 1 << 24;
    Carver measure(0);
    Carver carve(kUnitSize, later, tables);
    for (std::uint32_t n : {1U, 7U, 64U, 1000U}) {
        auto at = reinterpret_cast<std::uintptr_t>(measure.array<std::uint32_t>(n));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carve.array<std::uint32_t>(n)), kUnitSize + at);
        at = reinterpret_cast<std::uintptr_t>(measure.table<std::uint64_t>(n, 3, 2));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carve.table<std::uint64_t>(n, 3, 2)),
                  tables + at);
        at = reinterpret_cast<std::uintptr_t>(measure.later<std::uint32_t>(n));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carve.later<std::uint32_t>(n)), later + at);
        at = reinterpret_cast<std::uintptr_t>(measure.apart<std::uint32_t>(n));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carve.apart<std::uint32_t>(n)), tables + at);
    }
    EXPECT_EQ(measure.used(), carve.used());
    EXPECT_EQ(measure.later_used(), carve.later_used());
    EXPECT_EQ(measure.tables_used(), carve.tables_used());
    EXPECT_FALSE(measure.places());
    EXPECT_TRUE(carve.places());
}

TEST(Carver, TableHasAnEntryForEachGroupOfUnits) {
    Carver carver(0, 0, 1 << 20);
    auto* bytes = carver.table<std::uint8_t>(1000);
    auto* words = carver.table<std::uint64_t>(1000, 6, 3, true);
    ASSERT_EQ(carver.tables().count, 2U);
    const Table& first = carver.tables().list[0];
    const Table& second = carver.tables().list[1];
    EXPECT_FALSE(first.discardable);
    EXPECT_TRUE(second.discardable);
    for (UnitId unit : {0U, 1U, 63U, 64U, 999U}) {
        EXPECT_EQ(first.entry(unit), reinterpret_cast<std::uintptr_t>(bytes + unit));
        EXPECT_EQ(second.entry(unit), reinterpret_cast<std::uintptr_t>(words + unit / 64 * 3));
    }
    EXPECT_LE(first.entry(1000), second.start);
    EXPECT_LE(second.entry(1000), (1 << 20) + carver.tables_used());
}

// Entries of the first units must not share a set of the processor's cache.
TEST(Carver, TablesWithOwnPagesBeginAtDifferentLines) {
    ashlar::region::Carver carver(1 << 20, 2 << 20, 3 << 20, kUnitSize);
    std::set<std::uintptr_t> lines;
    std::set<std::uintptr_t> pages;
    for (int i = 0; i < 20; ++i) {
        const auto at = reinterpret_cast<std::uintptr_t>(carver.table<std::uint64_t>(1000));
        lines.insert(at % 4096 / kCacheLine);
        pages.insert(at / kUnitSize);
    }
    EXPECT_EQ(lines.size(), 20U);
    EXPECT_EQ(pages.size(), 20U);
    EXPECT_EQ(lines.count(0), 0U) << "programs write to the first line of pages";
    EXPECT_TRUE(carver.tables().own_pages);
}

TEST(Carver, LaterAlignsPartsAsTheirType) {
    struct alignas(4096) Page {
        char bytes[4096];
    };
    Carver carver(0, 4096);
    static_cast<void>(carver.table<std::uint8_t>(10));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(carver.later<Page>(3)) % 4096, 0U);
}

class RegionOf : public testing::TestWithParam<std::uintptr_t> {};

TEST_P(RegionOf, AddressAndUnitAreInverse) {
    const Region region{GetParam(), 1000, nullptr, false};
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
    const Region region{GetParam(), 1000, nullptr, false};
    EXPECT_FALSE(region.contains(region.address(1000)));
    EXPECT_FALSE(region.contains(GetParam() - 1));
    EXPECT_FALSE(region.contains(0));
    EXPECT_FALSE(region.contains(UINTPTR_MAX));
}

INSTANTIATE_TEST_SUITE_P(Bases, RegionOf,
                         testing::Values(0x10000U, 0x7f0000000000U, std::uintptr_t{0xffff} << 48));

// Purges count in units and in pages of the kernel. A unit must be whole pages
// for every page size.
TEST(Region, UnitIsWholePagesForEveryPageSize) {
    for (std::size_t page : {std::size_t{4096}, std::size_t{16384}, std::size_t{65536}})
        EXPECT_EQ(kUnitSize % page, 0U);
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

TEST(Region, PurgePassesTheBytesOfTheUnits) {
    const Source source{nullptr, nullptr, nullptr, nullptr, nullptr, note_purge};
    const Region region{0x40000000, 100, &source, false};
    EXPECT_TRUE(region.purge(7, 1));
    EXPECT_EQ(last_purge.start, reinterpret_cast<void*>(region.address(7)));
    EXPECT_FALSE(region.purge(7, 3)) << "the result of the source";
    EXPECT_EQ(last_purge.bytes, 3 * kUnitSize);
}

bool is_mapped(const void* page) {
    unsigned char resident;
    return mincore(const_cast<void*>(page), page_size(), &resident) == 0;
}

TEST(System, CommitGivesZeroedWritablePages) {
    constexpr std::size_t bytes = std::size_t{1} << 34;
    auto* start = static_cast<char*>(kSystem.reserve(bytes));
    ASSERT_NE(start, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(start) % page_size(), 0U);
    const std::size_t page = page_size();
    EXPECT_TRUE(kSystem.commit(start + page, 2 * page));
    EXPECT_EQ(start[page] | start[3 * page - 1], 0);
    start[page] = start[3 * page - 1] = 'x';
    EXPECT_TRUE(kSystem.commit(start, 4 * page)) << "committed pages may be committed again";
    EXPECT_EQ(start[page], 'x');
    EXPECT_EQ(start[0] | start[4 * page - 1], 0);
    kSystem.release(start, bytes);
    EXPECT_FALSE(is_mapped(start));
}

TEST(SystemDeathTest, ReserveGivesPagesWithoutAccess) {
    auto* start = static_cast<char*>(kSystem.reserve(page_size()));
    ASSERT_NE(start, nullptr);
    EXPECT_DEATH(static_cast<volatile char*>(start)[0] = 'x', "");
    kSystem.release(start, page_size());
}

TEST(System, ReleaseOfAPartKeepsTheRest) {
    const std::size_t page = page_size();
    auto* start = static_cast<char*>(kSystem.reserve(4 * page));
    ASSERT_NE(start, nullptr);
    ASSERT_TRUE(kSystem.commit(start, 4 * page));
    kSystem.release(start + page, 2 * page);
    EXPECT_TRUE(is_mapped(start));
    EXPECT_FALSE(is_mapped(start + page) || is_mapped(start + 2 * page));
    EXPECT_TRUE(is_mapped(start + 3 * page));
    kSystem.release(start, 4 * page);
}

TEST(System, RefusedReserveMapAndCommitKeepErrno) {
    const std::size_t page = page_size();
    errno = ERANGE;
    EXPECT_EQ(kSystem.reserve(SIZE_MAX / 2), nullptr);
    EXPECT_EQ(map(SIZE_MAX / 2), nullptr);
    EXPECT_EQ(map_uncharged(SIZE_MAX / 2), nullptr);
    auto* start = static_cast<char*>(map(2 * page));
    ASSERT_NE(start, nullptr);
    unmap(start + page, page);
    EXPECT_FALSE(kSystem.commit(start, 2 * page)) << "its second half is not mapped";
    EXPECT_FALSE(remap(start + page, page, 2 * page));
    EXPECT_FALSE(remap_to(start + page, page, start, page));
    EXPECT_EQ(errno, ERANGE);
    unmap(start, page);
}

TEST(Map, GivesZeroedWritablePages) {
    const std::size_t page = page_size();
    for (void* (*mapping)(std::size_t) :
         {+[](std::size_t bytes) { return map(bytes); },
          +[](std::size_t bytes) { return map_uncharged(bytes); }}) {
        auto* start = static_cast<char*>(mapping(3 * page));
        ASSERT_NE(start, nullptr);
        EXPECT_EQ(start[0] | start[3 * page - 1], 0);
        start[0] = start[3 * page - 1] = 'x';
        unmap(start, 3 * page);
        EXPECT_FALSE(is_mapped(start));
    }
}

TEST(Remap, ResizesInPlaceIfTheNextPagesAreFree) {
    const std::size_t page = page_size();
    auto* start = static_cast<char*>(map(4 * page));
    ASSERT_NE(start, nullptr);
    start[0] = 'x';
    EXPECT_FALSE(remap(start, 2 * page, 3 * page)) << "the next page is mapped";
    EXPECT_TRUE(remap(start, 4 * page, 2 * page));
    EXPECT_FALSE(is_mapped(start + 2 * page));
    EXPECT_TRUE(remap(start, 2 * page, 4 * page));
    EXPECT_EQ(start[0], 'x');
    EXPECT_EQ(start[3 * page], 0);
    unmap(start, 4 * page);
}

TEST(RemapTo, MovesThePagesAndReleasesTheOldAddress) {
    const std::size_t page = page_size();
    auto* from = static_cast<char*>(map(2 * page));
    auto* to = static_cast<char*>(kSystem.reserve(4 * page));
    ASSERT_TRUE(from != nullptr && to != nullptr);
    from[0] = from[2 * page - 1] = 'x';
    ASSERT_TRUE(remap_to(from, 2 * page, to, 3 * page));
    EXPECT_FALSE(is_mapped(from));
    EXPECT_EQ(to[0], 'x');
    EXPECT_EQ(to[2 * page - 1], 'x');
    EXPECT_EQ(to[2 * page], 0) << "the pages beyond are new";
    EXPECT_TRUE(is_mapped(to + 3 * page)) << "the rest of the reservation stays";
    unmap(to, 4 * page);
}

TEST(System, PurgeZeroesItsPagesOnly) {
    const std::size_t page = page_size();
    auto* start = static_cast<char*>(map(4 * page));
    ASSERT_NE(start, nullptr);
    std::memset(start, 'x', 4 * page);
    ASSERT_TRUE(kSystem.purge(start + page, 2 * page));
    for (std::size_t i = 0; i < 4 * page; ++i)
        ASSERT_EQ(start[i], i / page == 1 || i / page == 2 ? 0 : 'x') << "at " << i;
    kSystem.release(start, 4 * page);
}

TEST(System, RefusedPurgeIsReportedAndKeepsErrno) {
    auto* start = static_cast<char*>(kSystem.reserve(page_size()));
    ASSERT_NE(start, nullptr);
    errno = ERANGE;
    EXPECT_FALSE(kSystem.purge(start + 1, page_size())) << "not a page";
    EXPECT_EQ(errno, ERANGE);
    kSystem.release(start, page_size());
}

}  // namespace

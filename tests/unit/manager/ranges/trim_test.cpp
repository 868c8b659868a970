// Records and directory give memory back, and are sound while they do.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "unit/manager/ranges/ranges_fixture.hpp"

namespace {

using namespace ashlar;
using ranges::RangeAllocator;

constexpr std::uint32_t kRecords = 20'000;

void trim(RangeAllocator& allocator) {
    while (allocator.trim_directory(100)) {
    }
    allocator.trim_records();
}

TEST(TrimRecords, EmptyAllocatorUsesNextToNothing) {
    Fixture fixture(Placement::tlsf, Size{1} << 30, kRecords);
    RangeAllocator& allocator = fixture.allocator;
    const Size empty = allocator.metadata();
    std::vector<Offset> blocks;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 10'000; ++i) blocks.push_back(allocator[allocator.take(100, 1)].start);
        EXPECT_GE(allocator.metadata() - empty, 10'000U * (sizeof(Range) + 16))
            << "a record and a part of the directory each";
        for (const Offset block : blocks) allocator.give(allocator.at(block));
        blocks.clear();
        EXPECT_GE(allocator.metadata() - empty, 10'000U * sizeof(Range)) << "not yet";
        trim(allocator);
        EXPECT_LE(allocator.metadata(), empty + 4 * 4096) << "pages that are not used as a whole";
        fixture.expect_sound();
    }
}

TEST(TrimRecords, BlocksAreFoundWhateverIsGivenBack) {
    for (const Placement placement : {Placement::tlsf, Placement::buddy, Placement::best_fit}) {
        Fixture fixture(placement, Size{1} << 30, kRecords);
        RangeAllocator& allocator = fixture.allocator;
        std::mt19937 random(7);
        std::vector<Offset> blocks;
        for (int round = 0; round < 300; ++round) {
            const bool grows = round % 60 < 30;
            for (int i = 0; i < 200; ++i) {
                if (random() % 10 < (grows ? 8U : 2U)) {
                    const RangeId block = allocator.take(1 + random() % 5000, 1);
                    if (block != no_range) blocks.push_back(allocator[block].start);
                } else if (!blocks.empty()) {
                    std::swap(blocks[random() % blocks.size()], blocks.back());
                    allocator.give(allocator.at(blocks.back()));
                    blocks.pop_back();
                }
            }
            if (round % 7 == 0 && !blocks.empty()) {
                ASSERT_EQ(allocator.covering(blocks.back()), allocator.at(blocks.back()));
            }
            if (round % 3 == 0)
                static_cast<void>(
                    allocator.trim_directory(static_cast<std::uint32_t>(random() % 300)));
            if (round % 5 == 0) allocator.trim_records();
            fixture.expect_sound();
            for (const Offset block : blocks)
                ASSERT_NE(allocator.at(block), no_range) << "round " << round;
        }
    }
}

TEST(TrimDirectory, WorkOfOneCallIsBounded) {
    Fixture fixture(Placement::tlsf, Size{1} << 30, kRecords);
    RangeAllocator& allocator = fixture.allocator;
    std::vector<Offset> blocks;
    for (int i = 0; i < 1000; ++i) blocks.push_back(allocator[allocator.take(100, 1)].start);
    for (const Offset block : blocks) allocator.give(allocator.at(block));
    int calls = 1;
    for (Size before = allocator.metadata(); allocator.trim_directory(10); ++calls) {
        EXPECT_EQ(before - allocator.metadata(), 10U * 16) << "ten groups of four buckets";
        before = allocator.metadata();
    }
    EXPECT_EQ(calls, 100);
    fixture.expect_sound();
}

}  // namespace

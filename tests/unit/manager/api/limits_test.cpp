// The smallest and the largest buffers, full ones, and what an empty manager
// costs.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <fstream>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::pattern;
using make::placed;

class Limits : public testing::TestWithParam<Placement> {};

TEST_P(Limits, OneByteBufferHoldsOneBlock) {
    std::array<std::byte, 1> buffer{};
    MemoryManager own(1, placed(GetParam())), over(buffer, placed(GetParam()));
    for (MemoryManager* manager : {&own, &over}) {
        for (int round = 0; round < 3; ++round) {
            EXPECT_EQ(manager->allocate(2), std::nullopt);
            EXPECT_EQ(manager->allocate(round == 0 ? 0 : 1, Size{1} << round), Offset{0});
            EXPECT_EQ(manager->allocate(1), std::nullopt);
            manager->write(0, pattern(1, 3));
            EXPECT_EQ(contents(*manager, 0, 1), pattern(1, 3));
            EXPECT_EQ(manager->check(), 0U);
            manager->deallocate(0);
        }
    }
}

TEST_P(Limits, LargestBufferHoldsOneBlockOrMany) {
    for (const make::Mode mode : make::modes) {
        MemoryManager manager = MemoryManager::without_memory(max_buffer, placed(GetParam(), mode));
        EXPECT_EQ(manager.allocate(max_buffer + 1), std::nullopt);
        EXPECT_EQ(manager.allocate(~Size{0}), std::nullopt);
        EXPECT_EQ(manager.allocate(max_buffer), Offset{0});
        EXPECT_EQ(manager.allocate(1), std::nullopt);
        manager.deallocate(0);
        EXPECT_EQ(manager.allocate_at(max_buffer - 1, 1), max_buffer - 1);
        EXPECT_EQ(manager.size_of(max_buffer - 1), 1U);
        EXPECT_EQ(manager.allocate(max_buffer), std::nullopt);
        EXPECT_TRUE(manager.allocate(max_buffer / 2));
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(Limits, FullBufferWorksAgainAfterFreeing) {
    for (const make::Mode mode : make::modes) {
        MemoryManager manager(Size{1} << 20, placed(GetParam(), mode));
        std::vector<Offset> blocks;
        while (const auto block = manager.allocate(777)) blocks.push_back(*block);
        EXPECT_GT(blocks.size(), 700U);
        EXPECT_EQ(manager.allocate(777), std::nullopt);
        while (const auto block = manager.allocate(1)) blocks.push_back(*block);
        EXPECT_EQ(manager.statistics().largest_free, 0U);
        EXPECT_EQ(manager.check(), 0U);
        for (const Offset block : blocks) manager.deallocate(block);
        EXPECT_EQ(manager.allocate(Size{1} << 20), Offset{0});
        EXPECT_EQ(manager.check(), 0U);
    }
}

std::string title(const testing::TestParamInfo<Placement>& about) {
    constexpr std::array names{"Tlsf",           "FirstFit", "NextFit", "BestFit", "WorstFit",
                               "OrderedBestFit", "Buddy",    "Linear",  "Ring"};
    return names.at(static_cast<std::size_t>(about.param));
}
INSTANTIATE_TEST_SUITE_P(Policies, Limits, testing::ValuesIn(make::placements), title);

TEST(TinyManager, ReservesLittleAddressSpace) {
    const auto address_space = [] {
        std::ifstream statm("/proc/self/statm");
        Size pages = 0;
        statm >> pages;
        return pages * 4096;
    };
    std::vector<MemoryManager> managers;
    managers.reserve(100);
    const Size before = address_space();
    for (int i = 0; i < 100; ++i) managers.emplace_back(Size{10});
    EXPECT_LT(address_space() - before, Size{100} << 17);
    EXPECT_EQ(managers[99].allocate(10), Offset{0});
}

}  // namespace

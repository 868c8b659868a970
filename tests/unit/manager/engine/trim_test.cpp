// What trim() gives back to the system: pages of holes, and of the manager's
// tables.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include "manager/engine/hole_purge.hpp"
#include "manager/engine/manager_inline.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using manager::HolePurge;
using manager::Manager;

constexpr Size kPage = 4096;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // the sanitizer's own memory is resident too
#else
constexpr bool kSanitized = false;
#endif

std::size_t resident_pages(const std::byte* start, Size size) {
    std::vector<unsigned char> pages(size / kPage);
    if (mincore(const_cast<std::byte*>(start), size, pages.data()) != 0) return 0;
    std::size_t count = 0;
    for (const unsigned char page : pages) count += page & 1U;
    return count;
}

Size resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    Size pages = 0;
    statm >> pages >> pages;
    return pages * kPage;
}

class Trim : public testing::Test {
  protected:
    static constexpr Size kBlock = 8 * kPage;
    static constexpr Size kBlocks = 1000;

    Trim() {
        for (Size i = 0; i < kBlocks; ++i) blocks_.push_back(take(kBlock));
        for (Size i = 0; i < kBlocks; i += 2)
            EXPECT_EQ(manager_.deallocate(blocks_[i]), Status::ok);
    }
    Offset take(Size size) {
        Offset at = 0;
        EXPECT_EQ(manager_.allocate(size, 1, at), Status::ok);
        std::memset(manager_.buffer().at(at), 0x5a, size);
        return at;
    }
    void expect_intact(Offset block) {
        for (Size i = 0; i < kBlock; ++i)
            ASSERT_EQ(manager_.buffer().at(block)[i], std::byte{0x5a});
    }

    Manager manager_{manager::Buffer::own(kBlocks * kBlock), kBlocks* kBlock,
                     make::options(0, Threads::many)};
    std::vector<Offset> blocks_;
};

TEST_F(Trim, OneStepPurgesFewHoles) {
    HolePurge purge;
    std::size_t before = resident_pages(manager_.buffer().at(0), kBlocks * kBlock);
    ASSERT_EQ(before, kBlocks * kBlock / kPage);
    for (bool more = true; more;) {
        more = purge.step(manager_.allocator(), manager_.buffer());
        const std::size_t after = resident_pages(manager_.buffer().at(0), kBlocks * kBlock);
        EXPECT_LE(before - after, HolePurge::kHoles * kBlock / kPage);
        before = after;
    }
    EXPECT_EQ(before, kBlocks / 2 * kBlock / kPage) << "the pages of live blocks";
}

TEST_F(Trim, OneStepPurgesAPartOfALargeHole) {
    for (Size i = 1; i < kBlocks; i += 2) ASSERT_EQ(manager_.deallocate(blocks_[i]), Status::ok);
    HolePurge purge;
    Size steps = 1;
    for (; purge.step(manager_.allocator(), manager_.buffer()); ++steps) {
    }
    EXPECT_GE(steps, kBlocks * kBlock / HolePurge::kBytes);
    EXPECT_EQ(resident_pages(manager_.buffer().at(0), kBlocks * kBlock), 0U);
}

// Ranges change between the steps: holes become blocks, blocks become holes,
// and the range to go on with has gone.
TEST_F(Trim, BlocksThatComeBetweenStepsKeepTheirBytes) {
    HolePurge purge;
    std::vector<Offset> live;
    for (Size i = 1; i < kBlocks; i += 2) live.push_back(blocks_[i]);
    for (std::size_t step = 0; purge.step(manager_.allocator(), manager_.buffer()); ++step) {
        for (int i = 0; i < 3; ++i) {
            ASSERT_EQ(
                manager_.deallocate(live[(step * 16 + static_cast<std::size_t>(i)) % live.size()]),
                Status::ok);
            live[(step * 16 + static_cast<std::size_t>(i)) % live.size()] = take(kBlock);
        }
        for (const Offset block : live) expect_intact(block);
    }
    for (const Offset block : live) expect_intact(block);
    EXPECT_EQ(manager_.check(nullptr), 0U);
}

TEST_F(Trim, GoesOnWhereTheNextRangeWasMerged) {
    HolePurge purge;
    ASSERT_TRUE(purge.step(manager_.allocator(), manager_.buffer()));
    // All but the last block become holes, which are one hole now.
    for (Size i = 1; i + 1 < kBlocks; i += 2)
        ASSERT_EQ(manager_.deallocate(blocks_[i]), Status::ok);
    while (purge.step(manager_.allocator(), manager_.buffer())) {
    }
    EXPECT_LE(resident_pages(manager_.buffer().at(0), kBlocks * kBlock),
              (2 * HolePurge::kHoles + 1) * kBlock / kPage)
        << "at most what the first step had passed";
}

class Tables : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Tables, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Tables, TrimOfAnEmptyManagerGivesThemBack) {
    if (kSanitized) GTEST_SKIP() << "resident memory is also the sanitizer's";
    MemoryManager manager =
        MemoryManager::without_memory(Size{64} << 20, make::options(0, GetParam()));
    std::vector<Offset> blocks;
    std::vector<Handle> handles;
    blocks.reserve(1'100'000);
    handles.reserve(100'000);
    const Size empty = manager.statistics().metadata;
    for (int round = 0; round < 2; ++round) {
        const Size before = resident_bytes();
        for (int i = 0; i < 100'000; ++i) handles.push_back(manager.allocate_movable(100).value());
        for (int i = 0; i < 1'000'000; ++i) blocks.push_back(manager.allocate(32).value());
        const Size full = manager.statistics().metadata;
        EXPECT_GE(full, (resident_bytes() - before) / 2) << "most of what came";
        for (const Offset block : blocks) manager.deallocate(block);
        for (const Handle handle : handles) manager.deallocate(handle);
        blocks.clear();
        handles.clear();
        const Size freed = resident_bytes();
        manager.trim();
        EXPECT_LE(manager.statistics().metadata, empty + 4 * kPage);
        EXPECT_GE(freed - resident_bytes(), full / 2);
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST_P(Tables, MetadataCountsHandlesAndRecords) {
    MemoryManager manager =
        MemoryManager::without_memory(Size{64} << 20, make::options(0, GetParam()));
    const Size empty = manager.statistics().metadata;
    for (int i = 0; i < 1000; ++i) static_cast<void>(manager.allocate(5000));
    const Size records = manager.statistics().metadata - empty;
    EXPECT_GE(records, 1000U * (sizeof(Range) + 16));
    for (int i = 0; i < 1000; ++i) static_cast<void>(manager.allocate_movable(5000));
    EXPECT_GE(manager.statistics().metadata - empty,
              2 * records + 1000U * sizeof(manager::Handles::Place));
}

TEST_P(Tables, MetadataCountsSlabsUntilTheyAreGivenBack) {
    if (kSanitized) GTEST_SKIP() << "resident memory is also the sanitizer's";
    if (GetParam() == make::Mode::one) GTEST_SKIP() << "no slabs";
    MemoryManager manager =
        MemoryManager::without_memory(Size{64} << 20, make::options(0, GetParam()));
    std::vector<Offset> blocks;
    const Size empty = manager.statistics().metadata;
    blocks.assign(1'000'000, 0);  // its pages have been touched
    blocks.clear();
    for (int round = 0; round < 3; ++round) {
        const Size before = resident_bytes();
        for (int i = 0; i < 1'000'000; ++i) blocks.push_back(manager.allocate(32).value());
        const Size full = manager.statistics().metadata - empty;
        EXPECT_GE(full, 32'000'000U / 8) << "a tag for each 8 bytes";
        for (const Offset block : blocks) manager.deallocate(block);
        blocks.clear();
        EXPECT_GE(manager.statistics().metadata - empty, full / 2) << "not yet";
        manager.trim();
        EXPECT_LE(manager.statistics().metadata, empty + 4 * kPage);
        EXPECT_LE(resident_bytes(), before + full / 4) << "caches of small blocks stay";
        EXPECT_EQ(manager.check(), 0U);
    }
}

// A handle names one block for ever, whatever trim() gave back.
TEST_P(Tables, HandlesFromBeforeATrimStayBad) {
    MemoryManager manager =
        MemoryManager::without_memory(Size{64} << 20, make::options(0, GetParam()));
    std::vector<Handle> old;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 2000; ++i) old.push_back(manager.allocate_movable(10).value());
        for (std::size_t i = old.size() - 2000; i < old.size(); ++i) manager.deallocate(old[i]);
        manager.trim();
    }
    std::vector<Handle> live;
    for (int i = 0; i < 2000; ++i) live.push_back(manager.allocate_movable(10).value());
    Offset at = 0;
    for (const Handle handle : old) ASSERT_EQ(manager.try_resolve(handle, at), Status::bad_handle);
    for (const Handle handle : live) ASSERT_EQ(manager.try_resolve(handle, at), Status::ok);
    EXPECT_NE(make::message<BadHandle>([&] { manager.deallocate(old[0]); }).find("freed"),
              std::string::npos);
}

}  // namespace

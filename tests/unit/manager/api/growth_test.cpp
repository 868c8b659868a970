// Buffers that grow when nothing fits, and shrink by trim().
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <ashlar/memory_manager.hpp>
#include <set>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::options;
using make::pattern;

TEST(Growth, DoublesUpToTheLimit) {
    MemoryManager manager(100, options(1000));
    EXPECT_EQ(manager.allocate(100), Offset{0});
    EXPECT_EQ(manager.capacity(), 100U);
    EXPECT_EQ(manager.allocate(1), Offset{100});
    EXPECT_EQ(manager.capacity(), 200U);
    EXPECT_EQ(manager.allocate(600), Offset{101});
    EXPECT_EQ(manager.capacity(), 701U);
    EXPECT_EQ(manager.allocate(300), std::nullopt);
    EXPECT_EQ(manager.capacity(), 701U);
    EXPECT_EQ(manager.allocate(299), Offset{701});
    EXPECT_EQ(manager.capacity(), 1000U);
    EXPECT_EQ(manager.statistics().limit, 1000U);
}

TEST(Growth, UsesTheFreeEndOfTheBuffer) {
    ManagerOptions fixed = options(1000);
    fixed.grow_by = grow_fixed(1);
    MemoryManager manager(100, std::move(fixed));
    ASSERT_TRUE(manager.allocate(60));
    EXPECT_EQ(manager.allocate(50), Offset{60});
    EXPECT_EQ(manager.capacity(), 110U);
    EXPECT_EQ(manager.allocate(10, 64), Offset{128});
    EXPECT_EQ(manager.capacity(), 138U);
}

TEST(Growth, FixedStepIsAdded) {
    ManagerOptions fixed = options(1000);
    fixed.grow_by = grow_fixed(64);
    MemoryManager manager = MemoryManager::without_memory(10, std::move(fixed));
    ASSERT_TRUE(manager.allocate(10));
    ASSERT_TRUE(manager.allocate(1));
    EXPECT_EQ(manager.capacity(), 74U);
}

TEST(Growth, CallbackDecidesTheAmount) {
    std::vector<std::array<Size, 2>> asked;
    Size answer = 0;
    ManagerOptions own = options(1000);
    own.grow_by = [&](Size capacity, Size wanted) {
        asked.push_back({capacity, wanted});
        return answer;
    };
    MemoryManager manager(100, std::move(own));
    ASSERT_TRUE(manager.allocate(100));
    EXPECT_EQ(manager.allocate(50), std::nullopt);
    answer = 49;  // less than is needed is none
    EXPECT_EQ(manager.allocate(50), std::nullopt);
    EXPECT_EQ(manager.capacity(), 100U);
    answer = ~Size{0};  // cut to the limit
    EXPECT_EQ(manager.allocate(50), Offset{100});
    EXPECT_EQ(manager.capacity(), 1000U);
    EXPECT_EQ(asked, (std::vector<std::array<Size, 2>>(3, {100, 50})));
    EXPECT_EQ(manager.allocate(1000), std::nullopt);  // beyond the limit nobody is asked
    EXPECT_EQ(asked.size(), 3U);
}

TEST(Growth, PartsAreAddedAndNoBlockCrossesThem) {
    std::array<std::byte, 100> first{}, second{}, third{};
    std::vector<std::span<std::byte>> rest{third, second};
    ManagerOptions own = make::placed(Placement::first_fit);
    own.limit = 1000;
    own.next_part = [&](Size) {
        if (rest.empty()) return std::span<std::byte>{};
        const auto part = rest.back();
        rest.pop_back();
        return part;
    };
    MemoryManager manager(first, std::move(own));
    const Offset one = manager.allocate(60).value();
    // Not across the seam, though 40 are left before it.
    const Offset two = manager.allocate(60).value();
    EXPECT_EQ(two, 100U);
    const Offset three = manager.allocate(100).value();
    EXPECT_EQ(three, 200U);
    EXPECT_EQ(manager.allocate(40), Offset{60});
    EXPECT_EQ(manager.allocate(41), std::nullopt);
    EXPECT_EQ(manager.data(one), first.data());
    EXPECT_EQ(manager.data(two), second.data());
    EXPECT_EQ(manager.data(three), third.data());
    manager.write(three, pattern(100, 9));
    EXPECT_EQ(contents(manager, three, 100), pattern(100, 9));
    EXPECT_EQ(third[99], pattern(100, 9)[99]);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Growth, PartsNeedACallback) {
    std::array<std::byte, 100> first{};
    MemoryManager manager(first, options(1000));
    EXPECT_EQ(manager.allocate(101), std::nullopt);
    EXPECT_TRUE(manager.allocate(100));
}

// Of parts that no record is left for none is used.
TEST(Growth, PartsAreRefusedWithoutRecords) {
    std::vector<std::vector<std::byte>> parts;
    ManagerOptions few = options(10'000);
    few.most_ranges = 20;
    few.next_part = [&parts](Size wanted) {
        return std::span<std::byte>(parts.emplace_back(wanted));
    };
    std::array<std::byte, 10> first{};
    MemoryManager manager(first, std::move(few));
    std::size_t blocks = 0;
    while (manager.allocate(10)) ++blocks;
    EXPECT_GT(blocks, 5U);
    EXPECT_EQ(manager.capacity(), 10 * blocks);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Growth, TrimReleasesWholeParts) {
    std::vector<std::vector<std::byte>> parts;
    ManagerOptions own = options(10000);
    own.next_part = [&](Size wanted) { return std::span<std::byte>(parts.emplace_back(wanted)); };
    std::array<std::byte, 10> first{};
    MemoryManager manager(first, std::move(own));
    std::vector<Offset> blocks;
    for (Size size = 11; size < 30; ++size) {
        blocks.push_back(manager.allocate(size).value());
        manager.write(blocks.back(), pattern(size, static_cast<unsigned>(size)));
    }
    EXPECT_EQ(manager.trim(), 0U);
    const Size capacity = manager.capacity();
    manager.deallocate(blocks.back());
    EXPECT_EQ(manager.trim(), 29U);
    EXPECT_EQ(manager.capacity(), capacity - 29);
    for (Size size = 11; size < 29; ++size)
        EXPECT_EQ(contents(manager, blocks[size - 11], size),
                  pattern(size, static_cast<unsigned>(size)));
    for (Size size = 11; size < 29; ++size) manager.deallocate(blocks[size - 11]);
    EXPECT_EQ(manager.trim(), capacity - 29 - 10);
    EXPECT_EQ(manager.capacity(), 10U);
    EXPECT_EQ(manager.allocate(11), Offset{10});
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Growth, TooShortPartIsNotUsed) {
    std::array<std::byte, 10> first{}, second{};
    ManagerOptions own = options(1000);
    own.next_part = [&](Size) { return std::span<std::byte>(second); };
    MemoryManager manager(first, std::move(own));
    EXPECT_EQ(manager.allocate(11), std::nullopt);
    EXPECT_EQ(manager.capacity(), 10U);
    EXPECT_EQ(manager.allocate(10), Offset{0});
    EXPECT_EQ(manager.allocate(10), Offset{10});
}

// Every part that was given is in use or was released, whichever way it could
// not be used.
TEST(Growth, EveryPartIsUsedOrReleased) {
    for (const Placement placement : make::placements) {
        std::vector<std::vector<std::byte>> parts;
        std::set<const std::byte*> in_use;
        MemoryManager* self = nullptr;
        Size released = 0;
        ManagerOptions own = make::placed(placement);
        own.limit = 5000;
        own.most_ranges = 40;
        own.granularity = 4;
        own.next_part = [&](Size wanted) {
            const Size size = parts.size() % 5 == 4 ? wanted - 1 : wanted + parts.size() % 7;
            in_use.insert(parts.emplace_back(size).data());
            return std::span<std::byte>(parts.back());
        };
        own.release_part = [&](std::span<std::byte> part) {
            EXPECT_EQ(in_use.erase(part.data()), 1U);
            const auto given =
                std::ranges::find(parts, part.data(), [](const auto& each) { return each.data(); });
            EXPECT_EQ(part.size(), given->size());
            EXPECT_EQ(self->offset_of(part.data()), std::nullopt) << "it has gone already";
            EXPECT_EQ(self->allocate(4900), std::nullopt) << "no growth in here";
            ++released;
        };
        alignas(16) std::array<std::byte, 64> first{};
        MemoryManager manager(first, std::move(own));
        self = &manager;
        const auto known = [&] {
            std::set<const std::byte*> found;
            for (const auto& part : parts) {
                if (manager.offset_of(part.data())) found.insert(part.data());
            }
            return found;
        };
        std::vector<Offset> blocks;
        for (int i = 0; i < 200; ++i) {
            if (const auto block = manager.allocate(static_cast<Size>(i % 50 + 1)))
                blocks.push_back(*block);
            EXPECT_EQ(known(), in_use) << manager.policy_name();
        }
        EXPECT_GT(released, 1U) << manager.policy_name();
        EXPECT_GT(in_use.size(), 3U) << manager.policy_name();
        for (const Offset block : blocks) manager.deallocate(block);
        EXPECT_GT(manager.trim(), 0U);
        EXPECT_TRUE(in_use.empty()) << manager.policy_name();
        EXPECT_EQ(released, parts.size());
        EXPECT_EQ(manager.check(), 0U);
    }
}

TEST(Growth, TrimUndoesGrowth) {
    MemoryManager manager(100, options(10000));
    const Offset low = manager.allocate(100).value();
    const Offset high = manager.allocate(5000).value();
    manager.write(low, pattern(100, 1));
    EXPECT_EQ(manager.trim(), 0U);
    manager.deallocate(high);
    EXPECT_EQ(manager.trim(), 5000U);
    EXPECT_EQ(manager.capacity(), 100U);
    EXPECT_EQ(contents(manager, low, 100), pattern(100, 1));
    EXPECT_EQ(manager.allocate(5000), Offset{100});
}

TEST(Growth, TrimReturnsPagesToTheSystem) {
    constexpr Size kSize = 1 << 20;
    MemoryManager manager(2 * kSize, options());
    const Offset block = manager.allocate(kSize, 1 << 16).value();
    std::byte* bytes = manager.data(block);
    manager.write(block, pattern(kSize, 1));
    std::array<unsigned char, kSize / 4096> resident{};
    ASSERT_EQ(mincore(bytes, kSize, resident.data()), 0);
    EXPECT_EQ(resident[10] & 1, 1);
    manager.deallocate(block);
    EXPECT_EQ(manager.trim(), 0U);
    ASSERT_EQ(mincore(bytes, kSize, resident.data()), 0);
    EXPECT_EQ(resident[10] & 1, 0);
}

TEST(Growth, StopsWithoutRecords) {
    for (const Placement placement : make::placements) {
        ManagerOptions few = make::placed(placement);
        few.limit = 1 << 20;
        few.most_ranges = 100;
        MemoryManager manager(Size{1} << 10, std::move(few));
        std::vector<Offset> blocks;
        Size capacity = manager.capacity();
        while (const auto block = manager.allocate(10)) {
            blocks.push_back(*block);
            capacity = manager.capacity();
        }
        EXPECT_EQ(manager.capacity(), capacity) << manager.policy_name();
        EXPECT_GT(blocks.size(), 30U) << manager.policy_name();
        EXPECT_LE(blocks.size(), 100U) << manager.policy_name();
        EXPECT_EQ(manager.check(), 0U) << manager.policy_name();
        for (const Offset block : blocks) manager.deallocate(block);
        manager.trim();
        EXPECT_EQ(manager.capacity(), Size{1} << 10) << manager.policy_name();
        EXPECT_EQ(manager.check(), 0U) << manager.policy_name();
    }
}

// Where there is room for what was added, but no record for the block.
TEST(Growth, IsUndoneIfTheBlockStillDoesNotFit) {
    const auto all = [](const MemoryManager& manager) {
        const ManagerStatistics now = manager.statistics();
        return std::array{now.capacity, manager.capacity(), now.used,
                          now.overhead, now.largest_free,   Size{now.free_ranges}};
    };
    for (const Placement placement : make::placements) {
        // Growths for nothing: where the free end would have been enough there
        // are none.
        unsigned tried = 0;
        for (std::uint32_t records = 10; records < 30; ++records) {
            ManagerOptions few = make::placed(placement);
            few.limit = 1 << 20;
            few.most_ranges = records;
            unsigned grown = 0;
            few.grow_by = [&grown](Size, Size wanted) {
                ++grown;
                return wanted + 100;
            };
            MemoryManager manager(Size{1} << 10, std::move(few));
            while (manager.allocate(50)) {
            }
            for (const Size size : {Size{50}, Size{200}, Size{5000}}) {
                const auto before = all(manager);
                grown = 0;
                if (manager.allocate(size)) continue;
                EXPECT_LE(grown, 1U) << manager.policy_name();
                tried += grown;
                EXPECT_EQ(all(manager), before)
                    << manager.policy_name() << ", " << records << " records";
                EXPECT_EQ(manager.check(), 0U);
            }
        }
        EXPECT_GT(tried, 10U) << static_cast<int>(placement);
    }
}

TEST(Growth, SmallBlocksGrowTheBuffer) {
    for (const make::Mode mode : {make::Mode::one_slabs, make::Mode::many}) {
        MemoryManager manager(100, options(Size{1} << 24, mode));
        std::vector<Offset> blocks;
        for (unsigned i = 0; i < 100000; ++i) blocks.push_back(manager.allocate(100).value());
        EXPECT_EQ(manager.statistics().used, 10000000U);
        EXPECT_EQ(manager.check(), 0U);
        for (const Offset block : blocks) manager.deallocate(block);
        manager.trim();
        EXPECT_EQ(manager.capacity(), 100U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

}  // namespace

// for_each() copies a few parts at a time: what it sees when the visitor stops,
// frees and allocates.
#include <gtest/gtest.h>

#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{4} << 20;

class ForEach : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, ForEach, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

bool is_block(const BlockView& view) {
    return view.kind != BlockView::Kind::hole && view.kind != BlockView::Kind::slab;
}

TEST_P(ForEach, VisitsAllPartsWithoutGaps) {
    for (const Placement placement : make::placements) {
        MemoryManager manager(kWhole, make::placed(placement, GetParam()));
        std::map<Offset, Size> live;
        std::vector<Offset> freed;
        for (Size i = 0; i < 1000; ++i) {
            const Size size = 1 + i * 37 % (i % 5 == 0 ? 3000 : 150);
            const Offset block = manager.allocate(size).value();
            manager.set_user_data(block, block + 1);
            if (i % 4 == 0) {
                freed.push_back(block);
            } else {
                live[block] = size;
            }
        }
        for (const Offset block : freed) manager.deallocate(block);
        Offset end = 0;
        std::map<Offset, Size> seen;
        manager.for_each([&](const BlockView& view) {
            EXPECT_EQ(view.start, end);
            end = view.start + view.size;
            if (!is_block(view)) return true;
            seen[view.start] = view.size;
            EXPECT_EQ(view.user, view.start + 1);
            return true;
        });
        EXPECT_EQ(end, kWhole);
        EXPECT_EQ(seen, live) << manager.policy_name();
    }
}

TEST_P(ForEach, VisitorMayFreeWhatItSees) {
    for (const Size size : {Size{16}, Size{2000}}) {
        MemoryManager manager(kWhole, make::options(0, GetParam()));
        for (Size i = 0; i < 1000; ++i) static_cast<void>(manager.allocate(size).value());
        std::size_t freed = 0;
        manager.for_each([&](const BlockView& view) {
            if (is_block(view)) {
                manager.deallocate(view.start);
                ++freed;
            }
            return true;
        });
        EXPECT_EQ(freed, 1000U);
        EXPECT_EQ(manager.statistics().blocks, 0U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

// Frees each block that it sees with the next one, and puts a larger one there:
// some lie across the end of a copy.
TEST_P(ForEach, ShowsOnlyWholeBlocks) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    std::vector<Offset> blocks;
    for (Size i = 0; i < 1000; ++i) {
        blocks.push_back(manager.allocate(i % 3 == 0 ? 1500 : 2000).value());
        if (i % 10 == 9) static_cast<void>(manager.allocate(40).value());
    }
    std::sort(blocks.begin(), blocks.end());
    Offset end = 0;
    std::size_t seen = 0;
    manager.for_each([&](const BlockView& view) {
        EXPECT_GE(view.start, end);
        end = view.start + view.size;
        const auto next = std::upper_bound(blocks.begin(), blocks.end(), view.start);
        const bool last = ++seen % 64 == 0 && view.kind == BlockView::Kind::block &&
                          next != blocks.end() && *next == end;
        if (seen % 64 == 1 && is_block(view)) {
            EXPECT_EQ(manager.size_of(view.start), view.size) << seen;
        }
        if (last) {
            const Size size = view.size + manager.size_of(*next);
            manager.deallocate(view.start);
            manager.deallocate(*next);
            EXPECT_EQ(manager.allocate_at(view.start, size), view.start);
        }
        return true;
    });
    EXPECT_GT(seen, 900U);
    EXPECT_EQ(end, kWhole);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(ForEachBesideThreads, SeesEachBlockThatStaysOnce) {
    MemoryManager manager(kWhole, make::options(0, make::Mode::many));
    std::set<Offset> stay;
    std::vector<Offset> go;
    for (Size i = 0; i < 600; ++i) {
        stay.insert(manager.allocate(i % 2 == 0 ? 24 : 1500).value());
        go.push_back(manager.allocate(i % 2 == 0 ? 24 : 1500).value());
    }
    std::atomic<bool> stop{false};
    std::thread other([&] {
        for (std::size_t i = 0; !stop; i = (i + 1) % go.size()) {
            manager.deallocate(go[i]);
            go[i] = manager.allocate(i % 3 == 0 ? 24 : 1700).value();
        }
    });
    for (unsigned round = 0; round < 30; ++round) {
        std::set<Offset> seen;
        Offset end = 0;
        manager.for_each([&](const BlockView& view) {
            EXPECT_GE(view.start, end);
            end = view.start + view.size;
            if (is_block(view) && stay.count(view.start) != 0) {
                EXPECT_TRUE(seen.insert(view.start).second);
            }
            return true;
        });
        EXPECT_EQ(seen, stay);
    }
    stop = true;
    other.join();
}

// The quickest of some calls, so that what else runs does not matter.
std::chrono::nanoseconds quickest_stop(const MemoryManager& manager) {
    using Clock = std::chrono::steady_clock;
    std::chrono::nanoseconds least = std::chrono::hours(1);
    for (unsigned i = 0; i < 50; ++i) {
        const Clock::time_point begin = Clock::now();
        manager.for_each([](const BlockView&) { return false; });
        least = std::min<std::chrono::nanoseconds>(least, Clock::now() - begin);
    }
    return least;
}

TEST_P(ForEach, StopsAtACostThatDoesNotGrow) {
    for (const Size size : {Size{16}, Size{2000}}) {
        MemoryManager manager =
            MemoryManager::without_memory(Size{1} << 30, make::options(0, GetParam()));
        for (unsigned i = 0; i < 100; ++i) static_cast<void>(manager.allocate(size).value());
        const auto few = quickest_stop(manager);
        for (unsigned i = 0; i < 100'000; ++i) static_cast<void>(manager.allocate(size).value());
        EXPECT_LT(quickest_stop(manager), 50 * few);
    }
}

}  // namespace

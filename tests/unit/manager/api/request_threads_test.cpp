// Requests of many threads, beside others that look.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/random.hpp"

namespace {

using namespace ashlar;

// Requests and frees blocks. Returns those that are left.
std::vector<Block> churn(MemoryManager& manager, unsigned t, unsigned rounds) {
    Random random(t);
    std::vector<Block> mine;
    for (unsigned i = 0; i < rounds; ++i) {
        const auto strategy = static_cast<Strategy>(random.below(4));
        const Size size = 1 + random.below(random.below(2) == 0 ? 100 : 5000);
        const auto block = manager.allocate({.size = size,
                                             .alignment = Size{1} << random.below(6),
                                             .strategy = strategy,
                                             .user_data = size,
                                             .name = random.below(4) == 0 ? "named" : "",
                                             .movable = random.below(4) == 0});
        if (block) mine.push_back(*block);
        // The user data of a small block end just before the block does.
        if (mine.size() < 50) continue;
        std::swap(mine[random.below(mine.size())], mine.back());
        const Block gone = mine.back();
        if (!gone.handle && gone.size <= 1024) continue;
        mine.pop_back();
        gone.handle ? manager.deallocate(gone.handle) : manager.deallocate(gone.offset);
    }
    for (const Block& block : mine) {
        EXPECT_TRUE(block.handle || manager.user_data(block.offset) == block.size);
    }
    return mine;
}

// A thread that looks at the buffer sees the user data of every block.
TEST(RequestThreads, NoBlockIsSeenWithoutItsUserData) {
    constexpr unsigned threads = 3, rounds = 3000;
    MemoryManager manager(Size{8} << 20);
    std::atomic<unsigned> left = threads;
    std::vector<std::vector<Block>> kept(threads);
    std::vector<std::jthread> team;
    for (unsigned t = 0; t < threads; ++t) {
        team.emplace_back([&manager, &left, &kept, t] {
            kept[t] = churn(manager, t, rounds);
            --left;
        });
    }
    // A movable block's user data are read after the copy, when it may be gone.
    std::size_t seen = 0, bare = 0;
    for (unsigned looks = 0; left != 0 || looks < 10; ++looks) {
        manager.for_each([&](const BlockView& view) {
            const bool block =
                view.kind == BlockView::Kind::block || view.kind == BlockView::Kind::small_block;
            seen += block ? 1 : 0;
            bare += block && view.user != view.size ? 1 : 0;
            return true;
        });
        if (looks % 8 == 0) manager.trim();
    }
    EXPECT_EQ(bare, 0U) << "of " << seen;
    team.clear();
    for (const auto& blocks : kept) {
        for (const Block& block : blocks) {
            block.handle ? manager.deallocate(block.handle) : manager.deallocate(block.offset);
        }
    }
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace

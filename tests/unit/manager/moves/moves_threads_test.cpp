// Blocks move while other threads use them, through pins; what is in them is
// verified by plain accesses.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

namespace {

using ashlar::Handle;
using ashlar::MemoryManager;
using ashlar::Move;
using ashlar::Offset;
using ashlar::Size;

constexpr int kSteps = 1500;

struct Block {
    Handle handle;
    Size size;
    std::byte seed;
};

// One thread's blocks.
class Owner {
  public:
    Owner(MemoryManager& manager, unsigned seed) : manager_(manager), random_(seed) {}
    ~Owner() {
        for (const Block& block : blocks_) manager_.deallocate(block.handle);
    }
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;

    void step() {
        const std::uint64_t what = random_() % 4;
        if (what == 0 && blocks_.size() > 20) {
            const std::size_t i = random_() % blocks_.size();
            verify(blocks_[i]);
            manager_.deallocate(blocks_[i].handle);
            blocks_[i] = blocks_.back();
            blocks_.pop_back();
        } else if (what == 1) {
            const Size size = 1 + random_() % 700;
            const auto handle = manager_.allocate_movable(size, Size{1} << random_() % 5);
            if (!handle) return;
            blocks_.push_back({*handle, size, std::byte(random_() & 0xff)});
            std::memset(manager_.data(manager_.pin(*handle)), static_cast<int>(blocks_.back().seed),
                        size);
            manager_.unpin(*handle);
        } else if (!blocks_.empty()) {
            verify(blocks_[random_() % blocks_.size()]);
        }
    }
    void verify_all() {
        for (const Block& block : blocks_) verify(block);
    }

  private:
    void verify(const Block& block) {
        const Offset at = manager_.pin(block.handle);
        const std::byte* bytes = manager_.data(at);
        bool same = manager_.size_of(at) == block.size;
        for (Size i = 0; i < block.size; ++i) same = same && bytes[i] == block.seed;
        EXPECT_TRUE(same) << at;
        manager_.unpin(block.handle);
    }

    MemoryManager& manager_;
    std::mt19937_64 random_;
    std::vector<Block> blocks_;
};

TEST(MovesThreads, DefragmentBesideEightThreads) {
    MemoryManager manager(400'000);
    std::atomic<int> running{8};
    std::atomic<bool> moved{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; ++t) {
        threads.emplace_back([&manager, &running, &moved, t] {
            Owner owner(manager, t);
            for (int i = 0; i < kSteps || !moved; ++i) owner.step();
            owner.verify_all();
            --running;
        });
    }
    while (running != 0) {
        if (manager.defragment().moves != 0) moved = true;
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

// The pass's blocks lie still while others take and give: its targets are
// nobody else's.
TEST(MovesThreads, PassesBesideThreadsThatAllocate) {
    MemoryManager manager(400'000);
    std::atomic<bool> end{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t) {
        threads.emplace_back([&manager, &end, t] {
            std::mt19937_64 random(t);
            std::vector<std::pair<Offset, Size>> blocks;
            while (!end) {
                if (random() % 2 == 0 && !blocks.empty()) {
                    const auto [at, size] = blocks.back();
                    blocks.pop_back();
                    for (Size i = 0; i < size; i += 97)
                        EXPECT_EQ(manager.data(at)[i], std::byte(at & 0xff));
                    manager.deallocate(at);
                } else if (const Size size = 1 + random() % 3000;
                           const auto at = manager.allocate(size)) {
                    std::memset(manager.data(*at), static_cast<int>(*at & 0xff), size);
                    blocks.emplace_back(*at, size);
                }
            }
            for (const auto& [at, size] : blocks) manager.deallocate(at);
        });
    }
    std::uint64_t moved = 0;
    {
        Owner owner(manager, 99);
        for (int round = 0; round < 150; ++round) {
            for (int i = 0; i < 20; ++i) owner.step();
            ashlar::PassLimits limits;
            limits.moves = 1 + static_cast<std::uint32_t>(round) % 30;
            std::vector<Move> moves = manager.begin_pass(limits);
            for (Move& move : moves) {
                std::memcpy(manager.data(move.to), manager.data(move.from), move.size);
                if (move.from % 5 == 0) move.outcome = Move::Outcome::ignored;
            }
            moved += manager.end_pass(moves).moves;
            owner.verify_all();
        }
    }
    end = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_GT(moved, 0U);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace

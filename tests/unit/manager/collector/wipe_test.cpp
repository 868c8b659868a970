// Blocks that are not written as a whole: what an earlier block left there is
// no reference.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <deque>
#include <vector>

#include "graph.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr std::size_t kLive = 100;

// A chain of nodes, of which the program writes one word each: the reference to
// the next one. Old nodes are cut off.
class Chain {
  public:
    Chain(MemoryManager& manager, Size node) : manager_(manager), node_(node) {
        root_ = manager.allocate_root(8, 8).value();
        nodes_.push_back(manager.allocate(node, 8).value());
        set_word(manager, root_, nodes_.front());
    }
    // A new node becomes the last one, the root refers to the oldest one that
    // is left. False: nothing fits.
    bool step() {
        const auto node = manager_.allocate(node_, 8);
        if (!node) return false;
        const Size word = 8 * (steps_++ * 31 % (node_ / 8));  // another one in each life of a node
        set_word(manager_, nodes_.back() + word, *node);
        nodes_.push_back(*node);
        if (nodes_.size() > kLive) nodes_.pop_front();
        set_word(manager_, root_, nodes_.front());
        return true;
    }
    // Has the program's own node carry on: the last node refers to nothing yet.
    [[nodiscard]] Offset last() const { return nodes_.back(); }

  private:
    MemoryManager& manager_;
    Size node_;
    Offset root_ = 0;
    Size steps_ = 0;
    std::deque<Offset> nodes_;
};

class WipedBlocks : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, WipedBlocks, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

// Returns how many blocks the collector kept at most.
std::uint64_t most_kept(make::Mode mode, Size node, Wipe wipe) {
    ManagerOptions options = make::options(0, mode);
    options.wipe = wipe;
    MemoryManager manager(Size{4} << 20, std::move(options));
    Chain chain(manager, node);
    manager.collect({});
    std::uint64_t most = 0;
    for (int round = 0; round < 60; ++round) {
        for (std::size_t i = 0; i < 3 * kLive; ++i) {
            if (!chain.step()) return ~std::uint64_t{0};
        }
        manager.collect(std::vector{chain.last()});
        most = std::max(most, manager.statistics().blocks);
    }
    EXPECT_EQ(manager.check(), 0U);
    return most;
}

TEST_P(WipedBlocks, KeepNoGarbageAlive) {
    for (const Size node : {Size{64}, Size{1000}, Size{3000}}) {
        EXPECT_LE(most_kept(GetParam(), node, Wipe::when_scanned), 2 * kLive);
        EXPECT_LE(most_kept(GetParam(), node, Wipe::always), 2 * kLive);
        EXPECT_GT(most_kept(GetParam(), node, Wipe::never), 2 * kLive)
            << "so that the other two mean something";
    }
}

bool is_wiped(const MemoryManager& manager, Offset start, Size size) {
    return make::contents(manager, start, size) == std::vector<std::byte>(size, std::byte{0xff});
}

TEST_P(WipedBlocks, BeginWithTheFirstCycleWithoutAVisitor) {
    MemoryManager manager(Size{4} << 20, make::options(0, GetParam()));
    const auto stays = [&] {
        const Offset at = manager.allocate(100, 8).value();
        manager.write(at, make::pattern(100, 1));
        manager.deallocate(at);
        const Offset again = manager.allocate(100, 8).value();
        EXPECT_EQ(again, at);
        const bool same = make::contents(manager, again, 100) == make::pattern(100, 1);
        manager.deallocate(again);
        return same;
    };
    EXPECT_TRUE(stays());
    manager.collect({}, [](auto...) {});
    EXPECT_TRUE(stays()) << "a visitor knows the references";
    static_cast<void>(manager.find_leaks({}));
    EXPECT_FALSE(stays());
}

TEST_P(WipedBlocks, AreWipedByEveryWayToAllocate) {
    ManagerOptions options = make::options(0, GetParam());
    options.wipe = Wipe::always;
    MemoryManager manager(Size{4} << 20, std::move(options));
    for (const Size size : {Size{16}, Size{1000}, Size{100'000}}) {
        for (int life = 0; life < 2; ++life) {
            const Offset block = manager.allocate(size).value();
            const Offset root = manager.allocate_root(size).value();
            const Handle handle = manager.allocate_movable(size).value();
            for (const Offset at : {block, root, manager.resolve(handle)}) {
                EXPECT_TRUE(is_wiped(manager, at, size));
                manager.write(at, make::pattern(size, 1));
            }
            if (manager.resize(root, size - 4)) {
                manager.write(root, make::pattern(size - 4, 2));
                ASSERT_TRUE(manager.resize(root, size));
                EXPECT_TRUE(is_wiped(manager, root + size - 4, 4));
                EXPECT_EQ(make::contents(manager, root, size - 4), make::pattern(size - 4, 2));
            }
            manager.deallocate(block);
            manager.deallocate(root);
            manager.deallocate(handle);
        }
    }
}

TEST_P(WipedBlocks, RangesAtAGivenPlaceKeepTheirBytes) {
    ManagerOptions options = make::options(0, GetParam());
    options.wipe = Wipe::always;
    MemoryManager manager(Size{4} << 20, std::move(options));
    ASSERT_TRUE(manager.allocate_at(5000, 100).has_value());
    manager.write(5000, make::pattern(100, 1));
    manager.deallocate(5000);
    ASSERT_TRUE(manager.reserve_range(5000, 100));
    EXPECT_EQ(make::contents(manager, 5000, 100), make::pattern(100, 1));
}

}  // namespace

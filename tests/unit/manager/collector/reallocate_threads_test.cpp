// Blocks that move and change their size beside the collector's thread: each
// mutator's list of nodes stays whole.
#include <gtest/gtest.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

using ashlar::Handle;
using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

constexpr Offset kNull = ~Offset{0};
constexpr std::size_t kNodes = 12;

// A list in one root block: words {next, key}, then bytes of the key. Each step
// moves a node and links it again.
class Mutator {
  public:
    Mutator(MemoryManager& manager, unsigned seed) : manager_(manager), random_(seed) {
        root_ = manager_.allocate_root(8, 8).value();
        set(root_, kNull);
        for (std::size_t i = 0; i < kNodes; ++i) push(i);
    }
    // The roots are asked for between two steps: a block that moved is linked
    // by then, or allocated during the cycle.
    std::mutex& mutex() { return mutex_; }

    void step() {
        const std::lock_guard guard(mutex_);
        Offset link = root_;
        for (std::uint64_t steps = random_() % kNodes; steps != 0; --steps) link = get(link);
        const Offset node = get(link);
        const Size size = random_() % 16 == 0 ? 70'000 + random_() % 60'000
                                              : 16 + random_() % (random_() % 2 == 0 ? 900 : 5000);
        const auto now = manager_.reallocate(node, size, Size{8} << random_() % 6);
        if (!now) return;  // full of garbage just now
        fill(*now, size);
        set(link, *now);
    }
    void verify() {
        const std::lock_guard guard(mutex_);
        std::size_t nodes = 0;
        for (Offset at = get(root_); at != kNull; at = get(at)) {
            const Size size = manager_.size_of(at);
            const std::uint64_t key = get(at + 8);
            ASSERT_EQ(key, kNodes - 1 - nodes);
            ASSERT_EQ(key, manager_.user_data(at));
            std::vector<std::byte> bytes(size - 16);
            manager_.read(at + 16, bytes);
            for (const std::byte byte : bytes) ASSERT_EQ(byte, std::byte(0x80 + key));
            ++nodes;
        }
        ASSERT_EQ(nodes, kNodes);
    }

  private:
    [[nodiscard]] Offset get(Offset at) const {
        std::uint64_t word = 0;
        manager_.read(at, std::as_writable_bytes(std::span(&word, 1)));
        return word;
    }
    void set(Offset at, std::uint64_t word) {
        manager_.write(at, std::as_bytes(std::span(&word, 1)));
    }
    void push(std::uint64_t key) {
        const Offset node = manager_.allocate(40, 8).value();
        set(node, get(root_));
        set(node + 8, key);
        manager_.set_user_data(node, key);
        fill(node, 40);
        set(root_, node);
    }
    void fill(Offset node, Size size) {
        const std::vector<std::byte> bytes(size - 16, std::byte(0x80 + get(node + 8)));
        manager_.write(node + 16, bytes);
    }

    MemoryManager& manager_;
    std::mt19937_64 random_;
    std::mutex mutex_;
    Offset root_ = 0;
};

void run(ashlar::ManagerOptions options, int steps) {
    MemoryManager manager(8U << 20, std::move(options));
    std::vector<std::unique_ptr<Mutator>> mutators;
    for (unsigned i = 0; i < 3; ++i) mutators.push_back(std::make_unique<Mutator>(manager, i + 1));
    ashlar::CollectorOptions collecting;
    collecting.period = std::chrono::milliseconds(0);
    collecting.budget = 16;
    collecting.roots = [&mutators] {
        for (const auto& mutator : mutators) const std::lock_guard guard(mutator->mutex());
        return std::vector<Offset>{};
    };
    manager.start_collector(collecting);
    std::vector<std::thread> threads;
    for (const auto& mutator : mutators) {
        threads.emplace_back([&mutator, steps] {
            for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
                mutator->step();
                if (i % 16 == 0) mutator->verify();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    while (manager.last_collection().cycles < 3) std::this_thread::yield();
    manager.stop_collector();
    for (const auto& mutator : mutators) mutator->verify();
    EXPECT_EQ(manager.check(), 0U);
    const std::vector<Offset> none;
    manager.collect(none);
    EXPECT_EQ(manager.statistics().blocks, mutators.size() * (kNodes + 1));
    for (const auto& mutator : mutators) mutator->verify();
}

TEST(ReallocateThreads, ListsStayWholeBesideTheCollector) { run({}, 1500); }
TEST(ReallocateThreads, ListsStayWholeWithoutSlabs) {
    ashlar::ManagerOptions options;
    options.small_limit = 0;
    run(std::move(options), 1500);
}
TEST(ReallocateThreads, ListsStayWholeWhereBlocksAreNotWiped) {
    ashlar::ManagerOptions options;
    options.wipe = ashlar::Wipe::never;
    run(std::move(options), 1500);
}

// Nothing keeps cycles away while these blocks move: they are roots at any
// time, before and after. Many small blocks make the beginning of a cycle long.
TEST(ReallocateThreads, RootsStayRootsWithoutAMutex) {
    MemoryManager manager(16U << 20);
    std::vector<Offset> many(40'000);
    ASSERT_EQ(manager.allocate_batch(64, 8, many), many.size());
    for (std::size_t i = 0; i < many.size(); ++i) {
        const Offset next = i + 1 < many.size() ? many[i + 1] : kNull;
        manager.write(many[i], std::as_bytes(std::span(&next, 1)));
    }
    ashlar::CollectorOptions collecting;
    collecting.period = std::chrono::milliseconds(0);
    collecting.budget = 64;
    collecting.roots = [&many] { return std::vector<Offset>{many[0]}; };
    manager.start_collector(collecting);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 2; ++t) {
        threads.emplace_back([&manager, t] {
            std::mt19937_64 random(t);
            Offset at = manager.allocate_root(100'000, 8).value();
            Size size = 100'000;
            for (int i = 0; i < 2000; ++i) {
                const std::array<std::uint64_t, 2> words{random() | std::uint64_t{1} << 60, kNull};
                manager.write(at, std::as_bytes(std::span(words)));
                const bool walled = manager.reserve_range(at + size, 8);  // so that it cannot stay
                const Offset wall = at + size;
                size = i % 8 == 7 ? 80'000 : size + 8 + random() % 30'000 / 8 * 8;
                const auto now = manager.reallocate(at, size, 8);
                ASSERT_TRUE(now);
                if (walled) manager.deallocate(wall);
                at = *now;
                std::array<std::uint64_t, 2> found{};
                ASSERT_EQ(manager.try_read(at, std::as_writable_bytes(std::span(found))),
                          ashlar::Status::ok)
                    << i;
                ASSERT_EQ(found, words) << i;
                ASSERT_EQ(manager.size_of(at), size);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    while (manager.last_collection().cycles < 3) std::this_thread::yield();
    manager.stop_collector();
    manager.collect(std::array{many[0]});
    EXPECT_EQ(manager.statistics().blocks, many.size() + threads.size()) << "still roots";
    EXPECT_EQ(manager.check(), 0U);
}

// Movable blocks change their size while others move them, and pin them to
// look.
TEST(ReallocateThreads, MovableBlocksKeepTheirBytes) {
    MemoryManager manager(4U << 20);
    std::vector<std::thread> threads;
    std::array<Handle, 24> handles;
    for (std::size_t i = 0; i < handles.size(); ++i) {
        handles[i] = manager.allocate_movable(500, 8).value();
        const std::vector<std::byte> bytes(500, std::byte(i));
        manager.write(manager.resolve(handles[i]), bytes);
    }
    for (std::size_t t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937_64 random(t);
            for (int i = 0; i < 1500; ++i) {
                const std::size_t which = random() % 8 * 3 + t;  // one of its own
                const Handle handle = handles[which];
                const Size size = 500 + random() % 20'000;
                if (!manager.resize(handle, size)) continue;
                const Offset at = manager.pin(handle);
                std::vector<std::byte> bytes(500);
                manager.read(at, bytes);
                for (const std::byte byte : bytes) ASSERT_EQ(byte, std::byte(which));
                EXPECT_EQ(manager.size_of(at), size);
                manager.unpin(handle);
                if (i % 64 == 0) static_cast<void>(manager.collect({}));
            }
        });
    }
    threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) static_cast<void>(manager.defragment({.moves = 4}));
    });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(manager.statistics().blocks, handles.size());
    EXPECT_EQ(manager.check(), 0U);
}

}  // namespace

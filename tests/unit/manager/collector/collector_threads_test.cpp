// The collector in its own thread beside mutators, each of which verifies its
// own reachable structure.
#include <gtest/gtest.h>
#include <ashlar/memory_manager.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

constexpr Offset kNull = ~Offset{0};
constexpr std::size_t kLists = 4;
constexpr int kSteps = 4000;

// Lists of nodes {next, key, filled}, whose heads lie in one root block. Nodes
// are dropped, or freed, or go from list to list.
class Mutator {
  public:
    Mutator(MemoryManager& manager, unsigned seed)
        : manager_(manager), random_(seed), key_(std::uint64_t{seed} << 32) {
        root_ = manager_.allocate(kLists * 8, 8).value();
        for (std::size_t i = 0; i < kLists; ++i) set(root_ + 8 * i, kNull);
    }
    [[nodiscard]] Offset root() const { return root_; }
    // The roots are asked for between two steps of each mutator: a new block is
    // linked by then, or allocated after the cycle began.
    std::mutex& mutex() { return mutex_; }

    void step() {
        const std::lock_guard guard(mutex_);
        const std::size_t list = random_() % kLists;
        switch (random_() % 8) {
            case 0:
            case 1:
            case 2: push(list); break;
            case 3: drop(list); break;
            case 4: pop(list); break;
            case 5: hand_over(list, random_() % kLists); break;
            case 6:
                if (keys_[list].size() > 40) clear(list);
                break;
            default: verify(list);
        }
    }
    void verify_all() {
        for (std::size_t i = 0; i < kLists; ++i) verify(i);
    }
    [[nodiscard]] std::size_t nodes() const {
        std::size_t sum = 1;
        for (const auto& keys : keys_) sum += keys.size();
        return sum;
    }

  private:
    [[nodiscard]] Offset head(std::size_t list) const { return root_ + 8 * list; }
    [[nodiscard]] std::uint64_t get(Offset at) const {
        std::uint64_t word = 0;
        manager_.read(at, std::as_writable_bytes(std::span(&word, 1)));
        return word;
    }
    void set(Offset at, std::uint64_t word) {
        manager_.write(at, std::as_bytes(std::span(&word, 1)));
    }

    void push(std::size_t list) {
        const Size size = random_() % 10 == 0 ? 4000 : 24 + random_() % 64;
        const auto node = manager_.allocate(size, 8);
        if (!node) return;  // full of garbage just now
        const std::uint64_t key = key_++ * 3 + kBig;
        const std::array<std::uint64_t, 3> words{get(head(list)), key, ~key};
        // All of it: what an earlier block left in its bytes would be taken for
        // references.
        std::vector<std::byte> bytes(size);
        std::memcpy(bytes.data(), words.data(), sizeof words);
        manager_.write(*node, bytes);
        set(head(list), *node);
        keys_[list].push_back(key);
    }
    // Garbage for the collector: the first node, and all of them.
    void drop(std::size_t list) {
        if (keys_[list].empty()) return;
        set(head(list), get(get(head(list))));
        keys_[list].pop_back();
    }
    void clear(std::size_t list) {
        set(head(list), kNull);
        keys_[list].clear();
    }
    void pop(std::size_t list) {
        if (keys_[list].empty()) return;
        const Offset node = get(head(list));
        const Offset next = get(node);
        manager_.deallocate(node);  // with the only reference to the rest in it
        set(head(list), next);
        keys_[list].pop_back();
    }
    // The rest of the list is in no block for a moment.
    void hand_over(std::size_t from, std::size_t to) {
        if (from == to || keys_[from].empty()) return;
        const Offset node = get(head(from));
        const Offset rest = get(node);
        set(head(from), kNull);
        set(node, kNull);
        std::this_thread::yield();
        set(node, get(head(to)));
        set(head(to), node);
        set(head(from), rest);
        keys_[to].push_back(keys_[from].back());
        keys_[from].pop_back();
    }
    void verify(std::size_t list) {
        Offset at = get(head(list));
        for (auto key = keys_[list].rbegin(); key != keys_[list].rend(); ++key) {
            std::array<std::uint64_t, 3> words{};
            ASSERT_EQ(manager_.try_read(at, std::as_writable_bytes(std::span(words))),
                      ashlar::Status::ok)
                << at;
            ASSERT_EQ(words[1], *key);
            ASSERT_EQ(words[2], ~*key);
            at = words[0];
        }
        ASSERT_EQ(at, kNull);
    }

    static constexpr std::uint64_t kBig = std::uint64_t{1} << 60;  // a key is no offset
    MemoryManager& manager_;
    std::mt19937_64 random_;
    std::uint64_t key_;
    std::mutex mutex_;
    Offset root_ = 0;
    std::array<std::vector<std::uint64_t>, kLists> keys_;
};

void run(ashlar::ManagerOptions manager_options) {
    MemoryManager manager(8U << 20, std::move(manager_options));
    std::vector<std::unique_ptr<Mutator>> mutators;
    for (unsigned i = 0; i < 4; ++i) mutators.push_back(std::make_unique<Mutator>(manager, i + 1));
    ashlar::CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.budget = 16;
    options.roots = [&mutators] {
        std::vector<Offset> roots;
        for (const auto& mutator : mutators) {
            const std::lock_guard guard(mutator->mutex());
            roots.push_back(mutator->root());
        }
        return roots;
    };
    manager.start_collector(options);
    std::vector<std::thread> threads;
    for (const auto& mutator : mutators) {
        threads.emplace_back([&mutator] {
            for (int i = 0; i < kSteps && !testing::Test::HasFatalFailure(); ++i) mutator->step();
            mutator->verify_all();
        });
    }
    for (std::thread& thread : threads) thread.join();
    while (manager.last_collection().cycles < 3) std::this_thread::yield();
    manager.stop_collector();
    manager.stop_collector();
    // At rest the collector leaves just what can be reached.
    std::size_t nodes = 0;
    for (const auto& mutator : mutators) nodes += mutator->nodes();
    manager.collect(options.roots());
    EXPECT_EQ(manager.statistics().blocks, nodes);
    for (const auto& mutator : mutators) mutator->verify_all();
    EXPECT_EQ(manager.check(), 0U);
}

TEST(CollectorThreads, MutatorsKeepReachableBlocks) { run({}); }

TEST(CollectorThreads, MutatorsKeepReachableBlocksWithoutSlabs) {
    ashlar::ManagerOptions options;
    options.small_limit = 0;
    run(std::move(options));
}

// Several ask for cycles at a time: one after the other. The destructor stops
// the thread.
TEST(CollectorThreads, CyclesTakeTurns) {
    MemoryManager manager(8U << 20);
    const Offset root = manager.allocate(64, 8).value();
    ashlar::CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.roots = [root] { return std::vector<Offset>{root}; };
    manager.start_collector(options);
    manager.start_collector(options);  // in the place of the first
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) EXPECT_GE(manager.collect(std::vector{root}).roots, 1U);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_GE(manager.last_collection().cycles, 150U);
    EXPECT_TRUE(manager.is_block(root));
}

TEST(CollectorThreads, StartThrowsWithThreadsOne) {
    ashlar::ManagerOptions options;
    options.threads = ashlar::Threads::one;
    MemoryManager manager(1000, std::move(options));
    EXPECT_THROW(manager.start_collector({}), ashlar::ManagerError);
    MemoryManager without = MemoryManager::without_memory(1000);
    EXPECT_THROW(without.start_collector({}), ashlar::NoMemory);
}

// By a collector that forgot its roots, or one whose pause outlives the clock,
// no block may go that is in use.
TEST(CollectorThreads, StartThrowsWithoutRoots) {
    MemoryManager manager(1000);
    const Offset block = manager.allocate(64, 8).value();
    try {
        manager.start_collector({});
        FAIL() << "started";
    } catch (const ashlar::ManagerError& error) {
        EXPECT_EQ(error.status(), ashlar::Status::no_roots);
    }
    EXPECT_TRUE(manager.is_block(block));
}

TEST(CollectorThreads, LongestPeriodPausesUntilStop) {
    MemoryManager manager(1000);
    const Offset root = manager.allocate(64, 8).value();
    ashlar::CollectorOptions options;
    options.period = std::chrono::milliseconds::max();
    options.roots = [root] { return std::vector<Offset>{root}; };
    manager.start_collector(options);
    while (manager.last_collection().cycles == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(manager.last_collection().cycles, 1U);
    manager.stop_collector();  // wakes it
}

// A visitor that throws at first; and a budget of nothing is one block.
TEST(CollectorThreads, NextCycleRunsAfterACallbackThrew) {
    MemoryManager manager(1000);
    const Offset root = manager.allocate(64, 8).value();
    std::atomic<int> calls{0};
    ashlar::CollectorOptions options;
    options.period = std::chrono::milliseconds(0);
    options.budget = 0;
    options.roots = [root] { return std::vector<Offset>{root}; };
    options.visitor = [&calls](Offset, Size, const std::function<void(Offset)>&) {
        if (calls++ < 3) throw std::runtime_error("not yet");
    };
    const Offset lost = manager.allocate(64, 8).value();
    manager.start_collector(options);
    while (manager.is_block(lost)) std::this_thread::yield();
    manager.stop_collector();
    EXPECT_GT(calls, 3);
    EXPECT_TRUE(manager.is_block(root));
}

}  // namespace

// Named objects while several threads and processes use one name.
#include <ashlar/shared_objects.hpp>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/together.hpp"
#include "unit/shared/names/heap_fixture.hpp"

namespace {

using ashlar::SharedName;
using ashlar::SharedNameState;
using ashlar::SharedObjects;

class NamesOfThreads : public HeapFixture {
  protected:
    SharedObjects objects_{heap_};
};
using NamesOfProcesses = NamesOfThreads;

// Constructed slowly, so that others meet it.
struct Slow {
    explicit Slow(unsigned maker_) : maker(maker_) {
        std::this_thread::yield();
        same = maker_;
    }
    ~Slow() { same = ~0U; }
    unsigned maker;
    std::atomic<unsigned> same{~0U};
};

TEST_F(NamesOfThreads, ExactlyOneConstructs) {
    constexpr unsigned threads = 8;
    constexpr unsigned rounds = 500;
    std::atomic<unsigned> won[rounds] = {};
    Meeting meeting(threads);
    together(threads, [&](unsigned i) {
        for (unsigned round = 0; round < rounds; ++round) {
            const std::string name = std::to_string(round);
            meeting.arrive_and_wait();
            const auto made = objects_.construct<Slow>(name)(i);
            if (made) ++won[round];
            if (!made) {
                EXPECT_TRUE(made.state() == SharedNameState::exists ||
                            made.state() == SharedNameState::busy);
            }
            const auto found = objects_.find<Slow>(name);
            if (found) {
                EXPECT_EQ(found->same, found->maker) << "a constructor had not ended";
            }
        }
    });
    for (const std::atomic<unsigned>& winners : won) EXPECT_EQ(winners, 1u);
    EXPECT_EQ(blocks(), std::size_t{2} * rounds) << "an entry and an object for each name";
    EXPECT_EQ(heap_.check(), 0u);
}

TEST_F(NamesOfThreads, FindOrConstructGivesOneObjectToAll) {
    constexpr unsigned threads = 4;
    constexpr unsigned rounds = 500;
    std::atomic<Slow*> object[rounds] = {};
    Meeting meeting(threads);
    together(threads, [&](unsigned i) {
        for (unsigned round = 0; round < rounds; ++round) {
            meeting.arrive_and_wait();
            for (;;) {
                const auto made = objects_.find_or_construct<Slow>(std::to_string(round))(i);
                if (made.state() == SharedNameState::busy) {
                    std::this_thread::yield();
                    continue;
                }
                ASSERT_TRUE(made);
                Slow* expected = nullptr;
                if (!object[round].compare_exchange_strong(expected, made.get())) {
                    EXPECT_EQ(expected, made.get());
                }
                break;
            }
        }
    });
}

TEST_F(NamesOfThreads, AnObjectIsDestroyedAsOftenAsItIsConstructed) {
    struct Pair {
        explicit Pair(std::atomic<int>& alive_) : alive(alive_) { EXPECT_EQ(++alive, 1); }
        ~Pair() { EXPECT_EQ(--alive, 0); }
        std::atomic<int>& alive;
    };
    struct Single {
        explicit Single(std::atomic<int>& alive_) : alive(alive_) { EXPECT_EQ(++alive, 1); }
        ~Single() { EXPECT_EQ(--alive, 0); }
        std::atomic<int>& alive;
        char rest[100] = {};
    };
    std::atomic<int> alive{0};
    std::atomic<int> made{0};
    std::atomic<int> destroyed{0};
    together(4, [&](unsigned i) {
        for (int round = 0; round < 20'000; ++round) {
            const bool pair = (i + static_cast<unsigned>(round)) % 2 == 0;
            if (pair ? bool(objects_.construct<Pair>("x")(alive))
                     : bool(objects_.construct<Single>("x")(alive)))
                ++made;
            const auto found = objects_.find<Single>("x");
            if (!found && found.found_size() != 0) {
                EXPECT_EQ(found.found_size(), sizeof(Pair));
            }
            const SharedNameState state =
                pair ? objects_.destroy<Single>("x") : objects_.destroy<Pair>("x");
            if (state == SharedNameState::destroyed) ++destroyed;
        }
    });
    EXPECT_GT(destroyed, 0);
    EXPECT_EQ(made - destroyed, alive);
    EXPECT_EQ(blocks(), 1u + static_cast<std::size_t>(alive));
}

TEST_F(NamesOfThreads, EachShowsEveryNameThatWasReadyBefore) {
    constexpr int before = 300;
    for (int i = 0; i < before; ++i)
        static_cast<void>(objects_.construct<int>("before " + std::to_string(i))(i));
    std::atomic<bool> done{false};
    std::thread inserting([&] {
        for (int i = 0; i < 20'000; ++i)
            EXPECT_TRUE(objects_.construct<int>("new " + std::to_string(i))(i));
        done = true;
    });
    for (bool last = false; !last;) {
        last = done;
        std::set<std::string> seen;
        int old = 0;
        objects_.each([&](const SharedName& name) {
            EXPECT_TRUE(seen.emplace(name.name).second) << name.name << " comes twice";
            EXPECT_EQ(std::to_string(*name.as<int>()), name.name.substr(name.name.find(' ') + 1));
            if (name.name.starts_with("before")) ++old;
            return true;
        });
        ASSERT_EQ(old, before);
    }
    inserting.join();
}

struct Tally {
    std::atomic<unsigned> won{0};
    std::atomic<unsigned> waiting{0};
};

TEST_F(NamesOfProcesses, ExactlyOneConstructs) {
    constexpr unsigned processes = 4;
    constexpr unsigned names = 1000;
    Tally& tally = objects_.construct<Tally>("tally")().value();
    std::vector<pid_t> children;
    for (unsigned i = 0; i < processes; ++i) {
        children.push_back(start([&] {
            const ashlar::SharedHeap again = open_again();  // at another address
            const SharedObjects objects(again);
            Tally& shared = objects.find<Tally>("tally").value();
            ++shared.waiting;
            while (shared.waiting < processes) std::this_thread::yield();
            for (unsigned name = 0; name < names; ++name) {
                if (objects.construct<Slow>(std::to_string(name))(i)) ++shared.won;
            }
            return 0;
        }));
    }
    for (const pid_t child : children) EXPECT_EQ(end(child), 0);
    EXPECT_EQ(tally.won, names);
    EXPECT_EQ(blocks(), 2u * (names + 1));
    EXPECT_EQ(heap_.check(), 0u);
}

}  // namespace

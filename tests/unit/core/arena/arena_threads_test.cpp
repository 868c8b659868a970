// Several threads on one Arena. A block has at most one holder, and the next
// holder sees what the last one wrote. When all threads are done, quiet.hpp
// checks every slab.
#include <memory>
#include <utility>

#include "arena_fixture.hpp"
#include "support/random.hpp"
#include "support/together.hpp"

namespace {

using namespace ashlar::base;

class ArenaThreads : public ArenaOver {
  protected:
    static constexpr unsigned threads = 4;

    // A holder writes this at both ends of its block. It is plain memory, so
    // that a missing edge is a race.
    struct Stamp {
        std::uint64_t owner;
        Bin c;
    };
    struct Held {
        Bin c;
        void* block;
    };

    ArenaThreads() : ArenaOver(600) {}

    void fault() { faults_.fetch_add(1, rlx); }
    void stamp(Bin c, void* block, std::uint64_t owner) {
        auto* words = static_cast<std::uint64_t*>(block);
        words[0] = owner;
        words[kGeometry[c].size / sizeof(std::uint64_t) - 1] = owner;
        if (kGeometry[c].size > 16) words[1] = c;
    }
    void verify(Bin c, const void* block, std::uint64_t owner) {
        const auto* words = static_cast<const std::uint64_t*>(block);
        if (words[0] != owner || words[kGeometry[c].size / sizeof(std::uint64_t) - 1] != owner)
            fault();
        if (kGeometry[c].size > 16 && words[1] != c) fault();
    }

    Atomic<std::uint32_t> faults_{0};
};

// Few classes, one of each kind: many blocks in a slab, few blocks in a slab,
// and slabs of several units.
class ArenaThreadsOf : public ArenaThreads, public testing::WithParamInterface<std::vector<Bin>> {
  protected:
    // Threads leave blocks for each other here. Most blocks are given by
    // another thread than the one that took them.
    struct Exchange {
        std::array<Atomic<Held*>, 64> places{};
    };

    void work(unsigned self, int steps) {
        Random random(self + 1);
        Currents currents{};
        std::vector<Bin> classes = GetParam();
        for (int step = 0; step < steps; ++step) {
            const Bin c = classes[random.below(classes.size())];
            for (void* block : take(c, 1 + random.below(20), currents)) pass_on(random, c, block);
            if (random.below(50) == 0) arena_.leave(c, currents[c]);
            if (random.below(200) == 0) arena_.retire_reclaimable();
            if (random.below(200) == 0) arena_.purge();
        }
        leave_all(currents);
    }
    // Swaps the block with one that lies in the exchange, and gives that.
    void pass_on(Random& random, Bin c, void* block) {
        stamp(c, block, reinterpret_cast<std::uintptr_t>(block));
        auto held = std::make_unique<Held>(Held{c, block});
        held.reset(exchange_.places[random.below(exchange_.places.size())].exchange(held.release(),
                                                                                    acq_rel));
        if (held != nullptr) release(*held);
    }
    void release(const Held& held) {
        verify(held.c, held.block, reinterpret_cast<std::uintptr_t>(held.block));
        arena_.give(held.c, &held.block, 1);
    }

    Exchange exchange_;
};

TEST_P(ArenaThreadsOf, TakeAndGiveNeverShareOrLoseABlock) {
    together(threads, [&](unsigned self) { work(self, 2500); });
    EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
    for (auto& place : exchange_.places) {
        const std::unique_ptr<Held> held(place.exchange(nullptr, acq_rel));
        if (held != nullptr) release(*held);
    }
    EXPECT_EQ(faults_.load(rlx), 0U);
    expect_empty();
}

INSTANTIATE_TEST_SUITE_P(Classes, ArenaThreadsOf,
                         testing::Values(std::vector<Bin>{1}, std::vector<Bin>{kClasses - 1},
                                         std::vector<Bin>{1, 4, 20, 33, kClasses - 2},
                                         std::vector<Bin>{kClasses - 1, kClasses - 2, kClasses - 3,
                                                          kClasses - 4}));

// The last blocks of one slab come back while its owner leaves it. The slab
// must end in its index, and as reclaimable if it is complete. A thread that
// reads the state too early would lose it.
class LeaveDuringTheLastGives : public ArenaThreads, public testing::WithParamInterface<Bin> {};

TEST_P(LeaveDuringTheLastGives, NeverLosesTheSlab) {
    constexpr int rounds = 1500;
    const Bin c = GetParam();
    const std::uint32_t n = kGeometry[c].blocks;
    Blocks blocks;
    std::string lost;
    Meeting meeting(3);
    together(3, [&](unsigned self) {
        for (int round = 0; round < rounds && lost.empty(); ++round) {
            if (self == 0) blocks = take(c, n);
            meeting.arrive_and_wait();
            if (self == 0) {
                arena_.leave(c, currents_[c]);
            } else {
                // Each of two threads gives a half; in odd rounds one block
                // stays out.
                const std::uint32_t first = self == 1 ? (round % 2 == 0 ? 0U : 1U) : n / 2;
                const std::uint32_t end = self == 1 ? n / 2 : n;
                for (std::uint32_t i = first; i < end; ++i) arena_.give(c, &blocks[i], 1);
            }
            meeting.arrive_and_wait();
            if (self == 0) {
                lost = Quiet(spans_, arena_).faults();
                if (round % 2 != 0) arena_.give(c, blocks.data(), 1);
            }
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(lost, "");
    expect_empty();
}

INSTANTIATE_TEST_SUITE_P(Classes, LeaveDuringTheLastGives,
                         testing::Values(Bin{22}, Bin{28}, kClasses - 1));

// Two threads take while a third gives the only free block of a slab. One of
// them may get the block, and the slab must not be lost.
TEST_F(ArenaThreads, TakeByTwoThreadsDuringAGiveNeverLosesTheSlab) {
    constexpr int rounds = 1500;
    constexpr Bin c = kClasses - 1;
    const std::uint32_t n = kGeometry[c].blocks;
    Blocks blocks = take(c, n);
    leave_all();
    std::array<Currents, 2> currents{};
    std::array<void*, 2> got{};
    std::string lost;
    Meeting meeting(3);
    together(3, [&](unsigned self) {
        for (int round = 0; round < rounds && lost.empty(); ++round) {
            meeting.arrive_and_wait();
            if (self == 2) {
                arena_.give(c, blocks.data(), 1);
            } else {
                if (arena_.take(c, currents[self][c], &got[self], 1) != 1) got[self] = nullptr;
                arena_.leave(c, currents[self][c]);
            }
            meeting.arrive_and_wait();
            if (self == 2) {
                if (got[0] == got[1]) lost += "one block, two holders; ";
                lost += Quiet(spans_, arena_).faults();
                for (void* block : got) {
                    if (block != blocks[0]) arena_.give(c, &block, 1);
                }
                if (got[0] != blocks[0] && got[1] != blocks[0] && take(c, 1) != Blocks{blocks[0]})
                    lost += "slab lost; ";
                leave_all();
            }
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(lost, "");
    give(c, blocks);
    expect_empty();
}

// Two slabs of a class become complete at once while complete slabs are
// retired.
TEST_F(ArenaThreads, RetireDuringLastGivesNeverLosesASlab) {
    constexpr int rounds = 4000;
    constexpr Bin c = 22;
    const std::uint32_t n = kGeometry[c].blocks;
    std::array<Blocks, 2> blocks;
    std::string lost;
    Meeting meeting(2);
    together(2, [&](unsigned self) {
        for (int round = 0; round < rounds && lost.empty(); ++round) {
            if (self == 0) {
                for (Blocks& each : blocks) {
                    each = take(c, n);
                    give(c, {each.begin() + 1, each.end()});
                    leave_all();
                }
            }
            meeting.arrive_and_wait();
            arena_.give(c, blocks[self].data(), 1);
            static_cast<void>(arena_.retire_reclaimable(1));
            meeting.arrive_and_wait();
            if (self == 0) lost = Quiet(spans_, arena_).faults();
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(lost, "");
    expect_empty();
}

// The thread that gives a slab's last block sees all of it free. Meanwhile
// another thread claims the slab, takes a block and leaves it. Such a slab may
// not be retired.
TEST_F(ArenaThreads, RetireDuringATakeKeepsASlabWithALiveBlock) {
    constexpr int rounds = 20'000;
    constexpr Bin c = 1;  // many words: the scan takes long
    const std::uint32_t n = kGeometry[c].blocks;
    void* last = take(c, 1)[0];
    leave_all();
    Currents currents{};
    void* taken = nullptr;
    std::string lost;
    Meeting meeting(2);
    together(2, [&](unsigned self) {
        for (int round = 0; round < rounds && lost.empty(); ++round) {
            meeting.arrive_and_wait();
            if (self == 0) {
                arena_.give(c, &last, 1);
                static_cast<void>(arena_.retire_reclaimable());
            } else {
                if (arena_.take(c, currents[c], &taken, 1) != 1) lost = "out of memory";
                arena_.leave(c, currents[c]);
            }
            meeting.arrive_and_wait();
            if (self == 0) {
                const auto found = arena_.find(reinterpret_cast<std::uintptr_t>(taken));
                if (found.size != kGeometry[c].size || found.free)
                    lost += "a live block of no slab; ";
                if (round % 100 == 0) lost += Quiet(spans_, arena_).faults();
                last = taken;
            }
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(lost, "");
    EXPECT_GT(n, 1000U);
    give(c, {last});
    expect_empty();
}

}  // namespace

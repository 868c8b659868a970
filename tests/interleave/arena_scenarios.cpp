// The slab protocol: claim, take, give, publish, keep, retire, and hints that are stale.
#include "heap_ground.hpp"

namespace {

using namespace interleave;

// E1: an owner leaves its empty slab while its last block comes back.
struct GiveWhilePublishing : ArenaScenario {
    GiveWhilePublishing() : ArenaScenario(6) {}
    void prepare() override { take_slabs(0, kEight, 1); }
    void run(unsigned thread) override {
        if (thread == 0) leave(0, kEight);
        if (thread == 1) give(kEight, blocks()[3]);
    }
};
const Enrolled<GiveWhilePublishing> kGiveWhilePublishing{"arena.give_publish"};

// E1, the other side: an owner leaves its slab while all its blocks come back, from two threads.
struct AllWhilePublishing : ArenaScenario {
    AllWhilePublishing() : ArenaScenario(6) { threads = 3; }
    void prepare() override { take_slabs(0, kEight, 1); }
    void run(unsigned thread) override {
        if (thread == 0) leave(0, kEight);
        if (thread == 1) give(kEight, blocks(), 3);
        if (thread == 2) give(kEight, blocks() + 3, 5);
    }
};
const Enrolled<AllWhilePublishing> kAllWhilePublishing{"arena.all_publish"};

// E2: two givers complete the two words of a slab.
struct LastGivers : ArenaScenario {
    LastGivers() : ArenaScenario(6) {}
    void prepare() override {
        take_slabs(0, kTwoWords, 1);
        give(kTwoWords, blocks() + 1, 63);
        give(kTwoWords, blocks() + 65, 37);
        leave(0, kTwoWords);
    }
    void run(unsigned thread) override { give(kTwoWords, blocks()[thread * 64]); }
};
const Enrolled<LastGivers> kLastGivers{"arena.last_givers"};

// E3: a slab changes hands by its hint while others free into it.
struct Hints : ArenaScenario {
    Hints() : ArenaScenario(6) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks()[0]);
    }
    void run(unsigned thread) override {
        if (thread == 2) return give(kEight, blocks()[1]);
        take(thread, kEight, 1);
        leave(thread, kEight);
    }
};
const Enrolled<Hints> kHints{"arena.hints"};

// Two slabs become complete at once, and somebody wants one meanwhile.
struct Ripen : ArenaScenario {
    Ripen() : ArenaScenario(8) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 2);
        give(kEight, blocks(), 7);
        give(kEight, blocks() + 8, 7);
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread < 2) give(kEight, blocks()[thread == 0 ? 7 : 15]);
        if (thread == 2) take(2, kEight, 2);
    }
};
const Enrolled<Ripen> kRipen{"arena.ripen"};

// Of two complete slabs and one that becomes so some are retired, while somebody takes from them.
struct Retire : ArenaScenario {
    Retire() : ArenaScenario(8) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 3);
        leave(0, kEight);
        give(kEight, blocks(), 16);
        give(kEight, blocks() + 16, 7);  // one block short of it
    }
    void run(unsigned thread) override {
        if (thread == 0) give(kEight, blocks()[23]);
        if (thread == 1) arena().retire_ripe();
        if (thread == 2) {
            take(2, kEight, 8);
            take(2, kEight, 8);
        }
    }
};
const Enrolled<Retire> kRetire{"arena.retire"};

// E15: a slab's last block comes while its slab, which was complete before, is looked at for that reason.
struct RipeAgain : ArenaScenario {
    RipeAgain() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        take(0, kEight, 2, mine_);
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread < 2) give(kEight, mine_[thread]);
        if (thread == 2) arena().retire_ripe(1);
    }
    void* mine_[2];
};
const Enrolled<RipeAgain> kRipeAgain{"arena.ripe_again"};

// A slab is in use between the two looks of who would retire it, and complete again before it is published again.
struct RipeTwice : ArenaScenario {
    RipeTwice() : ArenaScenario(4) {}
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 8);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            arena().retire_ripe(1);
            return;
        }
        void* mine = nullptr;
        const std::uint32_t n = take(1, kEight, 1, &mine);
        leave(1, kEight);
        if (n == 1) give(kEight, mine);
    }
};
const Enrolled<RipeTwice> kRipeTwice{"arena.ripe_twice"};

// A complete slab is retired, and its units are born again: whoever writes to them then is ordered after the last users of its
// old life, through the one who looked.
struct RipeReborn : ArenaScenario {
    RipeReborn() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks() + 1, 7);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 1) return give(kEight, blocks()[0]);
        arena().retire_ripe();
        take(0, kNine, 1);
    }
};
const Enrolled<RipeReborn> kRipeReborn{"arena.ripe_reborn"};

// A hint is taken, and before its claim the slab is complete, retired, and born again in another class.
struct Reborn : ArenaScenario {
    Reborn() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 7);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) take(0, kEight, 1);
        if (thread == 1) {
            give(kEight, blocks()[7]);
            give(kEight, blocks()[15]);
            arena().retire_ripe();
            if (take(1, kNine, 1) != 0) leave(1, kNine);
        }
    }
};
const Enrolled<Reborn> kReborn{"arena.reborn"};

// A slab is retired while its units are born again in the same class: nothing of its old life may touch the new one.
struct RetiredReborn : ArenaScenario {
    RetiredReborn() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(kEight, blocks()[15]);
            arena().retire_ripe();
        }
        if (thread == 1) {
            take(1, kEight, 8);
            take(1, kEight, 1);
            leave(1, kEight);
        }
    }
};
const Enrolled<RetiredReborn> kRetiredReborn{"arena.retired_reborn"};

// E6: between the two looks of a giver the slab has been owned, and its last block comes from there: whoever gets the units in
// their next life must be ordered after that block's user too.
struct SecondLook : ArenaScenario {
    SecondLook() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 7);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(kEight, blocks()[7]);
            give(kEight, blocks()[15]);
            arena().retire_ripe();
            take(0, kNine, 1);
        }
        if (thread == 1) {
            void* mine = nullptr;
            const std::uint32_t n = take(1, kEight, 1, &mine);
            leave(1, kEight);
            if (n == 1) give(kEight, mine);
        }
    }
};
const Enrolled<SecondLook> kSecondLook{"arena.second_look"};

// A giver completes a slab and is late with all that follows, while the slab lives on.
struct LateGiver : ArenaScenario {
    LateGiver() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        give(kEight, blocks(), 6);
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread < 2) return give(kEight, blocks()[6 + thread]);
        void* mine[2];
        const std::uint32_t n = take(2, kEight, 2, mine);
        if (n > 0) give(kEight, mine, n);
        leave(2, kEight);
    }
};
const Enrolled<LateGiver> kLateGiver{"arena.late_giver"};

// Pages of free blocks go to the system while their slab is used.
struct Purge : ArenaScenario {
    Purge() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 3);
    }
    void run(unsigned thread) override {
        if (thread == 0) arena().purge();
        if (thread == 1) take(1, kEight, 2);
        if (thread == 2) give(kEight, blocks()[3]);
    }
};
const Enrolled<Purge> kPurge{"arena.purge"};

// The whole life, from two sides, at the edge of a slab.
struct Edge : ArenaScenario {
    Edge() : ArenaScenario(6) {}
    void run(unsigned thread) override {
        void* mine[10];
        std::uint32_t n = take(thread, kEight, 6, mine);
        n += take(thread, kEight, 4, mine + n);
        give(kEight, mine, n / 2);
        leave(thread, kEight);
        give(kEight, mine + n / 2, n - n / 2);
    }
};
const Enrolled<Edge> kEdge{"arena.edge"};

// Complete slabs are retired from outside while they are made and taken.
struct RetireRipe : ArenaScenario {
    RetireRipe() : ArenaScenario(6) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) arena().retire_ripe();
        if (thread == 1) give(kEight, blocks()[15]);
        if (thread == 2) take(2, kEight, 1);
    }
};
const Enrolled<RetireRipe> kRetireRipe{"arena.retire_ripe"};

}  // namespace

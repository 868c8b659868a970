// The slab protocol: claim, take, give, publish, keep, retire, and hints that
// are stale.
#include "arena_fixture.hpp"

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

// E1: an owner leaves its slab while two threads give all its blocks back.
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

// E2: two threads complete the two words of a slab.
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

// E3: a slab changes its owner by its hint while others free into it.
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

// Two slabs become complete at once, while another thread takes one.
struct BecomesReclaimable : ArenaScenario {
    BecomesReclaimable() : ArenaScenario(8) { threads = 3; }
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
const Enrolled<BecomesReclaimable> kBecomesReclaimable{"arena.becomes_reclaimable"};

// Complete slabs are retired while another thread takes from them, and a third
// slab becomes complete.
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
        if (thread == 1) arena().retire_reclaimable();
        if (thread == 2) {
            take(2, kEight, 8);
            take(2, kEight, 8);
        }
    }
};
const Enrolled<Retire> kRetire{"arena.retire"};

// E15: the last block of a slab comes back while a thread checks the slab,
// because it was complete before.
struct ReclaimableAgain : ArenaScenario {
    ReclaimableAgain() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        take(0, kEight, 2, mine_);
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread < 2) give(kEight, mine_[thread]);
        if (thread == 2) arena().retire_reclaimable(1);
    }
    void* mine_[2];
};
const Enrolled<ReclaimableAgain> kReclaimableAgain{"arena.reclaimable_again"};

// A thread that retires slabs checks one twice. Between the checks the slab is
// used, completed and published again.
struct ReclaimableTwice : ArenaScenario {
    ReclaimableTwice() : ArenaScenario(4) {}
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 8);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            arena().retire_reclaimable(1);
            return;
        }
        void* mine = nullptr;
        const std::uint32_t n = take(1, kEight, 1, &mine);
        leave(1, kEight);
        if (n == 1) give(kEight, mine);
    }
};
const Enrolled<ReclaimableTwice> kReclaimableTwice{"arena.reclaimable_twice"};

// A complete slab is retired and its units become a slab again. The new users
// must be ordered after the last users of the old slab, through the thread that
// checked it.
struct ReclaimableCreatedAgain : ArenaScenario {
    ReclaimableCreatedAgain() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks() + 1, 7);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 1) return give(kEight, blocks()[0]);
        arena().retire_reclaimable();
        take(0, kNine, 1);
    }
};
const Enrolled<ReclaimableCreatedAgain> kReclaimableCreatedAgain{"arena.reclaimable_created_again"};

// A thread takes a hint. Before it claims the slab, the slab is completed,
// retired, and created again in another class.
struct CreatedAgain : ArenaScenario {
    CreatedAgain() : ArenaScenario(2) {}
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
            arena().retire_reclaimable();
            if (take(1, kNine, 1) != 0) leave(1, kNine);
        }
    }
};
const Enrolled<CreatedAgain> kCreatedAgain{"arena.created_again"};

// A slab is retired while its units become a slab of the same class: no late
// access to the old slab may change the new one.
struct RetiredCreatedAgain : ArenaScenario {
    RetiredCreatedAgain() : ArenaScenario(2) {}
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(kEight, blocks()[15]);
            arena().retire_reclaimable();
        }
        if (thread == 1) {
            take(1, kEight, 8);
            take(1, kEight, 1);
            leave(1, kEight);
        }
    }
};
const Enrolled<RetiredCreatedAgain> kRetiredCreatedAgain{"arena.retired_created_again"};

// E6: between a giver's two checks another thread owned the slab and gave its
// last block. The next users of the units must be ordered after that block's
// user too.
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
            arena().retire_reclaimable();
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

// A thread completes a slab and is delayed before it updates the hints. The
// slab is used on meanwhile.
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

// Two threads take and give all blocks of a slab, and retire it.
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

// One thread retires complete slabs while others complete them and take from
// them.
struct RetireReclaimable : ArenaScenario {
    RetireReclaimable() : ArenaScenario(6) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 2);
        leave(0, kEight);
        give(kEight, blocks(), 8);
        give(kEight, blocks() + 8, 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) arena().retire_reclaimable();
        if (thread == 1) give(kEight, blocks()[15]);
        if (thread == 2) take(2, kEight, 1);
    }
};
const Enrolled<RetireReclaimable> kRetireReclaimable{"arena.retire_reclaimable"};

// Blocks that are reported fresh read as zero, also after their slab changed
// hands.
struct Fresh : ArenaScenario {
    Fresh() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take(0, kEight, 3, mine_);
        give(kEight, mine_[0]);
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread == 2) return give(kEight, mine_[1]);
        for (int i = 0; i < 2; ++i) take_one(thread, kEight);
        if (thread == 0) take(0, kEight, 2);
        leave(thread, kEight);
    }
    void* mine_[3];
};
const Enrolled<Fresh> kFresh{"arena.fresh"};

// A batch of fresh blocks is used and comes back: none of them is fresh any
// more, nor are the blocks of the next slab there.
struct FreshBatch : ArenaScenario {
    FreshBatch() : ArenaScenario(2) {}
    void run(unsigned thread) override {
        void* mine[4];
        std::uint32_t n = take(thread, kEight, 3, mine);
        give(kEight, mine, n);
        for (n = 0; n < 3; ++n) mine[n] = take_one(thread, kEight);
        for (n = 0; n < 3; ++n) {
            if (mine[n] != nullptr) give(kEight, mine[n]);
        }
        leave(thread, kEight);
        arena().retire_reclaimable();
        take_one(thread, kNine);
    }
};
const Enrolled<FreshBatch> kFreshBatch{"arena.fresh_batch"};

// A long run beside a slab is purged, with the bitmap pages of its units, while
// the slab is used.
struct Discard : ArenaScenario {
    Discard() : ArenaScenario(60) {}
    void prepare() override {
        low_ = spans().take(20).start;
        take(0, kEight, 4, mine_);
        high_ = spans().take(30).start;
        leave(0, kEight);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            spans().give(low_, 20);
            spans().give(high_, 30);
        } else {
            give(kEight, mine_, 2);
            take(1, kEight, 1);
        }
    }
    // Units outside of slabs have no holder at the end.
    UnitId low_ = 0;
    UnitId high_ = 0;
    void* mine_[4];
};
const Enrolled<Discard> kDiscard{"arena.discard"};

// A slab is retired, and the bitmap pages of its units are discarded. Meanwhile
// a delayed giver reads them, and a slab is created there.
struct Discarded : ArenaScenario {
    Discarded() : ArenaScenario(40) { threads = 3; }
    void prepare() override {
        const UnitId low = spans().take(12).start;
        take_slabs(0, kEight, 1);
        const UnitId high = spans().take(20).start;
        spans().give(high, 20);
        spans().give(low, 12);
        spans().give_recent();
        leave(0, kEight);
        give(kEight, blocks(), 7);
    }
    void run(unsigned thread) override {
        if (thread == 0) give(kEight, blocks()[7]);
        if (thread == 1) {
            arena().retire_reclaimable();
            spans().purge(true);
        }
        if (thread == 2) {
            take_one(2, kEight);
            take(2, kNine, 2);
        }
    }
};
const Enrolled<Discarded> kDiscarded{"arena.discarded"};

}  // namespace

// Slabs of small blocks: hints that must not be lost, hints of an earlier life, retirement against takers and givers.
#include "../spans/private_member.hpp"
#include "small_ground.hpp"

struct SlabIndexes {
    using Type = ashlar::base::Index (ashlar::manager::Slabs::*)[ashlar::manager::kClasses];
    friend Type member_of(SlabIndexes);
};
template struct PrivateMember<SlabIndexes, &ashlar::manager::Slabs::index_>;

namespace {

using namespace interleave;

// E20: somebody finds a slab empty and forgets it, while a block of it comes back.
struct GiveTake : SlabScenario {
    GiveTake() : SlabScenario(1) {}
    void prepare() override { add_whole(k16Blocks); }
    void run(unsigned thread) override {
        if (thread == 0) give(first(3), k16Blocks);
        if (thread == 1) take(k16Blocks, 4);
    }
};
const Enrolled<GiveTake> kGiveTake{"slabs.give_take"};

// E21: what the giver's block held is ordered before its next user's.
struct GiveTakeTwice : SlabScenario {
    GiveTakeTwice() : SlabScenario(1) { threads = 3; }
    void prepare() override { add_whole(k16Blocks); }
    void run(unsigned thread) override {
        if (thread < 2) return give(first(3 + thread), k16Blocks);
        take(k16Blocks, 1);
        take(k16Blocks, 2);
    }
};
const Enrolled<GiveTakeTwice> kGiveTakeTwice{"slabs.give_take_twice"};

// The same with two that take, one of whom puts the slab's last bit back.
struct TakersForget : SlabScenario {
    TakersForget() : SlabScenario(1) { threads = 3; }
    void prepare() override {
        add_whole(k16Blocks);
        give_many(0, 1);
    }
    void run(unsigned thread) override {
        if (thread == 0) return give(first(0), k16Blocks);
        if (take(k16Blocks, 1) == 1 && thread == 1) give(newest().place, k16Blocks);
    }
};
const Enrolled<TakersForget> kTakersForget{"slabs.takers_forget"};

// E24: two givers complete the two words of a slab, while another one is the spare.
struct LastGivers : SlabScenario {
    LastGivers() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        reclaim(false);
        add_whole(kTwoWords128);
        give_many(16 + 1, 63);
        give_many(16 + 1, 63);  // one block of each word is left
    }
    void run(unsigned thread) override { give(first(16 + thread), kTwoWords128); }
    void end(unsigned stopped) override {
        bool found = false;
        if (stopped == 0) {
            locked([&](Heap& heap) { small_.reclaim(true, heap); });
            found = slabs_.count() == 1;
        }
        require(stopped != 0 || found, "a complete slab was overlooked");
        SlabScenario::end(stopped);
    }
};
const Enrolled<LastGivers> kLastGivers{"slabs.last_givers"};

// A slab is retired while somebody takes from it, or gives the last block back.
struct RetireTake : SlabScenario {
    RetireTake() : SlabScenario(1) {}
    void prepare() override {
        add_whole(kTwoWords128);
        give_many(0, 128);
    }
    void run(unsigned thread) override {
        if (thread == 0) return reclaim(true);
        if (take(kTwoWords128, 1) == 1) give(newest().place, kTwoWords128);
        take(kTwoWords128, 70);
    }
};
const Enrolled<RetireTake> kRetireTake{"slabs.retire_take"};

struct RetireGive : SlabScenario {
    RetireGive() : SlabScenario(1) {}
    void prepare() override {
        add_whole(k16Blocks);
        give_many(1, 15);
    }
    void run(unsigned thread) override {
        if (thread == 1) return give(first(0), k16Blocks);
        reclaim(true);
        reclaim(true);
    }
};
const Enrolled<RetireGive> kRetireGive{"slabs.retire_give"};

// Three sides of it.
struct RetireGiveTake : SlabScenario {
    RetireGiveTake() : SlabScenario(1) { threads = 3; }
    void prepare() override {
        add_whole(k16Blocks);
        give_many(1, 15);
    }
    void run(unsigned thread) override {
        if (thread == 0) return reclaim(true);
        if (thread == 1) return give(first(0), k16Blocks);
        if (take(k16Blocks, 1) == 1) give(newest().place, k16Blocks);
    }
};
const Enrolled<RetireGiveTake> kRetireGiveTake{"slabs.retire_give_take"};

// E22: the hint leads to a slab that has been born again in another class, or in the same.
struct Reborn : SlabScenario {
    explicit Reborn(Class again = k32Blocks) : SlabScenario(1), again_(again) {}
    void prepare() override {
        add_whole(k16Blocks);
        give_many(0, 16);
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            take(k16Blocks, 2);
            return;
        }
        reclaim(true);
        add(again_);
        take(again_, 2);
    }
    Class again_;
};
const Enrolled<Reborn> kReborn{"slabs.reborn"};

struct RebornAlike : Reborn {
    RebornAlike() : Reborn(k16Blocks) {}
};
const Enrolled<RebornAlike> kRebornAlike{"slabs.reborn_alike"};

// E20: the taker forgets an old hint while the slab is born again under it.
struct RebornForgotten : SlabScenario {
    RebornForgotten() : SlabScenario(1) {}
    void prepare() override {
        require(add(k32Blocks), "no place");
        const SlabId slab = newest().place.slab();
        give_many(0, 1);
        reclaim(true);
        (slabs_.*member_of(SlabIndexes{}))[k32Blocks].insert(slab);  // as by a giver who was late
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            take(k32Blocks, 40);
        } else {
            add(k32Blocks);
        }
    }
};
const Enrolled<RebornForgotten> kRebornForgotten{"slabs.reborn_forgotten"};

// E24: the spare changes while the old one is completed.
struct Spares : SlabScenario {
    Spares() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        add_whole(k16Blocks);
        give_many(0, 16);
        reclaim(false);  // the first one is the spare
        require(take(k16Blocks, 1) == 1, "none");
        give_many(0, 15);  // of the second
        // held: one block of the second, one of the first
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(first(0), k16Blocks);
            reclaim(false);
        } else {
            give(first(1), k16Blocks);
        }
    }
};
const Enrolled<Spares> kSpares{"slabs.spares"};

struct SparesStopped : Spares {
    SparesStopped() { may_freeze = true; }
};
const Enrolled<SparesStopped> kSparesStopped{"slabs.spares_stopped"};

// E24: the spare is given up while all its blocks are in use, and they come back at once: the retirer finds nothing to put
// back, and who completes the slab has only the exchange to learn from that it is no spare any more.
struct SpareInUse : SlabScenario {
    SpareInUse() : SlabScenario(1) {}
    void prepare() override {
        add_whole(k16Blocks);
        give_many(0, 16);
        reclaim(false);
        require(take(k16Blocks, 16) == 16, "the spare is not whole");
    }
    void run(unsigned thread) override {
        if (thread == 0) reclaim(true);
        if (thread == 1) give_many(0, 16);
    }
};
const Enrolled<SpareInUse> kSpareInUse{"slabs.spare_in_use"};

// E34: two threads, one lock, and what only its holders touch.
struct TwoBirths : SlabScenario {
    TwoBirths() : SlabScenario(2) {}
    void run(unsigned thread) override { add(thread == 0 ? k16Blocks : k32Blocks); }
};
const Enrolled<TwoBirths> kTwoBirths{"slabs.two_births"};

// E24: the spare is given up while it is completed.
struct SpareGivenUp : SlabScenario {
    SpareGivenUp() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        add_whole(k16Blocks);
        give_many(0, 16);
        reclaim(false);
        require(take(k16Blocks, 1) == 1, "none");
        give_many(0, 16);  // the second is complete, the first one, the spare, lacks a block
    }
    void run(unsigned thread) override {
        if (thread == 0) reclaim(true);
        if (thread == 1) give(first(0), k16Blocks);
    }
};
const Enrolled<SpareGivenUp> kSpareGivenUp{"slabs.spare_given_up"};

}  // namespace

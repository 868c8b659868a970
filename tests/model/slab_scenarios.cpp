// Slabs of small blocks: hints must not be lost, hints to an earlier slab must
// do no harm, and slabs are retired beside takes and gives.
#include "small_fixture.hpp"
#include "support/private_member.hpp"

struct SlabIndexes {
    using Type = ashlar::base::BitmapIndex (ashlar::manager::Slabs::*)[ashlar::manager::kClasses];
    friend Type member_of(SlabIndexes);
};
template struct PrivateMember<SlabIndexes, &ashlar::manager::Slabs::index_>;

namespace {

using namespace interleave;

// E20: a thread finds a slab empty and removes its hint, while a block of it
// comes back.
struct GiveTake : SlabScenario {
    GiveTake() : SlabScenario(1) {}
    void prepare() override { add_whole(k16Blocks); }
    void run(unsigned thread) override {
        if (thread == 0) give(first(3), k16Blocks);
        if (thread == 1) take(k16Blocks, 4);
    }
};
const Enrolled<GiveTake> kGiveTake{"slabs.give_take"};

// E21: the giver's accesses to a block happen before those of its next user.
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

// The same with two takers, one of which puts the slab's last bit back.
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

// E24: two givers complete the two words of a slab, while another slab is the
// spare.
struct LastGivers : SlabScenario {
    LastGivers() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        reclaim(false);
        add_whole(kTwoWords128);
        give_many(16 + 1, 63);
        give_many(16 + 1, 63);  // one block of each word stays held
    }
    void run(unsigned thread) override { give(first(16 + thread), kTwoWords128); }
    void end(unsigned stopped) override {
        bool found = false;
        if (stopped == 0) {
            locked([&](RangeAllocator& heap) { small_.reclaim(true, heap); });
            found = slabs_.count() == 1;
        }
        require(stopped != 0 || found, "a complete slab was overlooked");
        SlabScenario::end(stopped);
    }
};
const Enrolled<LastGivers> kLastGivers{"slabs.last_givers"};

// A slab is retired while another thread takes from it, or gives the last block
// back.
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

// Three threads at once: take, give and retire.
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

// E22: the hint leads to a slab that was created again, in another class or in
// the same.
struct CreatedAgain : SlabScenario {
    explicit CreatedAgain(Class again = k32Blocks) : SlabScenario(1), again_(again) {}
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
const Enrolled<CreatedAgain> kCreatedAgain{"slabs.created_again"};

struct CreatedAgainAlike : CreatedAgain {
    CreatedAgainAlike() : CreatedAgain(k16Blocks) {}
};
const Enrolled<CreatedAgainAlike> kCreatedAgainAlike{"slabs.created_again_alike"};

// E20: a taker removes an old hint while the slab is created again.
struct CreatedAgainForgotten : SlabScenario {
    CreatedAgainForgotten() : SlabScenario(1) {}
    void prepare() override {
        require(add(k32Blocks), "no place");
        const SlabId slab = newest().place.slab();
        give_many(0, 1);
        reclaim(true);
        // As a delayed giver inserts it.
        (slabs_.*member_of(SlabIndexes{}))[k32Blocks].insert(slab);
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            take(k32Blocks, 40);
        } else {
            add(k32Blocks);
        }
    }
};
const Enrolled<CreatedAgainForgotten> kCreatedAgainForgotten{"slabs.created_again_forgotten"};

// E24: the spare changes while the old spare is completed.
struct Spares : SlabScenario {
    Spares() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        add_whole(k16Blocks);
        give_many(0, 16);
        reclaim(false);  // the first slab is the spare
        require(take(k16Blocks, 1) == 1, "none");
        give_many(0, 15);  // of the second slab
        // still held: one block of each slab
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

// E24: the spare is given up while all its blocks are in use, and they come
// back at once. The retirer then finds no bits to put back. Only its exchange
// tells the completing thread that the slab is no longer the spare.
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

// E34: two threads and one lock, with words that only its holder touches.
struct TwoCreations : SlabScenario {
    TwoCreations() : SlabScenario(2) {}
    void run(unsigned thread) override { add(thread == 0 ? k16Blocks : k32Blocks); }
};
const Enrolled<TwoCreations> kTwoCreations{"slabs.two_creations"};

// E24: the spare is given up while it is completed.
struct SpareGivenUp : SlabScenario {
    SpareGivenUp() : SlabScenario(2) {}
    void prepare() override {
        add_whole(k16Blocks);
        add_whole(k16Blocks);
        give_many(0, 16);
        reclaim(false);
        require(take(k16Blocks, 1) == 1, "none");
        give_many(0, 16);  // the second slab is complete; the first, the spare, lacks a block
    }
    void run(unsigned thread) override {
        if (thread == 0) reclaim(true);
        if (thread == 1) give(first(0), k16Blocks);
    }
};
const Enrolled<SpareGivenUp> kSpareGivenUp{"slabs.spare_given_up"};

}  // namespace

// Small blocks of a shared heap, while threads die and others recover them.
#include "shared_fixture.hpp"

namespace {

using namespace interleave;
using ashlar::base::kGeometry;

constexpr std::size_t kSize = 8192;  // a slab of one unit has eight blocks, in one word
constexpr std::size_t kOther = 7168;
constexpr UnitId kUnits = 6;

// Threads that may die in pairs, in a slab each. The last one recovers.
struct Pairs : SharedScenario {
    Pairs() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override { fill(0, kSize, 6); }
    void run(unsigned thread) override {
        if (thread == 1) recover(1);
        const Offset block = take(thread, kSize);
        if (block != 0) give(thread, block);
        if (block != 0) take(thread, kSize);
    }
};
const Enrolled<Pairs> kPairs{"shared.pairs"};

// The thread takes all blocks of its slab and needs another one.
struct Refill : SharedScenario {
    Refill() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override {
        fill(0, kSize, 7);
        fill(1, kSize, 7);
        block_ = take(1, kSize);
        blocks_.slabs().leave_all(me(1));
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take(0, kSize);
            take(0, kSize);
            return;
        }
        give(1, block_);
        recover(1);
        take(1, kSize);
    }
    Offset block_ = 0;
};
const Enrolled<Refill> kRefill{"shared.refill"};

// E47: a thread frees blocks of another one's slab; the owner takes them again.
struct Remote : SharedScenario {
    Remote() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override {
        fill(0, kSize, 8);
        block_ = take(0, kSize);
        fill(0, kSize, 7);
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            give(1, block_);
            recover(1);
            return;
        }
        if (take(0, kSize) != 0) recover(0);
        take(0, kSize);
    }
    Offset block_ = 0;
};
const Enrolled<Remote> kRemote{"shared.remote"};

// Two threads free into one word of a full slab that has no owner; a third one
// takes the blocks.
struct OneWord : SharedScenario {
    OneWord() : SharedScenario(kUnits) { threads = 3, deaths = 1; }
    void prepare() override {
        for (Offset& each : block_) each = take(2, kSize);
        fill(2, kSize, 6);
        blocks_.slabs().leave_all(me(2));
    }
    void run(unsigned thread) override {
        if (thread < 2) return give(thread, block_[thread]);
        take(2, kSize);
        recover(2);
        take(2, kSize);
    }
    Offset block_[2] = {};
};
const Enrolled<OneWord> kOneWord{"shared.one_word"};

// E48: the owner leaves a full slab while its last block is freed.
struct Leave : SharedScenario {
    Leave() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override {
        fill(0, kSize, 6);
        block_ = take(0, kSize);
        take(0, kSize);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            blocks_.slabs().leave_all(me(0));
            return;
        }
        give(1, block_);
        recover(1);
        take(1, kSize);
    }
    Offset block_ = 0;
};
const Enrolled<Leave> kLeave{"shared.leave"};

// The same with blocks left in the owner's mask.
struct LeaveSome : Leave {
    void prepare() override {
        fill(0, kSize, 5);
        block_ = take(0, kSize);
    }
};
const Enrolled<LeaveSome> kLeaveSome{"shared.leave_some"};

// A slab becomes complete, and is retired while others take and free in it.
struct Retire : SharedScenario {
    Retire() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override {
        block_ = take(0, kSize);
        blocks_.slabs().leave_all(me(0));
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, block_);
            static_cast<void>(blocks_.slabs().retire(me(0), 8));
            return;
        }
        take(1, kSize);
        recover(1);
        static_cast<void>(blocks_.slabs().retire(me(1), 8));
    }
    Offset block_ = 0;
};
const Enrolled<Retire> kRetire{"shared.retire"};

// A slab of several units.
struct LongSlab : SharedScenario {
    LongSlab() : SharedScenario(1 + kGeometry[kLong].units) { deaths = 2; }
    void run(unsigned thread) override {
        if (thread == 0) {
            const Offset block = take(0, kGeometry[kLong].size);
            if (block != 0) give(0, block);
            blocks_.slabs().leave_all(me(0));
        } else {
            recover(1);
            take(1, kGeometry[kLong].size);
            take(1, ashlar::base::kUnitSize);
            return;
        }
        static_cast<void>(blocks_.slabs().retire(me(thread), 8));
    }
    void prepare() override {
        give(0, take(0, ashlar::base::kUnitSize));
        hint_all();
    }
    static constexpr Bin kLong = ashlar::base::class_of_size(10240);
};
const Enrolled<LongSlab> kLongSlab{"shared.long_slab"};

// A slab of another class is created in the unit of a retired one.
struct CreatedAgain : Retire {
    CreatedAgain() { deaths = 1; }
    void run(unsigned thread) override {
        if (thread == 0) return give(0, block_);
        static_cast<void>(blocks_.slabs().retire(me(1), 8));
        recover(1);
        take(1, kOther);
        take(1, kSize);
    }
};
const Enrolled<CreatedAgain> kCreatedAgain{"shared.created_again"};

// Three words of bits: the owner goes from one to the next while others free
// into both.
struct Words : SharedScenario {
    Words() : SharedScenario(4) {
        deaths = 2;
        probe_ = 512;
    }
    void prepare() override {
        for (unsigned i = 0; i < 63; ++i) block_ = take(0, 512);
        first_ = take(0, 512);
        fill(0, 512, 64);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take(0, 512);
            give(0, block_);
            return;
        }
        give(1, first_);
        recover(1);
        take(1, 512);
    }
    Offset block_ = 0, first_ = 0;
};
const Enrolled<Words> kWords{"shared.words"};

// Two threads free one block: one of them is told.
struct FreedTwice : SharedScenario {
    FreedTwice() : SharedScenario(kUnits) {}
    void prepare() override {
        fill(0, kSize, 3);
        block_ = take(0, kSize);
        forget(block_);
    }

    void begin() override {
        SharedScenario::begin();
        told_ = freed_ = 0;
    }
    void run(unsigned thread) override { ++(give_contested(thread, block_) ? freed_ : told_); }
    void end(unsigned stopped) override {
        require(told_ == 1 && freed_ == 1, "not one of two was told");
        SharedScenario::end(stopped);
    }
    Offset block_ = 0;
    unsigned told_ = 0, freed_ = 0;
};
const Enrolled<FreedTwice> kFreedTwice{"shared.freed_twice"};

// A thread dies in a free, a second one while it recovers, a third one recovers
// both. A thread that lives owns the slab.
struct RecoveredTwice : SharedScenario {
    RecoveredTwice() : SharedScenario(kUnits) { threads = 3, deaths = 2; }
    void prepare() override {
        block_ = take(2, kSize);
        fill(2, kSize, 6);
        fill(0, kSize, 2);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, block_);
        } else {
            recover(thread);
        }
        if (thread == 2) {
            take(2, kSize);
            take(2, kSize);
        }
    }
    Offset block_ = 0;
};
const Enrolled<RecoveredTwice> kRecoveredTwice{"shared.recovered_twice"};

// A thread that was dead before the run, in a free.
struct Dead : SharedScenario {
    explicit Dead(UnitId units = kUnits, std::size_t size = kSize)
        : SharedScenario(units), size_(size) {}
    void note_dead(Offset block, ashlar::shared::Step step) {
        const auto slab =
            static_cast<UnitId>((block - blocks_.offset_of(UnitId{0})) / ashlar::base::kUnitSize);
        const auto number = static_cast<std::uint32_t>((block - blocks_.offset_of(slab)) / size_);
        me(kDead).note(
            ashlar::shared::Block{slab, number, ashlar::base::class_of_size(size_)}.record(step));
        me(kDead).slot.state.store(1, ashlar::base::rlx);
    }
    static constexpr unsigned kDead = 3;
    std::size_t size_;
};

// The block is in the mask of a living owner when another thread, or the owner
// itself, looks at the record of the dead one.
struct InAMask : Dead {
    void prepare() override {
        fill(0, kSize, 6);
        const Offset other = take(0, kSize);
        const Offset block = take(0, kSize);
        give(1, other);
        give(kDead, block);
        note_dead(block, ashlar::shared::Step::freed);
    }
    void run(unsigned thread) override {
        if (thread == 1) return recover(1);
        take(0, kSize);
        take(0, kSize);
        take(0, kSize);
    }
};
const Enrolled<InAMask> kInAMask{"shared.in_a_mask"};
struct InItsMask : InAMask {
    void run(unsigned thread) override {
        take(thread, kSize);
        recover(thread);
        take(thread, kSize);
        take(thread, kSize);
    }
};
const Enrolled<InItsMask> kInItsMask{"shared.in_its_mask"};

// The recovering thread dies. The block, or the slab, has another holder before
// the next one recovers.
struct RecoveredBetween : Dead {
    RecoveredBetween() { deaths = 1; }
    void prepare() override {
        const Offset block = take(1, kSize);
        fill(1, kSize, 7);
        blocks_.slabs().leave_all(me(1));
        fill(kDead, kSize, 2);
        forget(block);
        note_dead(block, ashlar::shared::Step::freeing);
    }
    void run(unsigned thread) override {
        if (thread == 0) return recover(0);
        take(1, kSize);
        recover(1);
        take(1, kSize);
    }
};
const Enrolled<RecoveredBetween> kRecoveredBetween{"shared.recovered_between"};

// The dead thread had put the block into its mask. Another thread takes it as
// soon as the mask is given back, while the record is still there.
struct KeptAgain : Dead {
    KeptAgain() { deaths = 1; }
    void prepare() override {
        fill(kDead, kSize, 7);
        const Offset block = take(kDead, kSize);
        give(kDead, block);
        note_dead(block, ashlar::shared::Step::freeing);
    }
    void run(unsigned thread) override {
        if (thread == 0) return recover(0);
        take(1, kSize);
        recover(1);
    }
};
const Enrolled<KeptAgain> kKeptAgain{"shared.kept_again"};

// A thread stops for ever: no other waits, and no block has two holders.
struct Stopped : Pairs {
    Stopped() { may_freeze = true, deaths = 0; }
};
const Enrolled<Stopped> kStopped{"shared.stopped"};

// A thread keeps freed blocks of another one's slab, and hands them out again.
struct Spares : SharedScenario {
    Spares() : SharedScenario(3) { deaths = 2, probe_ = kSpare; }
    void prepare() override {
        for (Offset& each : block_) each = take(0, kSpare);
        fill(0, kSpare, 128 - 3);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take(0, kSpare);
            recover(0);
            take(0, kSpare);
            return;
        }
        for (unsigned i = 3; i-- > 0;) give(1, block_[i]);
        require(take(1, kSpare) == block_[0], "a spare was not handed out");
        if (leaves_) blocks_.slabs().leave_all(me(1));
    }
    static constexpr std::size_t kSpare = 512;
    Offset block_[3] = {};
    bool leaves_ = false;
};
const Enrolled<Spares> kSpares{"shared.spares"};

struct SparesLeft : Spares {
    SparesLeft() { leaves_ = true; }
};
const Enrolled<SparesLeft> kSparesLeft{"shared.spares_left"};

// A spare that the dead thread's record names as well.
struct NotedSpare : Dead {
    NotedSpare() : Dead(3, Spares::kSpare) { deaths = 1, probe_ = Spares::kSpare; }
    void prepare() override {
        const Offset block = take(0, size_);
        fill(0, size_, 127);
        blocks_.slabs().leave_all(me(0));
        give(kDead, block);
        note_dead(block, ashlar::shared::Step::freeing);
    }
    void run(unsigned thread) override {
        if (thread == 0) return recover(0);
        take(1, size_);
        recover(1);
    }
};
const Enrolled<NotedSpare> kNotedSpare{"shared.noted_spare"};

}  // namespace

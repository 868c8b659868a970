// Large blocks of a shared heap, places that hold a block, and the file, while
// threads die.
#include "shared_fixture.hpp"

namespace {

using namespace interleave;

constexpr std::size_t kUnit = ashlar::base::kUnitSize;
constexpr std::size_t kSize = 8192;
constexpr UnitId kUnits = 6;

// Runs are taken, split and joined.
struct Large : SharedScenario {
    Large() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override { block_ = take(1, 2 * kUnit); }
    void run(unsigned thread) override {
        if (thread == 0) {
            const Offset block = take(0, 2 * kUnit);
            if (block != 0) give(0, block);
            return;
        }
        give(1, block_);
        recover(1);
        take(1, 3 * kUnit);
    }
    Offset block_ = 0;
};
const Enrolled<Large> kLarge{"shared.large"};

// The same with wrong hints: units are claimed as soon as their states allow.
struct LargeHinted : Large {
    void prepare() override {
        Large::prepare();
        hint_all();
    }
};
const Enrolled<LargeHinted> kLargeHinted{"shared.large_hinted"};

// A block grows into free units that another thread wants as well.
struct Grow : SharedScenario {
    Grow() : SharedScenario(kUnits) { deaths = 2; }
    void prepare() override { block_ = take(0, 2 * kUnit); }
    void run(unsigned thread) override {
        if (thread == 0) {
            resize(0, block_, size_);
            return;
        }
        const Offset mine = take(1, kUnit);
        recover(1);
        if (mine != 0) give(1, mine);
    }
    Offset block_ = 0;
    std::size_t size_ = 4 * kUnit - 100;
};
const Enrolled<Grow> kGrow{"shared.grow"};

struct Shrink : Grow {
    Shrink() { size_ = 2 * kUnit - 100; }
    void prepare() override { block_ = take(0, 5 * kUnit); }
};
const Enrolled<Shrink> kShrink{"shared.shrink"};

struct ShrinkHinted : Shrink {
    void prepare() override {
        Shrink::prepare();
        hint_all();
    }
};
const Enrolled<ShrinkHinted> kShrinkHinted{"shared.shrink_hinted"};

// A thread dies in a resize; the next one frees the block and takes a longer
// one there.
struct ShrinkFreed : Shrink {
    ShrinkFreed() { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 0) {
            resize(0, block_, size_);
            lock_.unlock();
        } else if (thread == 1) {
            recover(1);
        } else if (lock_.try_lock() && has_died(0)) {
            forget(block_);
            if (give_contested(2, block_)) take(2, 4 * kUnit);
        }
    }
    void begin() override {
        Shrink::begin();
        lock_ = RobustMutex(0);
    }
    RobustMutex lock_;  // of the program: tells of the death
};
const Enrolled<ShrinkFreed> kShrinkFreed{"shared.shrink_freed"};

// Both or neither: a block and the place that names it.
struct Place : SharedScenario {
    explicit Place(std::size_t size) : SharedScenario(kUnits), size_(size) { deaths = 2; }
    void prepare() override {
        place_ = make_place(0, size_);
        other_ = make_place(0, kSize - 100);
        fill(0, kSize, 5);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            take_to(0, place_, size_);
            take_to(0, other_, kSize - 100);
            return;
        }
        recover(1);
        take(1, size_);
    }
    Offset place_ = 0, other_ = 0;
    std::size_t size_;
};
struct SmallTo : Place {
    SmallTo() : Place(kSize - 8) {}
};
const Enrolled<SmallTo> kSmallTo{"shared.to"};
struct LargeTo : Place {
    LargeTo() : Place(2 * kUnit - 8) {}
};
const Enrolled<LargeTo> kLargeTo{"shared.to_large"};

// The block is freed from the place as soon as it is there, and its memory is
// taken again.
struct SmallToFrom : SmallTo {
    void run(unsigned thread) override {
        if (thread == 0) return take_to(0, place_, size_);
        give_from(1, place_);
        recover(1);
        take(1, size_);
    }
};
const Enrolled<SmallToFrom> kSmallToFrom{"shared.to_from"};
struct LargeToFrom : LargeTo {
    void run(unsigned thread) override {
        if (thread == 0) return take_to(0, place_, size_);
        give_from(1, place_);
        recover(1);
        take(1, size_);
    }
};
const Enrolled<LargeToFrom> kLargeToFrom{"shared.to_from_large"};

// Two threads free from one place. One of them does; the memory is then
// another thread's.
struct SmallFrom : Place {
    explicit SmallFrom(std::size_t size = kSize - 8) : Place(size) {}
    void prepare() override {
        Place::prepare();
        take_to(0, place_, size_);
    }
    void begin() override {
        SharedScenario::begin();
        freed_ = 0;
    }
    void run(unsigned thread) override {
        if (give_from(thread, place_)) ++freed_;
        if (thread == 0) return;
        recover(1);
        take(1, size_);
    }
    void end(unsigned stopped) override {
        require(freed_ == 1 || stopped != 0, "one block was freed twice, or not at all");
        Place::end(stopped);
    }
    unsigned freed_ = 0;
};
const Enrolled<SmallFrom> kSmallFrom{"shared.from"};
struct LargeFrom : SmallFrom {
    LargeFrom() : SmallFrom(2 * kUnit - 8) {}
};
const Enrolled<LargeFrom> kLargeFrom{"shared.from_large"};

// A thread dies in allocate_to, a second one while it frees from the place, and
// the third one recovers both.
struct ToFromTwice : SmallTo {
    ToFromTwice() { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 0) return take_to(0, place_, size_);
        if (thread == 1) {
            give_from(1, place_);
            return;
        }
        recover(2);
        take(2, size_);
    }
};
const Enrolled<ToFromTwice> kToFromTwice{"shared.to_from_twice"};

// The block is freed from the place and its units are taken again, while a
// third thread recovers the one that stored it.
struct ToTaken : LargeTo {
    ToTaken() { threads = 3, deaths = 1; }
    void run(unsigned thread) override {
        if (thread == 0) return take_to(0, place_, size_);
        if (thread == 2) return recover(2);
        give_from(1, place_);
        take(1, size_);
    }
};
const Enrolled<ToTaken> kToTaken{"shared.to_taken_large"};

// E44: the first units of a file.
struct Growth : SharedScenario {
    Growth() : SharedScenario(4) { deaths = 1; }
    void run(unsigned thread) override {
        if (thread == 1) recover(1);
        take(thread, kUnit);
    }
};
const Enrolled<Growth> kGrowth{"shared.growth"};

// A thread stops for ever while it adds units. The others find room.
struct GrowthStopped : SharedScenario {
    GrowthStopped() : SharedScenario(6) { may_freeze = true; }
    void run(unsigned thread) override {
        require(take(thread, kUnit) != 0, "no room, though one thread stopped");
    }
};
const Enrolled<GrowthStopped> kGrowthStopped{"shared.growth_stopped"};

// Two threads free one large block: one of them is told.
struct LargeFreedTwice : SharedScenario {
    LargeFreedTwice() : SharedScenario(kUnits) {}
    void prepare() override {
        block_ = take(0, 2 * kUnit);
        forget(block_);
    }
    void begin() override {
        SharedScenario::begin();
        freed_ = 0;
    }
    void run(unsigned thread) override { freed_ += give_contested(thread, block_); }
    void end(unsigned stopped) override {
        require(freed_ == 1, "not one of two was told");
        SharedScenario::end(stopped);
    }
    Offset block_ = 0;
    unsigned freed_ = 0;
};
const Enrolled<LargeFreedTwice> kLargeFreedTwice{"shared.freed_twice_large"};

// A file without room: units with pages are found, also those that a dead
// thread had.
struct Full : SharedScenario {
    Full() : SharedScenario(kUnits) { deaths = 1; }
    void prepare() override {
        block_ = take(0, 2 * kUnit);
        file_.set_room(0);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, block_);
            require(take(0, kUnit) != 0 || stolen_, "a unit with pages is not found");
            return;
        }
        stolen_ = true;
        recover(1);
        take(1, kUnit);
    }
    void begin() override {
        SharedScenario::begin();
        stolen_ = false;
    }
    void end(unsigned stopped) override {
        unsigned pages = 0;
        for (UnitId unit = 1; unit < kUnits; ++unit) pages += file_.has(unit);
        require(file_.room() + pages == 2, "pages were lost");
        file_.set_room(kUnits);
        SharedScenario::end(stopped);
    }
    Offset block_ = 0;
    bool stolen_ = false;
};
const Enrolled<Full> kFull{"shared.full"};

// Free units lose their pages while another thread takes them.
struct Punch : SharedScenario {
    Punch() : SharedScenario(kUnits) { deaths = 1; }
    void prepare() override {
        const Offset block = take(0, 3 * kUnit);
        give(0, block);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            static_cast<void>(blocks_.runs().punch(me(0).id, 8));
            return;
        }
        take(1, kUnit);
        recover(1);
        take(1, 2 * kUnit);
    }
};
const Enrolled<Punch> kPunch{"shared.punch"};

// Free units age, and then lose their pages, while another thread takes them.
struct Age : Punch {
    void prepare() override {
        Punch::prepare();
        segment_.header().units_backed.store(1000, ashlar::base::rlx);
    }
    void run(unsigned thread) override {
        if (thread == 1) return Punch::run(1);
        blocks_.runs().age(me(0).id);
        blocks_.runs().age(me(0).id);
    }
};
const Enrolled<Age> kAge{"shared.age"};

}  // namespace

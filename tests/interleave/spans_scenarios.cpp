// Runs of units: the lock that is only tried, claims that overlap, the frontier, large blocks, dirt and its purge.
#include "spans_ground.hpp"

namespace {

using namespace interleave;
using ashlar::base::kNoUnit;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

// E9: who gives while another holds the lock leaves a hint, which the holder must find after its unlock.
struct GiveWhileLocked : SpansScenario {
    GiveWhileLocked() : SpansScenario(3 * kLong) {}
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
    }
    void run(unsigned thread) override { give(run_[thread]); }
    UnitId run_[3];
};
const Enrolled<GiveWhileLocked> kGiveWhileLocked{"spans.give_give"};

// The same, with three, and a take among them.
struct TakeGive : GiveWhileLocked {
    TakeGive() { threads = 3; }
    void run(unsigned thread) override {
        if (thread < 2) give(run_[thread]);
        if (thread == 2) take(kLong);
    }
};
const Enrolled<TakeGive> kTakeGive{"spans.take_give"};

// Runs that overlap, across two words of bits: a claim that fails half-way puts back what it had.
struct Overlap : SpansScenario {
    Overlap() : SpansScenario(100) { threads = 3; }
    void prepare() override {
        const UnitId low = take(50);
        middle_ = take(30);
        const UnitId high = take(20);
        static_cast<void>(low);
        give(middle_);
        high_ = high;
    }
    void run(unsigned thread) override {
        if (thread < 2) take(18 + thread);
        if (thread == 2) give(high_);
    }
    UnitId middle_ = 0;
    UnitId high_ = 0;
};
const Enrolled<Overlap> kOverlap{"spans.overlap"};

// The map has a hole of two words, of which somebody has taken the first: the rest must not be forgotten with it.
struct StaleHole : SpansScenario {
    StaleHole() : SpansScenario(100) {}
    void prepare() override {
        take(46);
        const UnitId middle = take(2 * kLong);  // [47, 81)
        take(19);
        give(middle);
    }
    void run(unsigned thread) override { take(thread == 0 ? 2 * kLong : kLong); }
};
const Enrolled<StaleHole> kStaleHole{"spans.stale_hole"};

// A run grows in place into units that somebody else takes.
struct Grow : SpansScenario {
    Grow() : SpansScenario(100) {}
    void prepare() override {
        first_ = note(spans().take_large(40, 1), 40);
        const UnitId middle = take(40);
        take(20);
        give(middle);
    }
    void run(unsigned thread) override {
        if (thread == 0 && spans().resize_large(first_, 40, 70)) {
            ledger_.take(reinterpret_cast<void*>(spans().region().address(first_ + 40)), 30 * kUnitSize);
            held_.push_back({first_ + 40, 30});
        }
        if (thread == 1) take(20);
    }
    UnitId first_ = 0;
};
const Enrolled<Grow> kGrow{"spans.grow"};

// The frontier rises for two at once, to the end of the region.
struct Frontier : SpansScenario {
    Frontier() : SpansScenario(50) { threads = 3; }
    void run(unsigned) override { take(20); }
    void end(unsigned stopped) override {
        require(held_.size() == 2 && spans().frontier() <= 51, "beyond the end, or not as much as there is");
        SpansScenario::end(stopped);
    }
};
const Enrolled<Frontier> kFrontier{"spans.frontier"};

// Units above the frontier that somebody knew are handed out and come back, while another brings the map up to date.
struct FrontierGive : SpansScenario {
    FrontierGive() : SpansScenario(3 * kLong + 1) {}
    void prepare() override {
        first_ = take(kLong);
        take(kLong);
    }
    void run(unsigned thread) override {
        if (thread == 0) give(first_);
        if (thread == 1) {
            const UnitId start = take(kLong + 1);  // fits nowhere else
            if (start != kNoUnit) give(start);
        }
    }
    UnitId first_ = 0;
};
const Enrolled<FrontierGive> kFrontierGive{"spans.frontier_give"};

// The frontier rises under a run that grows.
struct FrontierGrow : SpansScenario {
    FrontierGrow() : SpansScenario(50) {}
    void prepare() override { first_ = note(spans().take_large(20, 1), 20); }
    void run(unsigned thread) override {
        if (thread == 1) take(20);
        if (thread == 0 && spans().resize_large(first_, 20, 35)) held_.push_back({first_ + 20, 15});
    }
    void end(unsigned) override { require_units(spans(), held_); }
    UnitId first_ = 0;
};
const Enrolled<FrontierGrow> kFrontierGrow{"spans.frontier_grow"};

// E14: short runs are kept for exact reuse.
struct Recent : SpansScenario {
    Recent() : SpansScenario(8) { threads = 3; }
    void prepare() override {
        for (UnitId& start : run_) start = take(2);
    }
    void run(unsigned thread) override {
        if (thread < 2) {
            give(run_[thread]);
            take(2);
        }
        if (thread == 2) spans().give_recent();
    }
    UnitId run_[2];
};
const Enrolled<Recent> kRecent{"spans.recent"};

// E16: of two frees of one large block exactly one succeeds.
struct DoubleFree : SpansScenario {
    DoubleFree() : SpansScenario(2 * kLong) {}
    void prepare() override { first_ = note(spans().take_large(kLong, 1), kLong); }
    void begin() override {
        SpansScenario::begin();
        forget(first_);
        freed_ = 0;
    }
    void run(unsigned) override { freed_ += spans().give_large(first_) ? 1 : 0; }
    void end(unsigned stopped) override {
        require(freed_ == 1, "a block was freed twice, or not at all");
        SpansScenario::end(stopped);
    }
    UnitId first_ = 0;
    int freed_ = 0;
};
const Enrolled<DoubleFree> kDoubleFree{"spans.double_free"};

// Large blocks freed and allocated on the same units; their bytes pass from one to the other through the unit bits (E8).
struct Large : SpansScenario {
    Large() : SpansScenario(2 * kLong) {}
    void prepare() override {
        for (UnitId& start : run_) start = note(spans().take_large(kLong, 1), kLong);
    }
    void run(unsigned thread) override {
        forget(run_[thread]);
        require(spans().give_large(run_[thread]), "a live block is not known");
        note(spans().take_large(kLong, 1), kLong);
    }
    UnitId run_[2];
};
const Enrolled<Large> kLarge{"spans.large"};

// Free pages go back to the system while their units are taken: what is called zero is zero.
struct PurgeTake : SpansScenario {
    PurgeTake() : SpansScenario(3 * kLong) { threads = 3; }
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
        give(run_[0]);
    }
    void run(unsigned thread) override {
        if (thread == 0) spans().purge(true);
        if (thread == 1) take(kLong);
        if (thread == 2) give(run_[1]);
    }
    UnitId run_[3];
};
const Enrolled<PurgeTake> kPurgeTake{"spans.purge_take"};

// The same where the units have a whole life before the purge is done with them: their new dirt must not be forgotten.
struct PurgeDirty : SpansScenario {
    PurgeDirty() : SpansScenario(kLong) {}
    void prepare() override { give(take(kLong)); }
    void run(unsigned thread) override {
        if (thread == 0) spans().purge(true);
        if (thread == 1) {
            const UnitId start = take(kLong);
            if (start != kNoUnit) give(start);
        }
    }
};
const Enrolled<PurgeDirty> kPurgeDirty{"spans.purge_dirty"};

// Time passes: the next free ages or purges what is free, while others take and give.
struct Ticks : SpansScenario {
    Ticks() : SpansScenario(3 * kLong) {}
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
        give(run_[0]);
    }
    void run(unsigned thread) override {
        now_ms += 300;
        give(run_[1 + thread]);
        take(kLong);
    }
    UnitId run_[3];
};
const Enrolled<Ticks> kTicks{"spans.ticks"};

// A second life of pages that were purged: taken as zero, written, given, taken again.
struct DirtyAgain : SpansScenario {
    DirtyAgain() : SpansScenario(kLong) {}
    void prepare() override {
        give(take(kLong));
        spans().purge(true);
    }
    void run(unsigned) override {
        const UnitId start = take(kLong);
        if (start != kNoUnit) give(start);
    }
};
const Enrolled<DirtyAgain> kDirtyAgain{"spans.dirty_again"};

}  // namespace

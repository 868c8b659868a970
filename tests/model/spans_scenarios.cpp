// Runs of units: the lock that is only tried, claims that overlap, the
// frontier, large blocks, dirty units and their purge.
#include "spans_fixture.hpp"

namespace {

using namespace interleave;
using ashlar::base::kNoUnit;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

// E9: a thread that gives while another holds the lock leaves a hint, which the
// holder must find after its unlock.
struct GiveWhileLocked : SpansScenario {
    GiveWhileLocked() : SpansScenario(3 * kLong) {}
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
    }
    void run(unsigned thread) override { give(run_[thread]); }
    UnitId run_[3];
};
const Enrolled<GiveWhileLocked> kGiveWhileLocked{"spans.give_give"};

// The same with three threads, one of which takes.
struct TakeGive : GiveWhileLocked {
    TakeGive() { threads = 3; }
    void run(unsigned thread) override {
        if (thread < 2) give(run_[thread]);
        if (thread == 2) take(kLong);
    }
};
const Enrolled<TakeGive> kTakeGive{"spans.take_give"};

// Runs that overlap, across two words of bits: a claim that fails gives back
// the part that it had.
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

// The map has a hole of two words, and another thread has taken the first word:
// the rest must not be lost.
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

// A run grows in place into units that another thread takes.
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
            ledger_.take(reinterpret_cast<void*>(spans().region().address(first_ + 40)),
                         30 * kUnitSize);
            held_.push_back({first_ + 40, 30});
        }
        if (thread == 1) take(20);
    }
    UnitId first_ = 0;
};
const Enrolled<Grow> kGrow{"spans.grow"};

// The frontier rises for two threads at once, to the end of the region.
struct Frontier : SpansScenario {
    Frontier() : SpansScenario(50) { threads = 3; }
    void run(unsigned) override { take(20); }
    void end(unsigned stopped) override {
        require(held_.size() == 2 && spans().frontier() <= 51,
                "beyond the end, or less than the region has");
        SpansScenario::end(stopped);
    }
};
const Enrolled<Frontier> kFrontier{"spans.frontier"};

// Units above a frontier that one thread has read are taken and given, while
// that thread updates the map.
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

// A thread that wants an aligned run finds that another run has replaced the
// one that it saw.
struct RecentAligned : SpansScenario {
    RecentAligned() : SpansScenario(12) {}
    void prepare() override {
        for (UnitId start = take(1); (spans().region().address(start) / kUnitSize) % 2 == 0;)
            start = take(1);
        aligned_ = take(2);
        take(1);
        other_ = take(2);
        give(aligned_);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            note(spans().take(2, true, 2), 2);
        } else {
            take(2);
            give(other_);
        }
    }
    UnitId aligned_ = 0;
    UnitId other_ = 0;
};
const Enrolled<RecentAligned> kRecentAligned{"spans.recent_aligned"};

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

// Large blocks are freed and allocated on the same units. The unit bits order
// their users (E8).
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

// A block grows across a hole and the frontier behind it, while others take
// from both.
struct GrowAcross : SpansScenario {
    GrowAcross() : SpansScenario(80) { threads = 3; }
    void prepare() override {
        first_ = note(spans().take_large(20, 1), 20);
        give_to_all(take(kShort));  // [21, 29), and the frontier
    }
    void run(unsigned thread) override {
        if (thread == 1) take(6);
        if (thread == 2) take(kLong);  // fits nowhere else
        if (thread != 0 || !spans().resize_large(first_, 20, 40)) return;
        ledger_.take(reinterpret_cast<void*>(spans().region().address(first_ + 20)),
                     20 * kUnitSize);
        held_.push_back({first_ + 20, 20});
    }
    UnitId first_ = 0;
};
const Enrolled<GrowAcross> kGrowAcross{"spans.grow_across"};

// Runs at multiples of their length: the units before them stay free for
// others.
struct Aligned : SpansScenario {
    Aligned() : SpansScenario(64) { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 2) {
            take(3);
            return;
        }
        const UnitId start = note(spans().take(kShort, true, 16), kShort);
        require(start == kNoUnit || spans().region().address(start) % (16 * kUnitSize) == 0,
                "not aligned");
    }
};
const Enrolled<Aligned> kAligned{"spans.aligned"};

// Free pages are purged while their units are taken: units that are reported
// zero are zero.
struct PurgeTake : SpansScenario {
    PurgeTake() : SpansScenario(3 * kShort) { threads = 3; }
    void prepare() override {
        for (UnitId& start : run_) start = take(kShort);
        give_to_all(run_[0]);
    }
    void run(unsigned thread) override {
        if (thread == 0) spans().purge(true);
        if (thread == 1) take(kShort);
        if (thread == 2) give_to_all(run_[1]);
    }
    UnitId run_[3];
};
const Enrolled<PurgeTake> kPurgeTake{"spans.purge_take"};

// The same, while the units are used and given again before the purge ends:
// they must be dirty again.
struct PurgeDirty : SpansScenario {
    PurgeDirty() : SpansScenario(kShort) {}
    void prepare() override { give_to_all(take(kShort)); }
    void run(unsigned thread) override {
        if (thread == 0) spans().purge(true);
        if (thread == 1) {
            const UnitId start = take(kShort);
            if (start != kNoUnit) give_to_all(start);
        }
    }
};
const Enrolled<PurgeDirty> kPurgeDirty{"spans.purge_dirty"};

// The system refuses to purge: dirty units stay dirty.
struct PurgeRefused : PurgeDirty {
    void begin() override {
        PurgeDirty::begin();
        system_refuses.purge = true;
    }
};
const Enrolled<PurgeRefused> kPurgeRefused{"spans.purge_refused"};

// Givers purge long runs, while others take them and the units beside them.
struct PurgeLong : SpansScenario {
    PurgeLong() : SpansScenario(3 * kLong) { threads = 3; }
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
    }
    void run(unsigned thread) override {
        if (thread < 2) return give(run_[thread]);
        const UnitId start = take(kShort);
        if (start != kNoUnit) give_to_all(start);
        take(kLong);
    }
    UnitId run_[3];
};
const Enrolled<PurgeLong> kPurgeLong{"spans.purge_long"};

struct PurgeLongRefused : PurgeLong {
    void begin() override {
        PurgeLong::begin();
        system_refuses.purge = true;
    }
};
const Enrolled<PurgeLongRefused> kPurgeLongRefused{"spans.purge_long_refused"};

// Dirty pages are purged from the high end, while others take and give.
struct PurgeSome : SpansScenario {
    PurgeSome() : SpansScenario(5 * kShort) { threads = 3; }
    void prepare() override {
        for (UnitId& start : run_) start = take(kShort);
        for (int i = 0; i < 3; ++i) give_to_all(run_[i]);
    }
    void run(unsigned thread) override {
        if (thread == 0) spans().purge_some(kShort);
        if (thread == 1) take(2 * kShort);
        if (thread == 2) give_to_all(run_[3]);
    }
    UnitId run_[5];
};
const Enrolled<PurgeSome> kPurgeSome{"spans.purge_some"};

// Time passes: the next free ages or purges free units, while others take and
// give.
struct Ticks : SpansScenario {
    Ticks() : SpansScenario(3 * kShort) {}
    void prepare() override {
        for (UnitId& start : run_) start = take(kShort);
        give_to_all(run_[0]);
    }
    void run(unsigned thread) override {
        now_ms += 1100;
        give(run_[1 + thread]);
        take(kShort);
    }
    UnitId run_[3];
};
const Enrolled<Ticks> kTicks{"spans.ticks"};

// Purged pages are used again: taken as zero, written, given, and taken again.
struct DirtyAgain : SpansScenario {
    DirtyAgain() : SpansScenario(kShort) {}
    void prepare() override {
        give_to_all(take(kShort));
        spans().purge(true);
    }
    void run(unsigned) override {
        const UnitId start = take(kShort);
        if (start != kNoUnit) give_to_all(start);
    }
};
const Enrolled<DirtyAgain> kDirtyAgain{"spans.dirty_again"};

}  // namespace

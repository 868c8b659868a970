// Runs of units: the lock that is only tried, claims that overlap, the frontier, large blocks, dirt and its purge.
#include "base/size_class.hpp"
#include "heap_ground.hpp"

// Of the global namespace, as PrivateMember is.
struct LockOfSpans {
    using Type = ashlar::base::TryLock ashlar::spans::Spans::*;
    friend Type member_of(LockOfSpans);
};
template struct PrivateMember<LockOfSpans, &ashlar::spans::Spans::lock_>;

namespace {

using namespace interleave;
using ashlar::base::kNoUnit;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;
using ashlar::spans::Run;
using ashlar::spans::Spans;

// Longer than any run that is kept for exact reuse.
constexpr std::uint32_t kLong = 17;

// Threads take and give runs; at the end each unit is somebody's or free, the map knows all free ones, and what is held comes
// back.
class SpansScenario : public Scenario {
  public:
    explicit SpansScenario(UnitId units) : units_(units) {}
    void set_up() override {
        spans_ = &lay<Spans>(units_);
        prepare();
        ledger_.remember();
        first_held_ = held_;
    }
    void begin() override {
        now_ms = 0;
        ledger_.begin();
        held_ = first_held_;
    }
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        require_holes(*spans_);  // first: what follows brings the map up to date
        spans_->give_recent();
        require_units(*spans_, held_);
        require_holes(*spans_);
        while (!held_.empty()) give(held_.back().start);
        spans_->give_recent();
        require(spans_->held() == 0, "units were lost");
        require_units(*spans_, {});
        require_holes(*spans_);
        const UnitId frontier = spans_->frontier();
        if (frontier > 1) require(take(frontier - 1) == 1, "not one hole");  // and zero, where it says so
    }

  protected:
    virtual void prepare() {}
    UnitId take(std::uint32_t units) { return note(spans_->take(units), units); }
    void give(UnitId start) { spans_->give(start, forget(start)); }
    // Every other unit of a run that becomes known: its holder writes to it.
    UnitId note(Run run, std::uint32_t units) {
        if (run.start == kNoUnit) return kNoUnit;
        ledger_.take(reinterpret_cast<void*>(spans_->region().address(run.start)), units * kUnitSize, run.zero);
        held_.push_back({run.start, units});
        return run.start;
    }
    std::uint32_t forget(UnitId start) {
        ledger_.give(reinterpret_cast<void*>(spans_->region().address(start)));
        for (Span& span : held_) {
            if (span.start != start) continue;
            const std::uint32_t units = span.units;
            span = held_.back();
            held_.pop_back();
            return units;
        }
        fail("the scenario gives what it does not hold");
    }
    Spans& spans() { return *spans_; }
    std::vector<Span> held_;
    Ledger ledger_;

  private:
    UnitId units_;
    Spans* spans_ = nullptr;
    std::vector<Span> first_held_;
};

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

// P8: a thread stops for ever anywhere, also with the lock in hand. A run that was free before still is found.
struct Stopped : SpansScenario {
    Stopped() : SpansScenario(4 * kLong) { may_freeze = true; }
    void prepare() override {
        for (UnitId& start : run_) start = take(kLong);
        give(run_[1]);
        give(run_[3]);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(run_[0]);
        } else {
            require(take(kLong) != kNoUnit, "P8: a run that fits was not found");
            require(take(kLong) != kNoUnit, "P8: a run that fits was not found");
        }
    }
    UnitId run_[4];
};
const Enrolled<Stopped> kStopped{"spans.stopped"};

// The lock's holder has stopped: nothing that threads do with it orders one after the other. Who searches the bits still finds
// what was given before, also in a word and above a frontier of which it has not heard (E19).
struct Unheard : SpansScenario {
    Unheard() : SpansScenario(70 + kLong) {}
    void prepare() override {
        take(70);
        require((spans().*member_of(LockOfSpans{})).try_lock(), "the lock was taken");
    }
    void begin() override {
        SpansScenario::begin();
        given_ = false;
    }
    void run(unsigned thread) override {
        const bool given = given_;
        const UnitId start = take(kLong);
        require(start != kNoUnit || !given, "P8: a run that fits was not found");
        if (thread != 0 || start == kNoUnit) return;
        give(start);
        given_ = true;  // not in the shared memory: tells when, and orders nothing
    }
    void end(unsigned) override { require_units(spans(), held_); }
    bool given_ = false;
};
const Enrolled<Unheard> kUnheard{"spans.unheard"};

// The same where a block grows over the frontier and shrinks again.
struct UnheardGrowth : Unheard {
    void prepare() override {
        first_ = note(spans().take_large(70, 1), 70);
        require((spans().*member_of(LockOfSpans{})).try_lock(), "the lock was taken");
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            const bool given = given_;
            require(take(kLong) != kNoUnit || !given, "P8: a run that fits was not found");
        } else if (spans().resize_large(first_, 70, 70 + kLong)) {
            require(spans().resize_large(first_, 70 + kLong, 70), "a block does not shrink");
            given_ = true;
        }
    }
    UnitId first_ = 0;
};
const Enrolled<UnheardGrowth> kUnheardGrowth{"spans.unheard_growth"};

}  // namespace

// Runs of units while a thread stops for ever, holds the span lock for ever, or
// has a claim that fails.
#include "spans_fixture.hpp"

// Of the global namespace, as PrivateMember is.
struct LockOfSpans {
    using Type = ashlar::base::TryLock ashlar::spans::Spans::*;
    friend Type member_of(LockOfSpans);
};
template struct PrivateMember<LockOfSpans, &ashlar::spans::Spans::lock_>;
struct ClaimOfSpans {
    using Type = bool (ashlar::spans::Spans::*)(ashlar::base::UnitId, std::uint32_t) noexcept;
    friend Type member_of(ClaimOfSpans);
};
template struct PrivateMember<ClaimOfSpans, &ashlar::spans::Spans::claim>;

namespace {

using namespace interleave;
using ashlar::base::kNoUnit;
using ashlar::base::UnitId;

// A claim that must fail holds a part of a free run for a moment. A thread that
// updates the map then misses that part.
struct Rollback : SpansScenario {
    Rollback() : SpansScenario(100) {}
    void prepare() override {
        take(50);
        const UnitId middle = take(30);  // [51, 81)
        high_ = take(19);
        give(middle);
    }
    void run(unsigned thread) override {
        if (thread == 0)
            require(!(spans().*member_of(ClaimOfSpans{}))(50, 20), "a held unit was claimed");
        if (thread == 1) give(high_);
    }
    UnitId high_ = 0;
};
const Enrolled<Rollback> kRollback{"spans.rollback"};

// P8: a thread stops for ever at any step, even with the lock. A take still
// finds a run that was free before.
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

// The lock's holder has stopped, so that the lock orders no threads. A thread
// that searches the bits still finds units given before, also in a word and
// above a frontier that it has not read yet (E19).
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
        given_ = true;  // outside the shared memory: tells when, without an order
    }
    void end(unsigned) override { require_units(spans(), held_); }
    bool given_ = false;
};
const Enrolled<Unheard> kUnheard{"spans.unheard"};

// The same, while a block grows over the frontier and shrinks again.
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

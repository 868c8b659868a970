// Random takes and gives against a model: an array of free units and the kept
// runs. The model predicts which run each take returns.
#include <array>
#include <map>
#include <vector>

#include "spans_fixture.hpp"
#include "support/random.hpp"

namespace {

using ashlar::base::kNoUnit;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

// Best fit, lowest first, after the run kept of that length, before the
// frontier.
class Model {
  public:
    explicit Model(UnitId units) : free_(units + 1, false) {}

    UnitId take(std::uint32_t units) {
        UnitId start = kNoUnit;
        if (units < kept_.size() && kept_[units] != kNoUnit) {
            start = kept_[units];
            kept_[units] = kNoUnit;
            return start;
        }
        std::uint32_t best = UINT32_MAX;
        for (UnitId at = 1; at < frontier_; ++at) {
            UnitId end = at;
            while (end < frontier_ && free_[end]) ++end;
            if (end - at >= units && end - at < best) {
                best = end - at;
                start = at;
            }
            at = end;
        }
        if (start == kNoUnit && frontier_ + units <= free_.size()) {
            start = frontier_;
            frontier_ += units;
        }
        if (start != kNoUnit) set(start, units, false);
        return start;
    }
    void give(UnitId start, std::uint32_t units) {
        if (units < kept_.size() && kept_[units] == kNoUnit) {
            kept_[units] = start;
        } else {
            set(start, units, true);
        }
    }
    void give_kept() {
        for (std::uint32_t units = 1; units < kept_.size(); ++units) {
            if (kept_[units] != kNoUnit) set(kept_[units], units, true);
            kept_[units] = kNoUnit;
        }
    }
    bool extend(UnitId end, std::uint32_t more) {
        if (end + more > free_.size()) return false;
        const UnitId below = end + more < frontier_ ? end + more : frontier_;
        for (UnitId unit = end; unit < below; ++unit) {
            if (!free_[unit]) return false;
        }
        if (end + more > frontier_) frontier_ = end + more;
        set(end, more, false);
        return true;
    }
    [[nodiscard]] bool is_free(UnitId unit) const { return free_[unit]; }
    [[nodiscard]] UnitId frontier() const { return frontier_; }

  private:
    void set(UnitId start, std::uint32_t units, bool free) {
        for (UnitId unit = start; unit < start + units; ++unit) free_[unit] = free;
    }
    std::vector<bool> free_;
    std::array<UnitId, 17> kept_{};
    UnitId frontier_ = 1;
};

class SpansModel : public SpansOver, public testing::WithParamInterface<int> {
  protected:
    SpansModel() : SpansOver(700), random_(static_cast<std::uint64_t>(GetParam())) {}

    static constexpr int steps = 4000;

    std::uint32_t some_units() { return 1 + random_.below(random_.below(4) == 0 ? 150 : 24); }
    void take() {
        const std::uint32_t units = some_units();
        const UnitId start = spans_.take(units).start;
        ASSERT_EQ(start, model_.take(units)) << units << " units";
        if (start != kNoUnit) held_[start] = units;
    }
    void give() {
        if (held_.empty()) return;
        const auto run = some_run();
        spans_.give(run->first, run->second);
        model_.give(run->first, run->second);
        held_.erase(run);
    }
    void extend() {
        if (held_.empty()) return;
        const auto run = some_run();
        const std::uint32_t more = some_units();
        const UnitId end = run->first + run->second;
        const bool got = spans_.extend(end, more);
        ASSERT_EQ(got, model_.extend(end, more)) << end << " + " << more;
        if (got) run->second += more;
    }
    void expect_same() {
        ASSERT_EQ(spans_.frontier(), model_.frontier());
        for (UnitId unit = 1; unit < model_.frontier(); ++unit)
            ASSERT_EQ(spans_.is_free(unit), model_.is_free(unit)) << unit;
    }
    std::map<UnitId, std::uint32_t>::iterator some_run() {
        return std::next(held_.begin(), random_.below(held_.size()));
    }

    Random random_;
    Model model_{700};
    std::map<UnitId, std::uint32_t> held_;
};

TEST_P(SpansModel, TakeReturnsTheRunOfTheModel) {
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
        const std::uint32_t dice = random_.below(100);
        if (dice < 45) {
            take();
        } else if (dice < 90) {
            give();
        } else if (dice < 98) {
            extend();
        } else {
            spans_.give_recent();
            model_.give_kept();
        }
        if (step % 50 == 0) expect_same();
    }
    for (const auto& [start, units] : held_) spans_.give(start, units);
    expect_one_hole();
}

// The map of holes is only a hint. The child of a fork rebuilds it from the
// bits, and later takes return the same runs.
TEST_P(SpansModel, AdoptForkChangesNoLaterTake) {
    for (int step = 0; step < steps / 4 && !HasFatalFailure(); ++step) {
        if (random_.below(2) == 0) {
            take();
        } else {
            give();
        }
        if (step % 100 == 0) spans_.adopt_fork();
    }
}

// A run that is reported zero is zero, whatever was written and purged before.
TEST_P(SpansModel, TakeReportsZeroOnlyForZeroUnits) {
    std::size_t zero_runs = 0;
    for (int step = 0; step < steps / 4; ++step) {
        const std::uint32_t dice = random_.below(100);
        fake_now_ms += random_.below(80);
        if (dice < 50) {
            const std::uint32_t units = some_units();
            const auto run = spans_.take(units);
            if (run.start == kNoUnit) continue;
            held_[run.start] = units;
            const std::uint32_t probe = random_.below(kUnitSize);
            for (UnitId unit = run.start; unit < run.start + units; ++unit) {
                auto* bytes = reinterpret_cast<unsigned char*>(spans_.region().address(unit));
                if (run.zero) {
                    ASSERT_EQ(bytes[0] | bytes[probe] | bytes[kUnitSize - 1], 0) << unit;
                }
                bytes[0] = bytes[probe] = bytes[kUnitSize - 1] = 0xff;
            }
            if (run.zero) ++zero_runs;
        } else if (dice < 96 && !held_.empty()) {
            const auto run = some_run();
            spans_.give(run->first, run->second);
            held_.erase(run);
        } else {
            FakeSource::refuse_purge = random_.below(3) == 0;
            spans_.purge(random_.below(2) == 0);
        }
    }
    EXPECT_GT(zero_runs, 10U) << "too few zero runs to test anything";
    EXPECT_LE(spans_.counts().dirty, spans_.counts().free);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpansModel, testing::Range(1, 9));

}  // namespace

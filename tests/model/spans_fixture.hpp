// Runs of units, and threads that take and give them. At the end each unit is
// held or free, the map knows all free units, and every held run is given back.
#ifndef ASHLAR_TESTS_MODEL_SPANS_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_SPANS_FIXTURE_HPP

#include "arena_fixture.hpp"
#include "base/size_class.hpp"

namespace interleave {

// Longer than any run that is kept for exact reuse. A give purges it at once if
// too many units are dirty.
inline constexpr std::uint32_t kLong = 17;
// The length of a run that stays dirty.
inline constexpr std::uint32_t kShort = 8;

class SpansScenario : public Scenario {
  public:
    using UnitId = ashlar::base::UnitId;
    using Spans = ashlar::spans::Spans;
    explicit SpansScenario(UnitId units) : units_(units) {}
    void set_up() override {
        spans_ = &lay<Spans>(units_);
        prepare();
        ledger_.remember();
        first_held_ = held_;
    }
    void begin() override {
        now_ms = 0;
        system_refuses = {};
        ledger_.begin();
        held_ = first_held_;
    }
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        require_holes(*spans_);  // first, because the next checks update the map
        spans_->give_recent();
        require_units(*spans_, held_);
        require_holes(*spans_);
        while (!held_.empty()) give(held_.back().start);
        spans_->give_recent();
        require(spans_->held() == 0, "units were lost");
        require_units(*spans_, {});
        require_holes(*spans_);
        const UnitId frontier = spans_->frontier();
        // And zero, if it is reported zero.
        if (frontier > 1) require(take(frontier - 1) == 1, "not one hole");
    }

  protected:
    virtual void prepare() {}
    UnitId take(std::uint32_t units) { return note(spans_->take(units), units); }
    void give(UnitId start) { spans_->give(start, forget(start)); }
    // Gives a run to all threads, even if it would be kept for exact reuse.
    void give_to_all(UnitId start) {
        give(start);
        spans_->give_recent();
    }
    // Notes a taken run: the ledger writes to it, and checks it is zero if it
    // is reported so.
    UnitId note(ashlar::spans::Run run, std::uint32_t units) {
        if (run.start == ashlar::base::kNoUnit) return ashlar::base::kNoUnit;
        ledger_.take(reinterpret_cast<void*>(spans_->region().address(run.start)),
                     units * ashlar::base::kUnitSize, run.zero);
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
        fail("the scenario gives a run that it does not hold");
    }
    Spans& spans() { return *spans_; }
    std::vector<Span> held_;
    Ledger ledger_;

  private:
    UnitId units_;
    Spans* spans_ = nullptr;
    std::vector<Span> first_held_;
};

}  // namespace interleave

#endif

// Spans whose clock moves only where a test moves it.
#ifndef ASHLAR_TESTS_UNIT_CORE_SPANS_PURGE_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_CORE_SPANS_PURGE_FIXTURE_HPP

#include <vector>

#include "spans_fixture.hpp"

class PurgeTest : public SpansOver {
  protected:
    PurgeTest() : SpansOver(6000) { fake_now_ms = 100'000; }

    void pass(std::uint64_t ms) {
        fake_now_ms += ms;
        spans_.tick();
    }
    // The first tick, so that the tests do not start at time 0.
    void SetUp() override {
        pass(1000);
        FakeSource::purged = FakeSource::purges = FakeSource::longest_purge = 0;
    }
    [[nodiscard]] static std::size_t purged_units() {
        return FakeSource::purged / ashlar::base::kUnitSize;
    }
    void write(ashlar::base::UnitId start, std::uint32_t units) {
        for (ashlar::base::UnitId unit = start; unit < start + units; ++unit)
            *reinterpret_cast<char*>(spans_.region().address(unit)) = 'x';
    }
    [[nodiscard]] char first_byte(ashlar::base::UnitId unit) const {
        return *reinterpret_cast<char*>(spans_.region().address(unit));
    }
    // Every second of 2n units is free and dirty.
    std::vector<ashlar::base::UnitId> alternate(std::size_t n) {
        std::vector<ashlar::base::UnitId> units(2 * n);
        for (ashlar::base::UnitId& unit : units) unit = take(1);
        for (std::size_t i = 0; i < units.size(); i += 2) spans_.give(units[i], 1);
        spans_.give_recent();
        return units;
    }
};

#endif

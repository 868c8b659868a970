// A layer with little else than tables, and the fixture that commits it.
#ifndef ASHLAR_TESTS_UNIT_CORE_REGION_COMMITTED_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_CORE_REGION_COMMITTED_FIXTURE_HPP

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>

#include <gtest/gtest.h>

#include "core/region/committed.hpp"
#include "support/region_fixture.hpp"

namespace committed_fixture {

using namespace ashlar::region;
using ashlar::base::kUnitSize;
using ashlar::base::UnitId;

struct Layer {
    void layout(Carver& carver, const Region& of) noexcept {
        region = of;
        static_cast<void>(carver.array<std::uint64_t>(1));  // every heap has dense metadata
        bytes = carver.table<std::uint8_t>(of.end);
        wide = carver.table<std::uint64_t>(of.end, 0, 64, true);
        words = carver.table<std::uint64_t>(of.end, 6);
    }
    bool start(const Tables& of) noexcept {
        tables = of;
        return committed.start(region, of);
    }

    // Writes to units and to every entry below `end`, and to a word of bits
    // beyond.
    void write(UnitId end) const {
        for (UnitId unit = 1; unit < end; ++unit) {
            auto* start = reinterpret_cast<char*>(region.address(unit));
            if (unit % 64 == 1 || unit + 1 == end) start[0] = start[kUnitSize - 1] = 'x';
            bytes[unit] = 1;
            wide[std::size_t{unit} * 64 + 63] = unit;
        }
        words[(end + 63 < region.end ? end + 63 : region.end - 1) / 64] = end;
    }

    Region region;
    Tables tables;
    Committed committed;
    std::uint8_t* bytes;
    std::uint64_t* wide;
    std::uint64_t* words;
};

inline bool is_mapped(std::uintptr_t page) {
    unsigned char resident;
    return mincore(reinterpret_cast<void*>(page), page_size(), &resident) == 0;
}

class CommittedOver : public testing::Test {
  protected:
    explicit CommittedOver(UnitId units, bool stepwise = false)
        : units_(units), fixture_(units, stepwise) {}

    UnitId units_;
    Fixture<Layer> fixture_;
    Layer& layer_ = *fixture_;
    Committed& committed_ = fixture_->committed;
};

}  // namespace committed_fixture

#endif

// Puts a layer with layout(carver, region) on fresh memory of a fake source, with `units` units for it to hand out.
#ifndef ASHLAR_TESTS_REGION_GROUND_HPP
#define ASHLAR_TESTS_REGION_GROUND_HPP

#include <cstdlib>
#include <memory>

#include "base/bits.hpp"
#include "region/region.hpp"

#include "fake_source.hpp"

template <class Layer>
class Ground {
  public:
    explicit Ground(ashlar::base::UnitId units) : layer_(new Layer{}) {
        using ashlar::base::kUnitSize;
        FakeSource::reset();
        ashlar::region::Region region{0, units + 1, &FakeSource::source};
        ashlar::region::Carver measure(0);
        std::make_unique<Layer>()->layout(measure, region);
        bytes_ = measure.used() + (std::size_t{units} + 2) * kUnitSize;
        mapping_ = FakeSource::source.reserve(bytes_);
        if (mapping_ == nullptr) std::abort();
        const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
        region.base = ashlar::base::round_up(start + measure.used(), kUnitSize);
        ashlar::region::Carver carver(start);
        layer_->layout(carver, region);
    }
    ~Ground() { FakeSource::source.release(mapping_, bytes_); }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    Layer& operator*() { return *layer_; }
    Layer* operator->() { return layer_.get(); }

  private:
    std::unique_ptr<Layer> layer_;
    void* mapping_;
    std::size_t bytes_;
};

#endif

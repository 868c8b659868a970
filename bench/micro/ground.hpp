// A layer by itself, on fresh memory of the system.
#ifndef ASHLAR_BENCH_GROUND_HPP
#define ASHLAR_BENCH_GROUND_HPP

#include <memory>
#include <new>

#include "base/bits.hpp"
#include "region/region.hpp"

namespace bench {

/// `Layer` has layout(carver, region); it gets `units` units to hand out.
template <class Layer>
class Ground {
  public:
    explicit Ground(ashlar::base::UnitId units) : layer_(std::make_unique<Layer>()) {
        using ashlar::base::kUnitSize;
        using ashlar::region::kSystem;
        ashlar::region::Region region{0, units + 1, &kSystem};
        ashlar::region::Carver measure(0);
        std::make_unique<Layer>()->layout(measure, region);
        bytes_ = measure.used() + (std::size_t{units} + 2) * kUnitSize;
        mapping_ = kSystem.reserve(bytes_);
        if (mapping_ == nullptr) throw std::bad_alloc();
        const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
        region.base = ashlar::base::round_up(start + measure.used(), kUnitSize);
        ashlar::region::Carver carver(start);
        layer_->layout(carver, region);
    }
    ~Ground() { ashlar::region::kSystem.release(mapping_, bytes_); }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    Layer& operator*() noexcept { return *layer_; }
    Layer* operator->() noexcept { return layer_.get(); }

  private:
    std::unique_ptr<Layer> layer_;
    void* mapping_;
    std::size_t bytes_;
};

}  // namespace bench

#endif

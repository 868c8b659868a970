// One layer on fresh memory of the system.
#ifndef ASHLAR_BENCH_MICRO_FIXTURE_HPP
#define ASHLAR_BENCH_MICRO_FIXTURE_HPP

#include <memory>
#include <new>

#include "core/region/region.hpp"

namespace bench {

/// `Layer` has layout(carver, region) and start(tables); it gets `units` units
/// to hand out.
template <class Layer>
class Fixture {
  public:
    explicit Fixture(ashlar::base::UnitId units) : layer_(std::make_unique<Layer>()) {
        using namespace ashlar::region;
        Carver measure(0);
        std::make_unique<Layer>()->layout(measure, {0, units + 1, &kSystem, false});
        Reservation made = Reservation::make(kSystem, units, measure);
        mapping_ = made.start;
        bytes_ = made.bytes;
        if (mapping_ == nullptr) throw std::bad_alloc();
        layer_->layout(made.carver, made.region);
        if (!layer_->start(made.carver.tables())) throw std::bad_alloc();
    }
    ~Fixture() { ashlar::region::kSystem.release(mapping_, bytes_); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    Layer& operator*() noexcept { return *layer_; }
    Layer* operator->() noexcept { return layer_.get(); }

  private:
    std::unique_ptr<Layer> layer_;
    void* mapping_;
    std::size_t bytes_;
};

}  // namespace bench

#endif

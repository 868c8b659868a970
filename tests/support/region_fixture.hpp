// Puts a layer with layout(carver, region) and start(tables) on fresh memory of
// a fake source, with `units` units for it to hand out. The source counts from
// here on.
#ifndef ASHLAR_TESTS_SUPPORT_REGION_FIXTURE_HPP
#define ASHLAR_TESTS_SUPPORT_REGION_FIXTURE_HPP

#include <cstdlib>
#include <memory>

#include "core/region/region.hpp"

#include "fake_source.hpp"

template <class Layer>
class Fixture {
  public:
    explicit Fixture(ashlar::base::UnitId units, bool stepwise = false) : layer_(new Layer{}) {
        using namespace ashlar::region;
        FakeSource::reset();
        FakeSource::stepwise = stepwise;
        Carver measure(0, 0, 0, ashlar::base::kUnitSize);
        std::make_unique<Layer>()->layout(measure, {0, units + 1, &FakeSource::source, false});
        Reservation made = Reservation::make(FakeSource::source, units, measure);
        if (made.start == nullptr) std::abort();
        mapping_ = made.start;
        bytes_ = made.bytes;
        layer_->layout(made.carver, made.region);
        if (!layer_->start(made.carver.tables())) std::abort();
    }
    // Of a layer that has released a part itself, the rest stays mapped: the
    // hole may hold another mapping by now.
    ~Fixture() {
        if (FakeSource::reserved == bytes_) FakeSource::source.release(mapping_, bytes_);
    }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    Layer& operator*() { return *layer_; }
    Layer* operator->() { return layer_.get(); }

  private:
    std::unique_ptr<Layer> layer_;
    void* mapping_;
    std::size_t bytes_;
};

#endif

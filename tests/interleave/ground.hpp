// What the scenarios stand on: a source of memory within the shared range, layers upon it, and a ledger of who holds what.
#ifndef ASHLAR_TESTS_INTERLEAVE_GROUND_HPP
#define ASHLAR_TESTS_INTERLEAVE_GROUND_HPP

#include <new>

#include "base/bits.hpp"
#include "base/config.hpp"
#include "region/region.hpp"
#include "scenario.hpp"

namespace interleave {

// Never gives memory back. A purge writes to the pages, as far as they are not zero already, so that a race with their user is
// found.
extern const ashlar::region::Source kSource;

// A layer with layout(carver, region), with `units` units to hand out.
template <class Layer>
Layer& lay(ashlar::base::UnitId units) {
    using ashlar::base::kUnitSize;
    ashlar::region::Region region{0, units + 1, &kSource};
    ashlar::region::Carver measure(0);
    std::make_unique<Layer>()->layout(measure, region);
    void* metadata = shared(measure.used(), kUnitSize);
    region.base = reinterpret_cast<std::uintptr_t>(shared((std::size_t{units} + 1) * kUnitSize, kUnitSize));
    auto& layer = shared_object<Layer>();
    ashlar::region::Carver carver(reinterpret_cast<std::uintptr_t>(metadata));
    layer.layout(carver, region);
    return layer;
}

// Who holds which bytes. Each holder writes to them when it gets them, and finds them unchanged when it gives them back, by
// plain accesses, whose order the memory model checks.
class Ledger {
  public:
    // What was taken in the set-up is held at the beginning of every run.
    void remember() { first_ = count_; }
    void begin();
    // `zero`: is said to read as zero.
    void take(void* block, std::size_t bytes, bool zero = false);
    // Of a block that somebody got by a hand-over.
    void give(void* block);
    [[nodiscard]] bool holds(const void* block) const;
    template <class F>
    void give_all(F f) {
        while (count_ > 0) {
            const Held last = held_[count_ - 1];
            give(last.block);
            f(last.block, last.bytes);
        }
    }
    [[nodiscard]] std::size_t count() const { return count_; }

  private:
    struct Held {
        void* block;
        std::size_t bytes;
        std::uint64_t tag;
    };
    static constexpr std::size_t kMost = 512;
    Held held_[kMost];
    Held kept_[kMost];
    std::size_t count_ = 0;
    std::size_t first_ = 0;
    bool begun_ = false;
    std::uint64_t tags_ = 0;
};

}  // namespace interleave

#endif

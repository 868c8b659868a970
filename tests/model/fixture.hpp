// What the scenarios work on: a source of memory within the shared range,
// layers over it, and a ledger of the holders.
#ifndef ASHLAR_TESTS_MODEL_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_FIXTURE_HPP

#include "base/config.hpp"
#include "core/region/region.hpp"
#include "scenario.hpp"

namespace interleave {

// A layer with layout(carver, region) and `units` units, on a reservation like
// that of a heap. Its tables begin at multiples of `grain`.
template <class Layer>
Layer& lay(ashlar::base::UnitId units, std::size_t grain = ashlar::base::kCacheLine) {
    using namespace ashlar::region;
    Carver measure(0, 0, 0, grain);
    std::make_unique<Layer>()->layout(measure, {0, units + 1, &kSystem, false});
    Reservation made = Reservation::make(kSystem, units, measure);
    require(made.start != nullptr, "the shared range is too small for this scenario");
    auto& layer = shared_object<Layer>();
    layer.layout(made.carver, made.region);
    if constexpr (requires { layer.start(made.carver.tables()); })
        require(layer.start(made.carver.tables()), "no units");
    return layer;
}

// The holder of each byte. A holder writes to its bytes when it gets them, and
// checks them when it gives them back. These are plain accesses, whose order
// the memory model checks.
class Ledger {
  public:
    // Blocks taken in the set-up are held at the beginning of every run.
    void remember() { first_ = count_; }
    void begin();
    // `zero`: the block is reported to read as zero.
    void take(void* block, std::size_t bytes, bool zero = false);
    // For a block that another thread handed over.
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

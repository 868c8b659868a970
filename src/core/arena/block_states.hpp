// A state for each block, outside the blocks, for heaps that check. Two frees
// of one block change the same entry, so that the second one is told, whatever
// threads they come from. An entry has 1 byte for blocks of up to 128 bytes and
// 4 bytes for larger ones and runs. Lock-free, any thread. The owner of the
// units clears entries; what a program does to a block changes its entry by
// one exchange.
//
//   entry   0         free, nothing is known about its bytes
//           all ones  free, its first bytes have the pattern
//           1 + n     live, n bytes of the block are beyond what was asked for
//
//   unit    | block 0 | block 1 | ...       kBytes for each unit
#ifndef ASHLAR_CORE_ARENA_BLOCK_STATES_HPP
#define ASHLAR_CORE_ARENA_BLOCK_STATES_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/size_class.hpp"
#include "core/spans/spans.hpp"

namespace ashlar::arena {

class BlockStates {
  public:
    static constexpr std::size_t kBytes = base::kUnitSize / base::kMinAlignment;
    using Narrow = base::Atomic<std::uint8_t>;
    using Wide = base::Atomic<std::uint32_t>;

    // Relaxed, all accesses to entries: the program's hand-over of a block, or
    // that of its bit, orders them. One word decides between two frees.
    void layout(region::Carver& carver, base::UnitId end) noexcept {
        bytes_ = carver.table<Narrow>(end, 0, kBytes, true);
    }
    // Whether the heap has them.
    [[nodiscard]] bool on() const noexcept { return bytes_ != nullptr; }

    static constexpr bool narrow(base::Bin c) noexcept { return c != 0 && c <= kNarrowClasses; }
    // Where the entry of a block lies: block `number` of a slab. Of a run:
    // number 0.
    [[nodiscard]] static constexpr std::size_t place(base::UnitId slab, base::Bin c,
                                                     std::uint32_t number) noexcept {
        return slab * kBytes + (narrow(c) ? number : number * sizeof(Wide));
    }
    [[nodiscard]] Narrow& narrow_at(std::size_t place) const noexcept { return bytes_[place]; }
    [[nodiscard]] Wide& wide_at(std::size_t place) const noexcept {
        return *reinterpret_cast<Wide*>(bytes_ + place);
    }
    // A run or a slab goes back to the spans, and other blocks may begin here.
    // Relaxed: the caller owns the units.
    void forget(base::UnitId unit) const noexcept { wide_at(unit * kBytes).store(0, base::rlx); }
    // The values of an entry.
    template <class T>
    static constexpr T filled = static_cast<T>(~T{0});
    template <class T>
    static constexpr bool is_live(T entry) noexcept {
        return entry != 0 && entry != filled<T>;
    }
    template <class T>
    static constexpr T live(std::size_t slack) noexcept {
        constexpr T kMost = filled<T> - 1;
        return slack < kMost ? static_cast<T>(slack + 1) : kMost;
    }
    // From live to filled (`slack` is kFree), or to live with another slack.
    // Returns the slack that the block had. kFree: it was not live, and nothing
    // has changed. So of two frees of one block only one succeeds.
    static constexpr std::size_t kFree = ~std::size_t{0};
    template <class T>
    [[nodiscard]] static std::size_t change(base::Atomic<T>& entry, std::size_t slack) noexcept {
        T before = entry.load(base::rlx);  // relaxed, both: one word decides
        const T to = slack == kFree ? filled<T> : live<T>(slack);
        if (!is_live(before) || !entry.cas(before, to, base::rlx, base::rlx)) [[unlikely]]
            return kFree;
        return before - 1U;
    }

    // Forgets blocks [from, to) of a slab, which are free.
    void clear(base::UnitId slab, base::Bin c, std::uint32_t from, std::uint32_t to) const noexcept;

  private:
    static constexpr base::Bin kNarrowClasses = 8;

    Narrow* bytes_;
};

}  // namespace ashlar::arena

#endif

// A state for each block, outside the blocks, for heaps that check. Two frees
// of one block change the same entry, so that the second one is told, whatever
// threads they come from. Each 16 bytes of a unit have a byte here, and the
// address of a block alone says where its entry begins. An entry has 1 byte for
// blocks of up to 128 bytes, 2 for larger ones, and 4 for runs. Lock-free, any
// thread. The owner of the units clears entries; what a program does to a block
// changes its entry by one compare-exchange. Bytes where no block begins are 0.
//
//   entry   0         free, nothing is known about its bytes
//           all ones  free, its first bytes have the pattern
//           1 + n     live, n bytes of the block are beyond what was asked for
#ifndef ASHLAR_CORE_ARENA_BLOCK_STATES_HPP
#define ASHLAR_CORE_ARENA_BLOCK_STATES_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/single_thread.hpp"
#include "base/size_class.hpp"
#include "core/spans/spans.hpp"

namespace ashlar::arena {

class BlockStates {
  public:
    static constexpr std::size_t kBytes = base::kUnitSize / base::kMinAlignment;
    using Narrow = base::Atomic<std::uint8_t>;
    using Half = base::Atomic<std::uint16_t>;
    using Wide = base::Atomic<std::uint32_t>;

    // Relaxed, all accesses to entries: the program's hand-over of a block, or
    // that of its bit, orders them. One word decides between two frees.
    void layout(region::Carver& carver, base::UnitId end) noexcept {
        bytes_ = carver.table<Narrow>(end, 0, kBytes, true);
    }
    // Whether the heap has them.
    [[nodiscard]] bool on() const noexcept { return bytes_ != nullptr; }

    static constexpr bool narrow(base::Bin c) noexcept { return c != 0 && c <= kNarrowClasses; }
    static constexpr bool half(base::Bin c) noexcept {
        return c > kNarrowClasses && c < base::kClasses;
    }
    // Blocks with entries of 2 bytes begin at multiples of so many bytes.
    static constexpr std::size_t kHalfAlignment = sizeof(Half) * base::kMinAlignment;

    // The entry of a block that begins at this offset in the region.
    [[nodiscard]] Narrow& narrow_at(std::uintptr_t offset) const noexcept {
        return bytes_[offset / base::kMinAlignment];
    }
    [[nodiscard]] Half& half_at(std::uintptr_t offset) const noexcept {
        return reinterpret_cast<Half&>(bytes_[offset / base::kMinAlignment]);
    }
    [[nodiscard]] Wide& wide_at(std::uintptr_t offset) const noexcept {
        return reinterpret_cast<Wide&>(bytes_[offset / base::kMinAlignment]);
    }
    // A run or a slab goes back to the spans, and other blocks may begin here.
    // Relaxed: the caller owns the units.
    void forget(base::UnitId unit, std::uint32_t units = 1) const noexcept {
        for (std::uint32_t i = 0; i < units; ++i)
            wide_at(std::uintptr_t{unit + i} << base::kUnitShift).store(0, base::rlx);
    }
    // The values of an entry.
    template <class T>
    static constexpr T filled = static_cast<T>(~T{0});
    template <class T>
    static constexpr bool is_live(T entry) noexcept {
        return entry != 0 && entry != filled<T>;
    }
    // `slack` is less than `filled` - 1.
    template <class T>
    static constexpr T live(std::size_t slack) noexcept {
        return static_cast<T>(slack + 1);
    }
    // From live to filled (`slack` is kFree), or to live with another slack.
    // Returns the slack that the block had. kFree: it was not live, and nothing
    // has changed. So of two frees of one block only one succeeds.
    static constexpr std::size_t kFree = ~std::size_t{0};
    template <class T>
    [[nodiscard, gnu::always_inline]] static inline std::size_t change(base::Atomic<T>& entry,
                                                                       std::size_t slack) noexcept {
        T before = entry.load(base::rlx);  // relaxed, both: one word decides
        const T to = slack == kFree ? filled<T> : live<T>(slack);
        if (!is_live(before) || !exchange(entry, before, to)) [[unlikely]]
            return kFree;
        return before - 1U;
    }

    // Forgets the blocks of a class that begin at offsets [from, to) in the
    // region. They are free.
    void clear(base::Bin c, std::uintptr_t from, std::uintptr_t to) const noexcept;

  private:
    static constexpr base::Bin kNarrowClasses = 8;

    // Without a lock prefix while there is one thread: a signal handler can't
    // come between either.
    template <class T>
    [[nodiscard, gnu::always_inline]] static inline bool exchange(base::Atomic<T>& entry, T& before,
                                                                  T to) noexcept {
        if (base::single_threaded()) return entry.cas_alone(before, to);
        return entry.cas(before, to, base::rlx, base::rlx);  // relaxed: see above
    }
    template <class Entry>
    void clear_entries(std::size_t from, std::size_t to) const noexcept;

    Narrow* bytes_;
};

}  // namespace ashlar::arena

#endif

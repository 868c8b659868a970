// The state of a unit is the truth about it. It names the run that the unit
// belongs to, and the thread that holds it, so that any survivor finds what a
// dead thread had in its hands.
//
//   63     60 59    43 42         21 20   9 8     3 2    0
//   |    0   | slack  | units, unit | slot | class | kind |
#ifndef ASHLAR_SHARED_SEGMENT_UNIT_STATE_HPP
#define ASHLAR_SHARED_SEGMENT_UNIT_STATE_HPP

#include <cstdint>

#include "base/bits.hpp"
#include "base/config.hpp"

namespace ashlar::shared {

using base::UnitId;
using base::Word;
using SlotId = std::uint32_t;  // 0: none

inline constexpr unsigned kUnitBits = 22;  // units of a segment: 256 GiB
inline constexpr unsigned kSlotBits = 12;
inline constexpr UnitId kMaxUnits = UnitId{1} << kUnitBits;
inline constexpr SlotId kMaxSlots = 2048;  // slot 0 is not used
static_assert(kMaxSlots <= 1U << kSlotBits);

enum class Kind : std::uint32_t {
    free = 0,    // any thread may claim it; its page may be missing in the file
    backed = 1,  // the same, and its pages are in the file
    held = 2,    // `slot` builds or takes apart a run of `units` that begins here
    inside = 3,  // belongs to the run that begins at `unit`
    owned = 4,   // a slab of `class` begins here; only `slot` clears its bits
    shared = 5,  // a slab of `class` begins here; any thread may claim it
    large = 6,   // a block of `units` units begins here, less `slack` bytes; `slot`
                 // is about to store its address, if it is not 0
};
// In the place of a slot: the large block is in doubt.
inline constexpr SlotId kInDoubt = (1U << kSlotBits) - 1;
static_assert(kInDoubt >= kMaxSlots);

struct UnitState {
    Word raw;

    static constexpr UnitState free(bool backed) noexcept {
        return make(backed ? Kind::backed : Kind::free, 0, 0, 0, 0);
    }
    // As free(true), and free since the last Runs::age().
    static constexpr UnitState aged() noexcept { return make(Kind::backed, 0, 0, 1, 0); }
    static constexpr UnitState held(SlotId slot, std::uint32_t units) noexcept {
        return make(Kind::held, 0, slot, units, 0);
    }
    static constexpr UnitState inside(UnitId start) noexcept {
        return make(Kind::inside, 0, 0, start, 0);
    }
    static constexpr UnitState owned(std::uint32_t size_class, SlotId slot) noexcept {
        return make(Kind::owned, size_class, slot, 0, 0);
    }
    static constexpr UnitState shared(std::uint32_t size_class) noexcept {
        return make(Kind::shared, size_class, 0, 0, 0);
    }
    static constexpr UnitState large(std::uint32_t units, std::uint32_t slack,
                                     SlotId pending = 0) noexcept {
        return make(Kind::large, 0, pending, units, slack);
    }

    [[nodiscard]] constexpr Kind kind() const noexcept { return static_cast<Kind>(raw & 7); }
    [[nodiscard]] constexpr std::uint32_t size_class() const noexcept { return field(3, 6); }
    [[nodiscard]] constexpr SlotId slot() const noexcept { return field(9, kSlotBits); }
    [[nodiscard]] constexpr std::uint32_t units() const noexcept { return field(21, kUnitBits); }
    [[nodiscard]] constexpr UnitId unit() const noexcept { return field(21, kUnitBits); }
    [[nodiscard]] constexpr std::uint32_t slack() const noexcept { return field(43, 17); }
    [[nodiscard]] constexpr bool is_free() const noexcept {
        return kind() == Kind::free || is_backed();
    }
    [[nodiscard]] constexpr bool is_backed() const noexcept { return kind() == Kind::backed; }
    [[nodiscard]] constexpr bool is_slab() const noexcept {
        return kind() == Kind::owned || kind() == Kind::shared;
    }
    constexpr bool operator==(const UnitState&) const noexcept = default;

  private:
    static constexpr UnitState make(Kind kind, std::uint32_t size_class, SlotId slot,
                                    std::uint32_t units, std::uint32_t slack) noexcept {
        return {static_cast<Word>(kind) | Word{size_class} << 3 | Word{slot} << 9 |
                Word{units} << 21 | Word{slack} << 43};
    }
    [[nodiscard]] constexpr std::uint32_t field(unsigned at, unsigned bits) const noexcept {
        return static_cast<std::uint32_t>(raw >> at & ((Word{1} << bits) - 1));
    }
};

}  // namespace ashlar::shared

#endif

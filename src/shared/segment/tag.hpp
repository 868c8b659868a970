// The tag of a block in a slab, outside the block. It decides between two frees
// of a block: only one changes a live tag. A tag that is not live names the
// slot that freed the block last, until the block is allocated again. Zero: the
// block was never allocated.
//
//   0x0001 ... 0x2fff   live, 1 + bytes that were not asked for
//   0x4000 | slot       live; the slot is about to store its address
//   0x5000 ... 0x7ffe   live and in doubt, 0x5000 + bytes that were not asked for
//   0x8000 | slot       freed by the slot
#ifndef ASHLAR_SHARED_SEGMENT_TAG_HPP
#define ASHLAR_SHARED_SEGMENT_TAG_HPP

#include <cstddef>
#include <cstdint>

#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

using Tag = std::uint16_t;

inline constexpr std::size_t kMostSlack = 0x2ffe;  // bytes of a block that a live tag can leave out
inline constexpr Tag kFirstPending = 0x4000;
inline constexpr Tag kFirstDoubt = 0x5000;
inline constexpr Tag kFirstFreed = 0x8000;
static_assert(kMaxSlots <= 1U << 12 && kFirstDoubt + kMostSlack < kFirstFreed);

constexpr Tag live_tag(std::size_t block_size, std::size_t asked) noexcept {
    return static_cast<Tag>(1 + block_size - asked);
}
constexpr Tag pending_tag(SlotId slot) noexcept { return static_cast<Tag>(kFirstPending | slot); }
constexpr Tag freed_tag(SlotId slot) noexcept { return static_cast<Tag>(kFirstFreed | slot); }
constexpr bool is_live(Tag tag) noexcept { return tag != 0 && tag < kFirstFreed; }
constexpr bool is_pending(Tag tag) noexcept { return tag >= kFirstPending && tag < kFirstDoubt; }
constexpr bool is_in_doubt(Tag tag) noexcept { return tag >= kFirstDoubt && tag < kFirstFreed; }
constexpr SlotId slot_of_pending(Tag tag) noexcept { return tag & 0xfffU; }
// Of a live tag that is not pending.
constexpr Tag doubt_of(Tag tag) noexcept {
    return is_in_doubt(tag) ? tag : static_cast<Tag>(tag - 1 + kFirstDoubt);
}
constexpr Tag settled(Tag tag) noexcept {
    return is_in_doubt(tag) ? static_cast<Tag>(tag - kFirstDoubt + 1) : tag;
}
// 0 for a tag that no block of this size has.
constexpr std::size_t asked_of(Tag tag, std::size_t block_size) noexcept {
    return settled(tag) <= block_size + 1 ? block_size + 1 - settled(tag) : 0;
}

}  // namespace ashlar::shared

#endif

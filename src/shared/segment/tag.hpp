// The tag of a block in a slab, outside the block. It decides who frees a block:
// of two frees only one changes a live tag. A tag that is not live names the
// slot that freed the block last, until the block is allocated again. Zero: the
// block was never allocated.
//
//   0x0001 ... 0x3fff   live, 1 + bytes that were not asked for
//   0x4000 | slot       live; the slot is about to store its address
//   0x8000 | slot       freed by the slot
#ifndef ASHLAR_SHARED_SEGMENT_TAG_HPP
#define ASHLAR_SHARED_SEGMENT_TAG_HPP

#include <cstddef>
#include <cstdint>

#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

using Tag = std::uint16_t;

inline constexpr std::size_t kMostSlack = 0x3ffe;  // bytes of a block that a live tag can leave out
constexpr Tag live_tag(std::size_t block_size, std::size_t asked) noexcept { return static_cast<Tag>(1 + block_size - asked); }
constexpr Tag pending_tag(SlotId slot) noexcept { return static_cast<Tag>(0x4000U | slot); }
constexpr Tag freed_tag(SlotId slot) noexcept { return static_cast<Tag>(0x8000U | slot); }
constexpr bool is_live(Tag tag) noexcept { return tag != 0 && tag < 0x8000; }
constexpr bool is_pending(Tag tag) noexcept { return tag >= 0x4000 && tag < 0x8000; }
constexpr SlotId slot_of_pending(Tag tag) noexcept { return tag & 0x3fffU; }
// Of a live tag that is not pending.
constexpr std::size_t asked_of(Tag tag, std::size_t block_size) noexcept { return block_size + 1 - tag; }

}  // namespace ashlar::shared

#endif

// The entry of a name, a block of the heap. It is linked into a bucket once,
// and neither unlinked nor freed. Its state names the thread that constructs or
// destroys the object, so that any survivor can undo a dead thread's work.
#ifndef ASHLAR_SHARED_NAMES_ENTRY_HPP
#define ASHLAR_SHARED_NAMES_ENTRY_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "shared/segment/unit_state.hpp"

namespace ashlar::shared {

enum class NameKind : std::uint32_t {
    absent = 0,
    constructing = 1,  // by `slot`, which alone frees the object's block
    ready = 2,
    destroying = 3,  // as constructing
};

// Each change counts, so that a state never returns.
//
//   63          14 13    2 1    0
//   |   changes   |  slot | kind |
struct NameState {
    Word raw;

    [[nodiscard]] constexpr NameKind kind() const noexcept {
        return static_cast<NameKind>(raw & 3);
    }
    [[nodiscard]] constexpr SlotId slot() const noexcept {
        return static_cast<SlotId>(raw >> 2 & ((Word{1} << kSlotBits) - 1));
    }
    [[nodiscard]] constexpr NameState next(NameKind kind, SlotId slot = 0) const noexcept {
        return {((raw >> 14) + 1) << 14 | Word{slot} << 2 | static_cast<Word>(kind)};
    }
    [[nodiscard]] constexpr bool is_held_by(SlotId slot) const noexcept {
        return (kind() == NameKind::constructing || kind() == NameKind::destroying) &&
               this->slot() == slot;
    }
    constexpr bool operator==(const NameState&) const noexcept = default;
};

struct Entry {
    base::Atomic<Word> next;   // offset; constant once the entry is linked
    base::Atomic<Word> state;  // NameState
    // Offset of the object's block, or 0; with size and type protected by
    // `state`.
    base::Atomic<Word> object;
    base::Atomic<Word> size;    // bytes of the object
    base::Atomic<Word> type;    // hash of the object's type
    base::Atomic<Word> hash;    // of the name; constant, as `length` and the name
    base::Atomic<Word> length;  // of the name, whose bytes follow
    [[nodiscard]] char* name() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] const char* name() const noexcept {
        return reinterpret_cast<const char*>(this + 1);
    }
};

}  // namespace ashlar::shared

#endif

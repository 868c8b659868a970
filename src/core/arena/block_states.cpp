#include "core/arena/block_states.hpp"

namespace ashlar::arena {

using base::rlx;
using base::Word;

static_assert([] {
    for (base::Bin c = 1; c < base::kClasses; ++c) {
        if (BlockStates::half(c) && base::kGeometry[c].size % BlockStates::kHalfAlignment != 0)
            return false;
    }
    return true;
}());

// Words of eight bytes where it can.
template <class Entry>
void BlockStates::clear_entries(std::size_t from, std::size_t to) const noexcept {
    // Relaxed, both: the caller owns the slab, and a second free finds 0 or a
    // free block.
    while (from < to) {
        if (from % sizeof(Word) == 0 && to - from >= sizeof(Word)) {
            reinterpret_cast<base::Atomic<Word>&>(bytes_[from]).store(0, rlx);
            from += sizeof(Word);
        } else {
            reinterpret_cast<Entry&>(bytes_[from]).store(0, rlx);
            from += sizeof(Entry);
        }
    }
}

void BlockStates::clear(base::Bin c, std::uintptr_t from, std::uintptr_t to) const noexcept {
    from /= base::kMinAlignment;
    to /= base::kMinAlignment;
    narrow(c) ? clear_entries<Narrow>(from, to) : clear_entries<Half>(from, to);
}

}  // namespace ashlar::arena

#include "depot/depot.hpp"

#include <cstring>

namespace ashlar::depot {

using base::acq;
using base::Atomic;
using base::Bin;
using base::bit;
using base::rel;
using base::rlx;
using base::Word;

void Depot::layout(region::Carver& carver) noexcept {
    for (Bin c = 1; c < base::kClasses; ++c) {
        class_[c].magazines = carver.array<Magazine>(magazines_of_class(c));
        class_[c].empty.store(base::mask(0, magazines_of_class(c)), rlx);  // relaxed: before the heap is published
    }
}

bool Depot::own(Atomic<Word>& set, unsigned& which) noexcept {
    Word seen = set.load(rlx);  // relaxed: a choice; the fetch_and decides
    while (seen != 0) {
        which = base::lowest(seen);
        // [E10] acquire, pairs with the release that put the bit there: the magazine as its last owner left it.
        const Word old = set.fetch_and(~bit(which), acq);
        if ((old & bit(which)) != 0) return true;
        seen = old;
    }
    return false;
}

bool Depot::give(Bin c, void* const* blocks, std::uint32_t n) noexcept {
    unsigned which;
    if (!own(class_[c].empty, which)) return false;
    Magazine& magazine = class_[c].magazines[which];
    magazine.count = n;
    std::memcpy(magazine.blocks, blocks, n * sizeof(void*));
    class_[c].full.fetch_or(bit(which), rel);  // [E10] release, pairs with own(): count, pointers, the blocks' bytes
    return true;
}

std::uint32_t Depot::take(Bin c, void** out) noexcept {
    unsigned which;
    if (!own(class_[c].full, which)) return 0;
    const Magazine& magazine = class_[c].magazines[which];
    const std::uint32_t n = magazine.count;
    std::memcpy(out, magazine.blocks, n * sizeof(void*));
    class_[c].empty.fetch_or(bit(which), rel);  // [E10] release, pairs with own(): we have read all of it
    return n;
}

void Depot::adopt_fork() noexcept {
    for (Bin c = 1; c < base::kClasses; ++c) {
        class_[c].empty.store(base::mask(0, magazines_of_class(c)) & ~class_[c].full.load(rlx), rlx);  // alone here
    }
}

}  // namespace ashlar::depot

#include "malloc/process/zero_blocks.hpp"

#include "base/bits.hpp"
#include "base/report.hpp"
#include "core/region/region.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::rlx;
using base::Word;

constinit ZeroBlocks zero_blocks{};

// Threads that find none reserve one each, and one of them is published.
std::uintptr_t ZeroBlocks::reserve() noexcept {
    constexpr std::size_t kAll = kBytes + kWords * sizeof(Word);
    void* const made = region::reserve_uncharged(kAll);
    if (made == nullptr) return base_.load(acq);  // [E66]
    const auto at = reinterpret_cast<std::uintptr_t>(made);
    std::uintptr_t found = 0;
    const bool open = region::kSystem.commit(words(at), kWords * sizeof(Word));
    // [E66] release, pairs with the loads: the words can be touched.
    if (open && base_.cas(found, at, acq_rel, acq)) return at;
    region::unmap(made, kAll);
    return found;
}

void* ZeroBlocks::take() noexcept {
    std::uintptr_t start = base_.load(acq);  // [E66]
    if (start == 0) start = reserve();
    if (start == 0) return nullptr;
    // Relaxed, all of it: a bit divides addresses without memory.
    const std::uint32_t first = next_.fetch_add(1, rlx);
    for (std::uint32_t i = 0; i < kWords; ++i) {
        const std::uint32_t number = (first + i) % kWords;
        base::Atomic<Word>& word = words(start)[number];
        for (Word seen = word.load(rlx); ~seen != 0;) {
            const std::uint32_t bit = base::lowest(~seen);
            if (!word.cas(seen, seen | base::bit(bit), rlx, rlx)) continue;
            return reinterpret_cast<void*>(start + (std::size_t{number} * 64 + bit) * kApart);
        }
    }
    return nullptr;
}

bool ZeroBlocks::is_live(const void* address) const noexcept {
    const std::uintptr_t start = base_.load(acq);  // [E66]
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(address) - start;
    if (start == 0 || at >= kBytes || at % kApart != 0) return false;
    // Relaxed: the caller holds the block.
    return (words(start)[at / kApart / 64].load(rlx) >> (at / kApart % 64) & 1) != 0;
}

void ZeroBlocks::give(void* block) noexcept {
    const std::uintptr_t start = base_.load(acq);  // [E66]
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(block) - start;
    if (at % kApart != 0) base::report_inside(block, 0);
    const Word bit = base::bit(at / kApart % 64);
    // Relaxed: of two frees of one block only one finds the bit.
    if ((words(start)[at / kApart / 64].fetch_and(~bit, rlx) & bit) == 0)
        base::report_double_free(block, 0);
}

}  // namespace ashlar::cache

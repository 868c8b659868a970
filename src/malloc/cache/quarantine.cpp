#include "malloc/cache/quarantine.hpp"

#include <sys/auxv.h>
#include <cstring>

#include "malloc/cache/quarantine_inline.hpp"

namespace ashlar::cache {

using base::Bin;

// From the random bytes that the system gives each program, and the random
// address of this object.
void Quarantine::seed() noexcept {
    std::uint64_t words[2] = {0, 0x9e3779b97f4a7c15U};
    const auto* bytes = reinterpret_cast<const void*>(getauxval(AT_RANDOM));
    if (bytes != nullptr) std::memcpy(words, bytes, sizeof words);
    random_ = (words[0] ^ (words[1] << 9 | words[1] >> 55)) +
              reinterpret_cast<std::uintptr_t>(this) * 0x9e3779b97f4a7c15U;
    if (random_ == 0) random_ = 1;
}

// Of the blocks of the bin only. A miss refills it.
std::size_t Cache::take_random_batch(Bin bin, void** out, std::size_t n) noexcept {
    std::size_t done = 0;
    for (; done < n; ++done) {
        void* block = pop_random(bin);
        if (block == nullptr) block = refill(bin).block;
        if (block == nullptr) break;
        out[done] = block;
    }
    return done;
}

void Cache::drain_quarantine() noexcept {
    if (quarantine == nullptr || quarantine->is_empty()) return;
    quarantine->drain([this](void* block) noexcept {
        const auto bin = static_cast<Bin>(heap->spans.pages().bin_within(block));
        if (base::is_run(bin)) return heap->give_closed_run(block);
        heap->leaves_quarantine(block, bin);
        heap->arena.give(bin, &block, 1);
    });
}

// As adopt().
void Cache::adopt_quarantine() noexcept {
    if (quarantine == nullptr) return;
    quarantine->drain([this](void* block) noexcept {
        const auto bin = static_cast<Bin>(heap->spans.pages().bin_within(block));
        if (!base::is_run(bin)) return heap->arena.adopt(bin, block);
        static_cast<void>(heap->give_large(reinterpret_cast<std::uintptr_t>(block), true));
    });
}

}  // namespace ashlar::cache

#include "malloc/cache/quarantine.hpp"

#include <sys/auxv.h>
#include <cstring>

#include "malloc/cache/cache.hpp"

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

// The newest block of the bin takes the place of the one that is taken. It
// leaves the top first, so that no block is ever in two slots.
void* Cache::pop_random(Bin bin) noexcept {
    if (quarantine == nullptr) return pop(bin);
    void** const at = bottom(bin);
    const auto n = static_cast<std::uint32_t>(top[bin] - at);
    if (n == 0) return nullptr;
    const std::uint32_t chosen = quarantine->random(n);
    void* const block = at[chosen];
    void* const newest = at[n - 1];
    top[bin] = at + n - 1;
    base::compiler_fence();
    if (chosen != n - 1) at[chosen] = newest;
    return block;
}

std::size_t Cache::leave_quarantine(void* block) noexcept {
    const auto bin = static_cast<Bin>(heap->spans.pages().bin_within(block));
    if (base::is_run(bin)) {
        heap->give_run(block);
    } else {
        heap->leaves_quarantine(block, bin);
        give(block, bin);
    }
    return weight_of_bin(bin);
}

void Cache::put_in_quarantine(void* block, Bin bin) noexcept {
    see_committed();
    quarantine->put(block, weight_of_bin(bin),
                    [this](void* leaving) noexcept { return leave_quarantine(leaving); });
}

void Cache::drain_quarantine() noexcept {
    if (quarantine == nullptr || quarantine->is_empty()) return;
    quarantine->drain([this](void* block) noexcept {
        const auto bin = static_cast<Bin>(heap->spans.pages().bin_within(block));
        if (base::is_run(bin)) return heap->give_run(block);
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
        static_cast<void>(heap->give_large(reinterpret_cast<std::uintptr_t>(block)));
    });
}

}  // namespace ashlar::cache

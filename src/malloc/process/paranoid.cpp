#include "malloc/process/paranoid.hpp"

namespace ashlar::cache {

using base::Bin;

void* take_paranoid(Cache& own, std::size_t size, void* (*slow)(std::size_t)) noexcept {
    const std::size_t more = checks::with_room(size);
    if (size == 0 || more > base::kMaxSmall) return slow(size);
    const Bin bin = base::bin_of_size(more);
    const OwnerScope scope(&own);
    void* block = scope.cache() == nullptr ? nullptr : own.pop_random(bin);
    if (block == nullptr) [[unlikely]]
        return slow(size);
    own.spend();
    static_cast<const Heap*>(own.heap)->checks.handed_out(block, bin, size, false);
    return block;
}

void give_paranoid(Cache& own, void* block, Bin bin, std::size_t size) noexcept {
    if (bin == 0 || base::is_run(bin)) return give_sized(block, size);
    Heap& heap = *static_cast<Heap*>(own.heap);
    if (!heap.checks.taken_back(block, bin, size)) heap.report(block);
    const OwnerScope scope(&own);
    if (scope.cache() == nullptr || own.quarantine == nullptr) return give_to(heap, block, bin);
    own.put_in_quarantine(block, bin);
}

void detain(Cache& own, void* block, Bin bin) noexcept {
    if (base::is_run(bin)) region::forbid(block, base::size_of_bin(bin));
    own.put_in_quarantine(block, bin);
}

}  // namespace ashlar::cache

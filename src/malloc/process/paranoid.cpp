#include "malloc/process/paranoid.hpp"

#include "malloc/cache/quarantine_inline.hpp"
#include "malloc/checks/checks_inline.hpp"

namespace ashlar::cache {

using base::Bin;

namespace {

struct CheckLeaving {
    [[gnu::always_inline]] void operator()(const void* block, Bin bin) const noexcept {
        checks::check_clear(block, kSizeOfBin[bin]);
    }
};

[[gnu::always_inline]] inline void* take_random(Cache& own, Bin bin, std::size_t size) noexcept {
    if (!own.enter_quickly()) [[unlikely]]
        return nullptr;
    void* const block = own.pop_random(bin);
    own.leave();
    if (block == nullptr) [[unlikely]]
        return nullptr;
    static_cast<const Heap*>(own.heap)->checks.handed_out_of_class<true>(block, bin, size);
    return --own.credit == 0 ? renew_after_hit(own, block) : block;
}

}  // namespace

void* take_paranoid(Cache& own, std::size_t size, void* (*slow)(std::size_t)) noexcept {
    const std::size_t more = size + checks::kRoom;
    if (size - 1 >= base::kMaxSmall - checks::kRoom) return slow(size);
    const Bin bin = more <= kMaxInline ? kBinOfSize[more] : kBinOfQuarters[(more + 255) / 256];
    void* const block = take_random(own, bin, size);
    return block != nullptr ? block : slow(size);
}

void* take_paranoid_aligned(Cache& own, Bin bin, std::size_t size) noexcept {
    return size == 0 ? nullptr : take_random(own, bin, size);
}

void give_paranoid(Cache& own, void* block, Bin bin, std::size_t size) noexcept {
    Heap& heap = *static_cast<Heap*>(own.heap);
    heap.checks.taken_back_of_class<true>(block, bin, size,
                                          [=, &own]() noexcept { refuse_block(own, block, bin); });
    if (own.quarantine == nullptr || !own.enter_quickly()) [[unlikely]]
        return give_to(heap, block, bin);
    own.put_in_quarantine(block, bin, CheckLeaving{});
    own.leave();
}

void detain(Cache& own, void* block, Bin bin) noexcept {
    if (base::is_run(bin)) own.heap->close_run(block, bin);
    own.see_committed();
    own.put_in_quarantine(block, bin, CheckLeaving{});
}

}  // namespace ashlar::cache

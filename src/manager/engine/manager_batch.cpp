// Many blocks at once: what a call costs beside its blocks is paid once for up
// to kBatch of them.
#include <algorithm>

#include "manager/engine/manager_inline.hpp"
#include "manager/ranges/range_allocator_inline.hpp"

namespace ashlar::manager {

namespace {

// Blocks in one hold of the lock, of a shard, or of the gate.
constexpr std::size_t kBatch = 64;

template <class T>
std::span<T> piece(std::span<T> all) noexcept {
    return all.first(std::min(all.size(), kBatch));
}

}  // namespace

Status Manager::allocate_batch(Size size, Size alignment, std::span<Offset> out,
                               std::size_t& count) {
    count = 0;
    const Status shaped = shape(size, alignment);
    if (shaped == Status::bad_alignment || out.empty())
        return shaped == Status::bad_alignment ? shaped : Status::ok;
    if (shaped != Status::ok) return refused(shaped);
    const Class c = small_.class_of(size, alignment);
    try {
        for (Offset at = 0; count < out.size() && at != kNoOffset;) {
            const std::span<Offset> part = piece(out.subspan(count));
            const std::size_t got =
                c != 0 ? take_small_batch(size, c, part) : take_large_batch(size, alignment, part);
            count += got;
            if (got == part.size()) continue;
            at = allocate_slowly(size, alignment, c);
            if (at != kNoOffset) out[count++] = at;
        }
    } catch (...) {
        static_cast<void>(deallocate_batch(out.first(count)));
        count = 0;
        throw;
    }
    for (std::size_t i = 0; i < count && has_extras(); ++i) finish(out[i], size);
    return count == out.size() ? Status::ok : Status::no_room;
}

std::size_t Manager::take_small_batch(Size size, Class c, std::span<Offset> out) noexcept {
    return small_.take_batch(thread_number(), c, size, out);
}

std::size_t Manager::take_large_batch(Size size, Size alignment, std::span<Offset> out) noexcept {
    const Guard guard(lock_);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const RangeId block =
            within_budget(size) ? allocator_.take_inline(size, alignment) : no_range;
        if (block == no_range) return i;
        collector_.allocated(block);
        out[i] = allocator_[block].start;
    }
    return out.size();
}

// The blocks of a piece are all small, or all large, more often than not. What
// neither function frees is left to deallocate().
std::size_t Manager::deallocate_batch(std::span<const Offset> offsets) noexcept {
    std::size_t done = 0;
    while (done < offsets.size()) {
        const std::span<const Offset> part = piece(offsets.subspan(done));
        std::size_t freed = give_small_batch(part);
        if (freed == 0) freed = give_large_batch(part);
        if (freed == 0 && deallocate(part[0]) != Status::ok) break;
        done += std::max<std::size_t>(freed, 1);
        if (lock_.wanted()) lock_.let_others_in();
    }
    return done;
}

std::size_t Manager::give_small_batch(std::span<const Offset> offsets) noexcept {
    if (!has_small()) return 0;
    const CycleGate::MutatorScope pass(collector_.gate());
    if (pass.cycle() || annotations_.small().any()) return 0;
    bool last = false;
    const std::size_t freed = small_.give_batch(thread_number(), offsets, last);
    if (last) reclaim(false);
    return freed;
}

std::size_t Manager::give_large_batch(std::span<const Offset> offsets) noexcept {
    const Guard guard(lock_);
    if (collector_.marking()) return 0;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        RangeId* const link = link_of_user(offsets[i]);
        if (link == nullptr) return i;
        if ((allocator_[*link].state & ranges::kNamed) != 0) [[unlikely]]
            annotations_.erase(offsets[i]);
        allocator_.give_inline(link);
    }
    return offsets.size();
}

}  // namespace ashlar::manager

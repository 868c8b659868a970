// The short functions of Manager, for the files that call them: what most calls
// of a user need is inlined into the members of MemoryManager.
#ifndef ASHLAR_MANAGER_ENGINE_MANAGER_INLINE_HPP
#define ASHLAR_MANAGER_ENGINE_MANAGER_INLINE_HPP

#include "manager/engine/manager.hpp"
#include "manager/slabs/small_inline.hpp"

namespace ashlar::manager {

[[gnu::always_inline]] inline Offset Manager::allocate_alone(Size size, Size alignment) noexcept {
    if (!small_.alone() || has_extras() || shape(size, alignment) != Status::ok) return kNoOffset;
    const Class c = small_.shape().known_class_of(size, alignment);
    return c != 0 ? small_.take_alone(c, size) : kNoOffset;
}

[[gnu::always_inline]] inline bool Manager::deallocate_alone(Offset offset) noexcept {
    return small_.alone() && !small_.watched() && !annotations_.small().any() &&
           small_.give_alone(offset);
}

[[gnu::always_inline]] inline Status Manager::allocate_plain(Size size, Size alignment,
                                                             Offset& at) {
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) [[unlikely]]
        return refused(shaped);
    const Class c = small_.class_of(size, alignment);
    at = c != 0 ? allocate_small(size, alignment, c) : allocate_large(size, alignment);
    return at == kNoOffset ? Status::no_room : Status::ok;
}

[[gnu::always_inline]] inline Status Manager::allocate(Size size, Size alignment, Offset& at) {
    if (has_extras()) [[unlikely]]
        return allocate_with_extras(size, alignment, at);
    return allocate_plain(size, alignment, at);
}

inline RangeId Manager::block_at(Offset offset) const noexcept {
    const RangeId block = allocator_.at(offset);
    return block != no_range && (allocator_[block].state & ranges::kSlab) == 0 ? block : no_range;
}

inline RangeId* Manager::link_of_user(Offset offset) noexcept {
    RangeId* const link = allocator_.link_to(offset);
    const bool theirs = *link != no_range && (allocator_[*link].state & kNotTheUsers) == 0;
    return theirs ? link : nullptr;
}

[[gnu::always_inline]] inline Status Manager::deallocate(Offset offset) noexcept {
    if (!has_small()) return deallocate_large(offset);
    {
        const CycleGate::MutatorScope pass(collector_.gate());
        if (pass.cycle()) [[unlikely]]
            return deallocate_in_cycle(offset);
        if (annotations_.small().any()) [[unlikely]]
            erase_small_annotation(offset);
        const Small::Given given = small_.give(thread_number(), offset);
        if (given == Small::Given::given) [[likely]]
            return Status::ok;
        if (given == Small::Given::not_live) [[unlikely]]
            return Status::bad_offset;
        if (given == Small::Given::given_last) {
            reclaim(false);
            return Status::ok;
        }
    }
    return deallocate_large(offset);
}

}  // namespace ashlar::manager

#endif

// Blocks that the collector keeps, and takes for roots.
#include "manager/engine/manager.hpp"

namespace ashlar::manager {

// No cycle may see the block before it is a root: the gate keeps one from
// beginning, and the lock keeps one that runs from going on.
Status Manager::allocate_root(Size size, Size alignment, Offset& at) {
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) return refused(shaped);
    const Class c = small_.class_of(size, alignment);
    if (c != 0) {
        const CycleGate::MutatorScope pass(collector_.gate());
        at = pass.cycle() ? kNoOffset : small_.take(thread_number(), c, size);
        if (at != kNoOffset) {
            small_.make_root(at);
            count_allocation();
            if (wipes()) wipe_now(at, size);
            return Status::ok;
        }
    }
    const auto take = [&] {
        if (c != 0) {
            SlabSource source{*this};
            at = small_.take_locked(thread_number(), c, size, source);
            if (at != kNoOffset) {
                small_.make_root(at);
                return true;
            }
        }
        const RangeId block = within_budget(size) ? allocator_.take(size, alignment) : no_range;
        if (block == no_range) {
            at = c != 0 ? small_.take_larger(thread_number(), c, size, alignment) : kNoOffset;
            if (at != kNoOffset) small_.make_root(at);
            return at != kNoOffset;
        }
        collector_.allocated(block);
        allocator_[block].state |= ranges::kRoot;
        at = allocator_[block].start;
        return true;
    };
    if (!locked(take) && !take_again(size, alignment, take)) return Status::no_room;
    if (has_extras()) finish(at, size);
    return Status::ok;
}

}  // namespace ashlar::manager

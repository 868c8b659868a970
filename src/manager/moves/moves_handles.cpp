// Single movable blocks: their offset, their pins, their end.
#include "manager/moves/moves.hpp"

namespace ashlar::manager {

Status Moves::resolve(Handle handle, Offset& at) const noexcept {
    const Guard guard(*lock_);
    const Handles::Place* place = handles_.find(handle);
    if (place == nullptr) return Status::bad_handle;
    at = (*allocator_)[place->range].start;
    return Status::ok;
}

Status Moves::pin(Handle handle, Offset& at) noexcept {
    const Guard guard(*lock_);
    Handles::Place* place = handles_.find(handle);
    if (place == nullptr) return Status::bad_handle;
    ++place->pins;
    place->spoiled = place->target != no_range;
    at = (*allocator_)[place->range].start;
    return Status::ok;
}

Status Moves::unpin(Handle handle) noexcept {
    const Guard guard(*lock_);
    Handles::Place* place = handles_.find(handle);
    if (place == nullptr || place->pins == 0) return Status::bad_handle;
    --place->pins;
    return Status::ok;
}

Moves::Known Moves::known(Handle handle) const noexcept {
    const Guard guard(*lock_);
    const Handles::Place* place = handles_.find(handle);
    if (place == nullptr) {
        return {handles_.was_given(handle) ? Known::Kind::freed : Known::Kind::never,
                0,
                0,
                0,
                false,
                0};
    }
    const Range& range = (*allocator_)[place->range];
    const bool in_pass = place->target != no_range;
    return {Known::Kind::live, range.start, range.asked,
            place->pins,       in_pass,     in_pass ? (*allocator_)[place->target].start : 0};
}

void Moves::continue_in_child() noexcept {
    if (state_->pass != Pass::busy) return;
    DefragmentationStatistics none{};
    settle_rest(none);
    const Guard guard(*lock_);
    state_->pass = Pass::none;
}

Status Moves::deallocate(Handle handle) noexcept {
    for (Collector::Leaving so_far;; let_others_in()) {
        const Guard guard(*lock_);
        Handles::Place* place = handles_.find(handle);
        if (place == nullptr) return Status::bad_handle;
        if (place->pins != 0 || place->target != no_range) return Status::pinned;
        const Range& range = (*allocator_)[place->range];
        if (!collector_->leaving(range.start, range.asked, so_far)) continue;
        release(*place);
        return Status::ok;
    }
}

}  // namespace ashlar::manager

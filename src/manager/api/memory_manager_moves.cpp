// The members of MemoryManager that are about movable blocks.
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager.hpp"

namespace ashlar {

namespace {

[[noreturn]] void refuse_pass(const char* member) {
    throw Pinned(std::string(member) + ": a pass of defragmentation has begun and not ended");
}

}  // namespace

std::optional<Handle> MemoryManager::allocate_movable(Size size, Size alignment) {
    Handle handle;
    const Status status = manager_->allocate_movable(size, alignment, handle);
    if (status == Status::bad_alignment)
        manager_->refuse_alignment("allocate_movable", size, alignment);
    return status == Status::ok ? std::optional(handle) : std::nullopt;
}

void MemoryManager::deallocate(Handle handle) {
    const Status status = manager_->moves().deallocate(handle);
    if (status != Status::ok) manager_->refuse(status, "deallocate", handle);
}

Offset MemoryManager::resolve(Handle handle) const {
    Offset at = 0;
    const Status status = manager_->moves().resolve(handle, at);
    if (status != Status::ok) manager_->refuse(status, "resolve", handle);
    return at;
}

std::optional<Handle> MemoryManager::handle_of(Offset offset) const noexcept {
    return manager_->moves().handle_at(offset);
}

Offset MemoryManager::pin(Handle handle) {
    Offset at = 0;
    const Status status = manager_->moves().pin(handle, at);
    if (status != Status::ok) manager_->refuse(status, "pin", handle);
    return at;
}

void MemoryManager::unpin(Handle handle) {
    const Status status = manager_->moves().unpin(handle);
    if (status != Status::ok) manager_->refuse(status, "unpin", handle);
}

Status MemoryManager::try_allocate_movable(Size size, Size alignment, Handle& handle) noexcept {
    return manager_->allocate_movable(size, alignment, handle);
}
Status MemoryManager::try_deallocate(Handle handle) noexcept {
    return manager_->moves().deallocate(handle);
}
Status MemoryManager::try_resolve(Handle handle, Offset& offset) const noexcept {
    return manager_->moves().resolve(handle, offset);
}
Status MemoryManager::try_pin(Handle handle, Offset& offset) noexcept {
    return manager_->moves().pin(handle, offset);
}
Status MemoryManager::try_unpin(Handle handle) noexcept { return manager_->moves().unpin(handle); }

DefragmentationStatistics MemoryManager::defragment(PassLimits limits) {
    DefragmentationStatistics done{};
    if (manager_->moves().defragment(limits, done) != Status::ok) refuse_pass("defragment");
    return done;
}

std::vector<Move> MemoryManager::begin_pass(PassLimits limits) {
    std::vector<Move> moves;
    if (manager_->moves().begin_pass(limits, moves) != Status::ok) refuse_pass("begin_pass");
    return moves;
}

DefragmentationStatistics MemoryManager::end_pass(std::span<const Move> moves) {
    DefragmentationStatistics done{};
    std::size_t wrong = 0;
    const Status status = manager_->moves().end_pass(moves, done, wrong);
    if (status == Status::pinned) refuse_pass("end_pass");
    if (status != Status::ok) manager_->refuse_move(moves[wrong]);
    return done;
}

}  // namespace ashlar

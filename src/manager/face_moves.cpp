// The members of MemoryManager that are about movable blocks.
#include <ashlar/memory_manager.hpp>

#include <string>

#include "manager/manager.hpp"

namespace ashlar {

namespace {

[[noreturn]] void refuse(Status status, const char* member, Handle handle) {
    const std::string name = std::string(member) + ": handle " + std::to_string(handle.value);
    if (status == Status::pinned) throw Pinned(name + " is of a block that is pinned, or in a pass of defragmentation");
    throw BadHandle(name + " is not that of a live movable block");
}

[[noreturn]] void refuse_pass(const char* member) {
    throw Pinned(std::string(member) + ": a pass of defragmentation has begun and not ended");
}

}  // namespace

std::optional<Handle> MemoryManager::allocate_movable(Size size, Size alignment) {
    Handle handle;
    const Status status = manager_->allocate_movable(size, alignment, handle);
    if (status == Status::bad_alignment) manager_->refuse_alignment("allocate_movable", size, alignment);
    return status == Status::ok ? std::optional(handle) : std::nullopt;
}

void MemoryManager::deallocate(Handle handle) {
    const Status status = manager_->moves().deallocate(handle);
    if (status != Status::ok) refuse(status, "deallocate", handle);
}

Offset MemoryManager::resolve(Handle handle) const {
    Offset at = 0;
    const Status status = manager_->moves().resolve(handle, at);
    if (status != Status::ok) refuse(status, "resolve", handle);
    return at;
}

Offset MemoryManager::pin(Handle handle) {
    Offset at = 0;
    const Status status = manager_->moves().pin(handle, at);
    if (status != Status::ok) refuse(status, "pin", handle);
    return at;
}

void MemoryManager::unpin(Handle handle) {
    const Status status = manager_->moves().unpin(handle);
    if (status == Status::ok) return;
    throw BadHandle("unpin: handle " + std::to_string(handle.value) + " is not that of a pinned movable block");
}

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
    const Status status = manager_->moves().end_pass(moves, done);
    if (status == Status::pinned) refuse_pass("end_pass");
    if (status != Status::ok) throw BadHandle("end_pass: a move that is not one of this pass, or comes twice");
    return done;
}

}  // namespace ashlar

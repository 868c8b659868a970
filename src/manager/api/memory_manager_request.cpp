// The members of MemoryManager that take a BlockRequest.
#include <ashlar/manager_request.hpp>
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager_inline.hpp"

namespace ashlar {

std::optional<Block> MemoryManager::allocate(const BlockRequest& request) {
    Block block;
    const Status status = try_allocate(request, block);
    if (status == Status::bad_alignment)
        manager_->refuse_alignment("allocate", request.size, request.alignment);
    return status == Status::ok ? std::optional(block) : std::nullopt;
}

Status MemoryManager::try_allocate(const BlockRequest& request, Block& block) {
    return manager_->allocate(request, block);
}

}  // namespace ashlar

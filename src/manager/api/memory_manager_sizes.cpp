// The members of MemoryManager that change the size of blocks.
#include <ashlar/memory_manager.hpp>

#include "manager/engine/manager.hpp"

namespace ashlar {

manager::Manager& ManagerSizes::inner() noexcept { return *static_cast<MemoryManager&>(*this).manager_; }

std::optional<Offset> ManagerSizes::reallocate(Offset offset, Size size, Size alignment) {
    Offset at = offset;
    const Status status = inner().reallocate(at, size, alignment);
    if (status == Status::bad_alignment) inner().refuse_alignment("reallocate", size, alignment);
    if (status == Status::bad_offset) inner().refuse(status, "reallocate", offset, size);
    return status == Status::ok ? std::optional(at) : std::nullopt;
}

bool ManagerSizes::resize(Handle handle, Size size) {
    const Status status = inner().resize(handle, size);
    if (status == Status::ok || status == Status::no_room) return status == Status::ok;
    inner().refuse(status, "resize", handle);
}

Status ManagerSizes::try_reallocate(Offset offset, Size size, Size alignment, Offset& result) noexcept {
    result = offset;
    return inner().reallocate(result, size, alignment);
}
Status ManagerSizes::try_resize(Handle handle, Size size) noexcept { return inner().resize(handle, size); }

}  // namespace ashlar

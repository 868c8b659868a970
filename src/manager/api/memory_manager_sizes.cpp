// The members of MemoryManager that change the size of blocks and of the
// buffer, and those for many blocks.
#include <ashlar/memory_manager.hpp>
#include <string>

#include "manager/engine/manager.hpp"

namespace ashlar {

manager::Manager& ManagerSizes::inner() noexcept {
    return *static_cast<MemoryManager&>(*this).manager_;
}

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

std::size_t ManagerSizes::allocate_batch(Size size, Size alignment, std::span<Offset> out) {
    std::size_t count = 0;
    const Status status = inner().allocate_batch(size, alignment, out, count);
    if (status == Status::bad_alignment)
        inner().refuse_alignment("allocate_batch", size, alignment);
    return count;
}

void ManagerSizes::deallocate_batch(std::span<const Offset> offsets) {
    const std::size_t count = inner().deallocate_batch(offsets);
    if (count == offsets.size()) return;
    const std::string member = "deallocate_batch: number " + std::to_string(count);
    inner().refuse(Status::bad_offset, member.c_str(), offsets[count], 0);
}

void ManagerSizes::set_limit(Size limit) {
    if (inner().set_limit(limit) != Status::ok) inner().refuse_limit(limit);
}

bool ManagerSizes::grow(Size bytes) { return inner().extend(bytes) == Status::ok; }

Status ManagerSizes::try_reallocate(Offset offset, Size size, Size alignment,
                                    Offset& result) noexcept {
    result = offset;
    return inner().reallocate(result, size, alignment);
}
Status ManagerSizes::try_resize(Handle handle, Size size) noexcept {
    return inner().resize(handle, size);
}
Status ManagerSizes::try_allocate_batch(Size size, Size alignment, std::span<Offset> out,
                                        std::size_t& count) noexcept {
    return inner().allocate_batch(size, alignment, out, count);
}
Status ManagerSizes::try_deallocate_batch(std::span<const Offset> offsets,
                                          std::size_t& count) noexcept {
    count = inner().deallocate_batch(offsets);
    return count == offsets.size() ? Status::ok : Status::bad_offset;
}
Status ManagerSizes::try_set_limit(Size limit) noexcept { return inner().set_limit(limit); }
Status ManagerSizes::try_grow(Size bytes) noexcept { return inner().extend(bytes); }

}  // namespace ashlar

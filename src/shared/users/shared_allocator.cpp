// What SharedAllocator needs beside its header, which knows Boost.
#include <ashlar/shared_heap.hpp>

#include "shared/api/mapping.hpp"
#include "shared/api/mappings.hpp"
#include "shared/api/misuse.hpp"

namespace ashlar::detail {

using shared::Fault;
using shared::Mapping;
using shared::mappings;
using shared::Offset;
using shared::Owner;

// Declared in shared_allocator.hpp.
[[nodiscard]] ASHLAR_API void* shared_start(const SharedHeap& heap) noexcept;
[[nodiscard]] ASHLAR_API void* shared_allocate(const void* inside, std::size_t size,
                                               std::size_t alignment) noexcept;
ASHLAR_API void shared_deallocate(void* block) noexcept;

void* shared_start(const SharedHeap& heap) noexcept {
    return reinterpret_cast<void*>(heap.mapping()->view().start());
}

void* shared_allocate(const void* inside, std::size_t size, std::size_t alignment) noexcept {
    Mapping* const mapping = mappings.at(reinterpret_cast<std::uintptr_t>(inside));
    if (mapping == nullptr || alignment > base::kUnitSize) return nullptr;
    const Owner me = mapping->enter();
    if (me.id == 0) return nullptr;
    Offset block = mapping->blocks().allocate(me, size, alignment);
    // Memory of dead threads may be enough.
    if (block == 0 && mapping->recover(me) != 0)
        block = mapping->blocks().allocate(me, size, alignment);
    return block == 0 ? nullptr : reinterpret_cast<void*>(mapping->view().start() + block);
}

void shared_deallocate(void* block) noexcept {
    if (block == nullptr) return;
    const auto at = reinterpret_cast<std::uintptr_t>(block);
    Mapping* const mapping = mappings.at(at);
    if (mapping == nullptr) shared::report_closed("free", block);
    const Owner me = mapping->enter();
    if (me.id == 0) return;
    const Offset offset = at - mapping->view().start();
    const Fault fault = mapping->blocks().deallocate(me, offset);
    if (fault != Fault::none) report_misuse(*mapping, "free", offset, fault);
}

}  // namespace ashlar::detail

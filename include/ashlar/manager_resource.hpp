/// \file
/// ashlar::ManagerResource: a std::pmr::memory_resource over a MemoryManager.
/// Containers then live in the manager's buffer.
#ifndef ASHLAR_MANAGER_RESOURCE_HPP
#define ASHLAR_MANAGER_RESOURCE_HPP

#include <ashlar/detail/fallbacks.hpp>
#include <ashlar/memory_manager.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace ashlar {

/// Serves polymorphic containers from a MemoryManager. The manager must have
/// memory and outlive the resource, which follows it where it is moved. Direct
/// use of the manager may go on beside it. The blocks are those of
/// MemoryManager::allocate_root(): no collector frees them, and what they refer
/// to by offsets stored in them is kept.
///
/// allocate() throws std::bad_alloc if nothing fits or the manager has no
/// memory, BadAlignment if the alignment is not a power of two. deallocate()
/// throws BadOffset for a pointer to no live block. With -fno-exceptions in the
/// program, std::bad_alloc becomes an abort. Two resources are equal if they
/// share a manager; with -fno-rtti, each equals only itself.
///
/// Thread-safe if the manager is: with Threads::many. Complexity as that of
/// MemoryManager::allocate() and MemoryManager::offset_of().
class ManagerResource final : public std::pmr::memory_resource {
  public:
    /// Creates a resource over `manager`. O(1).
    explicit ManagerResource(MemoryManager& manager) noexcept
        : manager_(&manager), inner_(manager.manager_.get()) {}
    /// Returns the manager, also if it has been moved since. O(1).
    [[nodiscard]] MemoryManager& manager() const noexcept {
        MemoryManager* const holder = MemoryManager::holder(*inner_);
        return holder != nullptr ? *holder : *manager_;
    }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        // Offsets are aligned. Addresses are aligned only if the buffer is.
        void* block = take(bytes, alignment);
        if (is_aligned(block, alignment)) return block;
        manager().deallocate(start_of(block));
        block = take(bytes + alignment - 1, alignment);
        return static_cast<std::byte*>(block) + skew(block, alignment);
    }
    void do_deallocate(void* block, std::size_t, std::size_t alignment) override {
        manager().deallocate(start_of(static_cast<std::byte*>(block) - skew(block, alignment)));
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const ManagerResource* resource = detail::same_class(this, other);
        return resource != nullptr && &resource->manager() == &manager();
    }

    void* take(std::size_t bytes, std::size_t alignment) {
        const auto offset = manager().allocate_root(bytes, alignment);
        if (!offset) detail::throw_or_abort<std::bad_alloc>();
        std::byte* block = manager().data(*offset);
        if (block != nullptr) return block;
        manager().deallocate(*offset);
        detail::throw_or_abort<std::bad_alloc>();
    }
    // max_buffer for an address outside the buffer: no block begins there.
    [[nodiscard]] Offset start_of(const void* block) const noexcept {
        return manager().offset_of(block).value_or(max_buffer);
    }
    // Bytes from an aligned offset up to the next aligned address. The same
    // throughout one part of the buffer.
    [[nodiscard]] std::size_t skew(const void* inside, std::size_t alignment) const noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(inside);
        return static_cast<std::size_t>(start_of(inside) - address) & (alignment - 1);
    }
    static bool is_aligned(const void* block, std::size_t alignment) noexcept {
        return (reinterpret_cast<std::uintptr_t>(block) & (alignment - 1)) == 0;
    }

    MemoryManager* manager_;  // as it was when the resource was made
    manager::Manager* inner_;
};

}  // namespace ashlar

#endif

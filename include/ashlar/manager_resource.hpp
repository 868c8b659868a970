// ashlar::ManagerResource: a std::pmr::memory_resource over a MemoryManager, so that containers live in its buffer.
#ifndef ASHLAR_MANAGER_RESOURCE_HPP
#define ASHLAR_MANAGER_RESOURCE_HPP

#include <ashlar/memory_manager.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace ashlar {

/// Thread-safe if the manager is (Threads::many). The manager must have memory and outlive the resource; it may be used
/// directly beside it. Two resources are equal when they share a manager. Throws std::bad_alloc when nothing fits. What a
/// container gives back wrongly ends as the manager's misuse does: in BadOffset.
class ManagerResource final : public std::pmr::memory_resource {
  public:
    explicit ManagerResource(MemoryManager& manager) noexcept : manager_(&manager) {}
    [[nodiscard]] MemoryManager& manager() const noexcept { return *manager_; }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        // Offsets are aligned; addresses are only where the buffer itself begins at such an address.
        void* block = take(bytes, alignment);
        if (is_aligned(block, alignment)) return block;
        manager_->deallocate(start_of(block));
        block = take(bytes + alignment - 1, alignment);
        return static_cast<std::byte*>(block) + skew(block, alignment);
    }
    void do_deallocate(void* block, std::size_t, std::size_t alignment) override {
        manager_->deallocate(start_of(static_cast<std::byte*>(block) - skew(block, alignment)));
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const auto* same_kind = dynamic_cast<const ManagerResource*>(&other);
        return same_kind != nullptr && same_kind->manager_ == manager_;
    }

    void* take(std::size_t bytes, std::size_t alignment) {
        const auto offset = manager_->allocate(bytes, alignment);
        if (!offset) throw std::bad_alloc();
        std::byte* block = manager_->data(*offset);
        if (block != nullptr) return block;
        manager_->deallocate(*offset);
        throw std::bad_alloc();
    }
    // An address outside the buffer is no block either; no block begins at max_buffer.
    [[nodiscard]] Offset start_of(const void* block) const noexcept { return manager_->offset_of(block).value_or(max_buffer); }
    // From a multiple of `alignment` as an offset to the next as an address: the same all over a part of the buffer.
    [[nodiscard]] std::size_t skew(const void* inside, std::size_t alignment) const noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(inside);
        return static_cast<std::size_t>(start_of(inside) - address) & (alignment - 1);
    }
    static bool is_aligned(const void* block, std::size_t alignment) noexcept {
        return (reinterpret_cast<std::uintptr_t>(block) & (alignment - 1)) == 0;
    }

    MemoryManager* manager_;
};

}  // namespace ashlar

#endif

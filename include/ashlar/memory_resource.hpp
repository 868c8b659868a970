// ashlar::MemoryResource: a std::pmr::memory_resource over a Heap.
#ifndef ASHLAR_MEMORY_RESOURCE_HPP
#define ASHLAR_MEMORY_RESOURCE_HPP

#include <cstddef>
#include <memory_resource>
#include <new>

#include <ashlar/heap.hpp>

namespace ashlar {

/// Thread-safe, unlike std::pmr::unsynchronized_pool_resource, and without the mutex of synchronized_pool_resource. The heap
/// must outlive the resource. Two resources are equal when they share a heap. Throws std::bad_alloc when there is no memory.
class MemoryResource final : public std::pmr::memory_resource {
  public:
    explicit MemoryResource(Heap& heap = Heap::process()) noexcept : heap_(&heap) {}
    [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        void* block = heap_->allocate(bytes, alignment);
        if (block == nullptr) throw std::bad_alloc();
        return block;
    }
    void do_deallocate(void* block, std::size_t, std::size_t) override { heap_->deallocate(block); }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        const auto* same_kind = dynamic_cast<const MemoryResource*>(&other);
        return same_kind != nullptr && same_kind->heap_ == heap_;
    }

    Heap* heap_;
};

}  // namespace ashlar

#endif

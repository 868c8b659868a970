// Finds a free block in the lists of a heap: the caches of threads, the shared
// caches, and the depot. Reads them where they are. One thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_FREE_LISTS_HPP
#define ASHLAR_MALLOC_INSPECT_FREE_LISTS_HPP

#include "malloc/inspect/heap_reader.hpp"

namespace ashlar::inspect {

class FreeLists {
  public:
    enum class Place { none, thread, shared, depot };

    // Both must stay valid.
    FreeLists(const Memory& memory, const inspect::HeapLayout& layout) noexcept
        : memory_(memory), layout_(layout) {}

    [[nodiscard]] Place find(base::Bin bin, std::uint64_t block) const noexcept;

  private:
    [[nodiscard]] bool in_cache(std::uint64_t cache, base::Bin bin,
                                std::uint64_t block) const noexcept;
    [[nodiscard]] bool in_depot(base::Bin bin, std::uint64_t block) const noexcept;
    [[nodiscard]] bool holds(std::uint64_t from, std::uint64_t count,
                             std::uint64_t block) const noexcept;
    [[nodiscard]] std::uint32_t number(std::uint64_t address) const noexcept;

    const Memory& memory_;
    const HeapLayout& layout_;
};

}  // namespace ashlar::inspect

#endif

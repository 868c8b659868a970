// The memory of a manager's own records, all zero in the beginning, holding
// indices only. A small layout is one block of the process's heap. A large one
// is a reservation, of which only the dense part and the first page of tables
// are accessible; see region::StepTables.
#ifndef ASHLAR_MANAGER_BASE_STORE_HPP
#define ASHLAR_MANAGER_BASE_STORE_HPP

#include <cstddef>

#include "core/region/region.hpp"

namespace ashlar::manager {

class Store {
  public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    // Lays out by calling `layout(region::Carver&)` twice: to measure, and to
    // place. False: the system refuses the memory.
    template <class Layout>
    [[nodiscard]] bool create(Layout layout) noexcept {
        region::Carver measured(0, base::kCacheLine);
        layout(measured);
        region::Carver placed = place(measured);
        if (!placed.places()) return false;
        layout(placed);
        return true;
    }

  private:
    static constexpr std::size_t kMostInHeap = std::size_t{16} << 10;

    // A carver over new memory, or over nothing.
    [[nodiscard]] region::Carver place(const region::Carver& measured) noexcept;

    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
    bool mapped_ = false;
};

}  // namespace ashlar::manager

#endif

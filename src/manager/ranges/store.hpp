// The memory of a manager's own records: one mapping, reserved for the most that it may need, touched as it is used, all zero
// in the beginning, holding indices only.
#ifndef ASHLAR_MANAGER_RANGES_STORE_HPP
#define ASHLAR_MANAGER_RANGES_STORE_HPP

#include <cstddef>

#include "core/region/region.hpp"

namespace ashlar::ranges {

class Store {
  public:
    // Lays out by calling `layout(region::Carver&)` twice: to measure, and to place. False: the system refuses the mapping.
    template <class Layout>
    [[nodiscard]] bool create(Layout layout) noexcept {
        region::Carver measured(0);
        layout(measured);
        bytes_ = measured.used();
        memory_ = region::map_uncharged(bytes_);
        if (memory_ == nullptr) return false;
        region::Carver placed(reinterpret_cast<std::uintptr_t>(memory_));
        layout(placed);
        return true;
    }
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store() {
        if (memory_ != nullptr) region::kSystem.release(memory_, bytes_);
    }

  private:
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace ashlar::ranges

#endif

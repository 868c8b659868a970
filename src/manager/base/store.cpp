#include "manager/base/store.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/bits.hpp"

namespace ashlar::manager {

Store::~Store() {
    if (mapped_) {
        region::kSystem.release(memory_, bytes_);
    } else {
        std::free(memory_);
    }
}

// Sizes are multiples of cache lines, as all that a carver hands out.
region::Carver Store::place(const region::Carver& measured) noexcept {
    using base::kCacheLine;
    const std::size_t dense = base::round_up(measured.used(), kCacheLine);
    const std::size_t tables = measured.later_used();
    if (dense + tables <= kMostInHeap) {
        memory_ = std::calloc(1, dense + tables + kCacheLine);
        return region::Carver(
            base::round_up(reinterpret_cast<std::uintptr_t>(memory_), kCacheLine));
    }
    const std::size_t page = region::page_size();
    bytes_ = base::round_up(dense + tables, page);
    memory_ = region::reserve_uncharged(bytes_);
    if (memory_ == nullptr) return region::Carver(0);
    const auto start = reinterpret_cast<std::uintptr_t>(memory_);
    const std::size_t first = std::max(measured.later_open(), page);
    const std::uintptr_t open =
        std::min(base::round_up(start + dense + first, page), start + bytes_);
    if (!region::kSystem.commit(memory_, open - start)) {
        region::kSystem.release(memory_, bytes_);
        memory_ = nullptr;
        return region::Carver(0);
    }
    mapped_ = true;
    region::Carver carver(start, start + dense);
    carver.set_open(open);
    return carver;
}

}  // namespace ashlar::manager

// Where bytes come from. A region is one contiguous range of units with the metadata that describes them in front of it:
//
//   | metadata: carved once, all zero, never returned before the region is | pad | unit 0 (unused) | unit 1 | unit 2 | ...
//
// Nothing here is shared between threads except the immutable result.
#ifndef ASHLAR_REGION_REGION_HPP
#define ASHLAR_REGION_REGION_HPP

#include <cstddef>
#include <cstdint>

#include "base/config.hpp"

namespace ashlar::region {

// The system below the heap; tests put a fake in its place.
struct Source {
    void* (*reserve)(std::size_t bytes) noexcept;               // zero pages, or nullptr; takes no memory before it is touched
    void (*release)(void* start, std::size_t bytes) noexcept;   // the whole of what reserve gave
    bool (*purge)(void* start, std::size_t bytes) noexcept;     // whole pages; true when they read as zero from now on
    void (*populate)(void* start, std::size_t bytes) noexcept;  // makes pages resident that are about to be written; a hint
};

extern const Source kSystem;

// Of the running kernel: 4, 16 or 64 KiB.
[[nodiscard]] std::size_t page_size() noexcept;

// Hands out parts of the metadata range, cache-line aligned. With start = 0 it only measures.
class Carver {
  public:
    explicit Carver(std::uintptr_t start) noexcept : start_(start), next_(start) {}

    template <class T>
    T* array(std::size_t count) noexcept {
        next_ = (next_ + base::kCacheLine - 1) & ~std::uintptr_t{base::kCacheLine - 1};
        const std::uintptr_t at = next_;
        next_ += count * sizeof(T);
        return reinterpret_cast<T*>(at);
    }
    [[nodiscard]] std::size_t used() const noexcept { return next_ - start_; }
    // Whether there is memory at what array() returns.
    [[nodiscard]] bool places() const noexcept { return start_ != 0; }

  private:
    std::uintptr_t start_;
    std::uintptr_t next_;
};

struct Region {
    std::uintptr_t base;  // address of unit 0, a multiple of kUnitSize
    base::UnitId end;     // units [1, end) may be handed out
    const Source* source;

    [[nodiscard]] std::uintptr_t address(base::UnitId unit) const noexcept {
        return base + (std::uintptr_t{unit} << base::kUnitShift);
    }
    // Meaningful where contains(address).
    [[nodiscard]] base::UnitId unit(std::uintptr_t at) const noexcept {
        return static_cast<base::UnitId>((at - base) >> base::kUnitShift);
    }
    [[nodiscard]] bool contains(std::uintptr_t at) const noexcept { return (at - base) >> base::kUnitShift < end; }
    bool purge(base::UnitId start, std::uint32_t units) const noexcept {
        return source->purge(reinterpret_cast<void*>(address(start)), std::size_t{units} << base::kUnitShift);
    }
    void populate(base::UnitId start, std::uint32_t units) const noexcept {
        source->populate(reinterpret_cast<void*>(address(start)), std::size_t{units} << base::kUnitShift);
    }
};

}  // namespace ashlar::region

#endif

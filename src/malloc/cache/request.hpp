// The request and the result of an allocation that missed.
#ifndef ASHLAR_MALLOC_CACHE_REQUEST_HPP
#define ASHLAR_MALLOC_CACHE_REQUEST_HPP

#include <cstddef>

#include "base/size_class.hpp"

namespace ashlar::cache {

struct Request {
    std::size_t size;
    std::size_t alignment = base::kMinAlignment;  // a power of two
    bool zeroed = false;                          // prefers a block that is known to read as zero
    // Prefers a mapped block, whose pages the system can move.
    bool movable = false;
    // False: exempt from injected failures (process/injection.hpp).
    bool counted = true;

    [[nodiscard]] base::Bin bin() const noexcept { return base::bin_of(size, alignment); }
};

struct Allocation {
    void* block;  // nullptr: out of memory
    bool zero;    // the block is known to read as zero
};

}  // namespace ashlar::cache

#endif

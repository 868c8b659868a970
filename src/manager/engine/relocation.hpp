// What reallocate() knows of a block that it resizes or moves. It lives on the
// stack of the calling thread.
#ifndef ASHLAR_MANAGER_ENGINE_RELOCATION_HPP
#define ASHLAR_MANAGER_ENGINE_RELOCATION_HPP

#include <ashlar/manager_types.hpp>

#include "manager/ranges/range_allocator.hpp"
#include "manager/slabs/shape.hpp"

namespace ashlar::manager {

// A block that reallocate() may change.
struct Subject {
    Size size;      // 0: there is none
    RangeId range;  // no_range: a small block
};
// One reallocate() whose block moves.
struct Relocation {
    Offset from;
    Size size, alignment;
    Offset to = kNoOffset;
    Size copied = 0;  // bytes
    // Too much for one hold of the lock: the new block is a root, and the
    // old one is still there.
    bool lengthy = false;
    Status status = Status::ok;
};

}  // namespace ashlar::manager

#endif

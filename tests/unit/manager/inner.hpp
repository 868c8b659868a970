// An inner manager, called as MemoryManager calls it: the way of one thread
// first.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_INNER_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_INNER_HPP

#include "manager/engine/manager_inline.hpp"

namespace inner {

inline ashlar::Status allocate(ashlar::manager::Manager& manager, ashlar::Size size,
                               ashlar::Size alignment, ashlar::Offset& at) {
    at = manager.allocate_alone(size, alignment);
    return at != ashlar::manager::kNoOffset ? ashlar::Status::ok
                                            : manager.allocate(size, alignment, at);
}
inline ashlar::Status deallocate(ashlar::manager::Manager& manager, ashlar::Offset at) {
    return manager.deallocate_alone(at) ? ashlar::Status::ok : manager.deallocate(at);
}

}  // namespace inner

#endif

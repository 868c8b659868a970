// Allocation as the entry points do it: the thread's bin first, then the miss
// path.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_PROCESS_HIT_OR_MISS_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_PROCESS_HIT_OR_MISS_HPP

#include "malloc/process/process.hpp"

inline void* hit_or_miss(const ashlar::cache::Request& request) {
    void* cached = ashlar::cache::tls_cache->pop(request.bin());
    return cached != nullptr ? cached : ashlar::cache::allocate(request).block;
}

#endif

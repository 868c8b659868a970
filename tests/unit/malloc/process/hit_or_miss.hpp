// Allocation as the entry points do it: the thread's bin first, then the miss
// path.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_PROCESS_HIT_OR_MISS_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_PROCESS_HIT_OR_MISS_HPP

#include "malloc/process/process.hpp"

inline void* hit_or_miss(const ashlar::cache::Request& request) {
    const ashlar::base::Bin bin = request.bin();
    void* cached = ashlar::base::is_run(bin) ? ashlar::cache::pop_run(bin)
                                             : ashlar::cache::tls_cache->pop(bin);
    return cached != nullptr ? cached : ashlar::cache::allocate(request).block;
}

#endif

// The process heap's reservation, for the limits of api/setrlimit.cpp. Any
// thread.
#include "malloc/process/process.hpp"

namespace ashlar::cache {

void release_reservation() noexcept {
    Heap* heap = existing_process();
    if (heap != nullptr) heap->shed();
}

}  // namespace ashlar::cache

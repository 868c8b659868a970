// Finds or creates the file of a segment. Of several processes that create one
// heap, the holder of the file's lock does it. If it dies, the kernel gives up
// the lock and another process begins again.
//
//   length 0           nobody began
//   format, not ready  begun; the creator holds the lock, or is dead
//   ready              finished; only now do other processes map the file
//
// Throws SharedHeapError. Any thread.
#ifndef ASHLAR_SHARED_API_OPENING_HPP
#define ASHLAR_SHARED_API_OPENING_HPP

#include <ashlar/shared_heap.hpp>
#include <string>

#include "shared/segment/file.hpp"
#include "shared/segment/header.hpp"

namespace ashlar::shared {

// Where a heap lives.
struct HeapPlace {
    enum class Kind { name, path, descriptor };
    Kind kind;
    std::string text;     // a name of shm_open(), or a path; for messages if it is a descriptor
    int descriptor = -1;  // stays the caller's
};

struct OpenedFile {
    File file;
    View view;
    UnitId units;
};

[[nodiscard]] OpenedFile open_segment(const HeapPlace& place, SharedHeapMode mode,
                                      const SharedHeapOptions& options);

}  // namespace ashlar::shared

#endif

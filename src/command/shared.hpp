// `ashlar heap`: looks at a shared heap, beside the processes that use it.
#ifndef ASHLAR_COMMAND_SHARED_HPP
#define ASHLAR_COMMAND_SHARED_HPP

#include <string>

namespace ashlar::command {

struct HeapQuestion {
    std::string place;  // a name of shm_open(), or a path
    bool json = false;
    bool check = false;
    bool recover = false;
};

/// Prints what the heap holds. Returns the exit status: 1 if a check found
/// faults. Throws Failure if the heap cannot be opened.
int look_at_heap(const HeapQuestion& question);

}  // namespace ashlar::command

#endif

// The operations after whose instructions a thread dies, each in a situation
// that takes it through another part of the code.
#ifndef ASHLAR_KILL_OPERATIONS_HPP
#define ASHLAR_KILL_OPERATIONS_HPP

#include <span>

#include "actor.hpp"

namespace kills {

/// What the operation does to live blocks. A death may leave the state before
/// it or after it.
enum class Effect {
    none,
    takes,       // one more block, which is in doubt
    takes_to,    // one more block if and only if the place holds its offset
    frees,       // the target
    frees_from,  // the target, if and only if the place holds 0
    resizes,     // the target, in place
    moves,       // a new block, then the target is freed
};

struct Operation {
    const char* name;
    Effect effect;
    std::size_t size;  // the survivor works with blocks of this size, and fills the heap with them
    void (*survivor)(Actor&);        // prepares in another process, before the victim; may be null
    void (*prepare)(Actor&);         // in the victim; may be null
    void (*survivor_after)(Actor&);  // in the other process again; may be null
    void (*act)(Actor&);             // is stepped
    bool tight = false;              // the heap is full: the survivor's allocations may fail
    bool attaches = false;           // the victim is not attached before
};

[[nodiscard]] std::span<const Operation> operations() noexcept;
/// What a recovering thread runs. `effect` is that of the dead thread.
[[nodiscard]] Operation recovery_of(const Operation& dead) noexcept;
/// A call of each kind, by a thread beside a frozen one.
[[nodiscard]] Operation work_beside() noexcept;

}  // namespace kills

#endif

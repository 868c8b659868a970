// Whether the program has replaced one of our functions by its own. The
// standard lets a program replace some forms of operator new and delete. glibc
// lets it replace malloc's family without reallocarray. The forms that the
// program leaves to us must then call the program's.
//
//   seen   the address that the linker resolved the name to: theirs, or ours
//   own    our function under a second, hidden name, which nothing can replace
#ifndef ASHLAR_MALLOC_API_REPLACED_HPP
#define ASHLAR_MALLOC_API_REPLACED_HPP

#include "base/atomic.hpp"

// Gives our definition of `symbol`, in the same file, the hidden name `own`.
// Not the attribute alias: clang takes that for the symbol itself.
#define ASHLAR_OWN_NAME(symbol, own) asm(".globl " own "\n.hidden " own "\n.set " own ", " symbol)

namespace ashlar::api {

// It takes three instructions.
template <class F>
[[nodiscard, gnu::always_inline]] inline bool replaced(F* seen, F* own) noexcept {
    base::opaque(own);  // otherwise a compiler may conclude that two names are two functions
    return seen != own;
}

}  // namespace ashlar::api

#endif

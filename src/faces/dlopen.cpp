// dlopen without RTLD_DEEPBIND: a library loaded with it would bind to libc's malloc and hand those blocks to our free, and the
// other way round. The call to libc's dlopen is a jump, so that the return address, from which libc finds the caller's RUNPATH
// and namespace, stays the caller's.
#include <dlfcn.h>

#include "base/atomic.hpp"

namespace {

using Open = void* (*)(const char*, int) noexcept;
constinit ashlar::base::Atomic<Open> next{};

[[gnu::noinline]] Open find_next() noexcept {
    auto found = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "dlopen"));
    next.store(found, ashlar::base::rlx);  // relaxed: everybody finds the same
    return found;
}

}  // namespace

#if defined(__clang__)
#define ASHLAR_JUMP [[clang::musttail]] return
#define ASHLAR_JUMPS
#else
#define ASHLAR_JUMP return
#define ASHLAR_JUMPS [[gnu::optimize("optimize-sibling-calls")]]
#endif

extern "C" ASHLAR_JUMPS [[gnu::visibility("default")]] void* dlopen(const char* file, int mode) noexcept {
    Open open = next.load(ashlar::base::rlx);  // relaxed: a function's address, the same for all
    if (open == nullptr) open = find_next();
    ASHLAR_JUMP open(file, mode & ~RTLD_DEEPBIND);
}

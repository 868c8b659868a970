// Replaces dlopen, for RTLD_DEEPBIND. Such a library would bind to libc's
// malloc, and blocks of one allocator would reach the free of the other. So
// libc's names are routed to ours first; if that fails, the flag is dropped.
// The call of libc's dlopen is a jump, so that the return address stays the
// caller's: libc finds the caller's RUNPATH and namespace by it.
#include <dlfcn.h>

#include "base/atomic.hpp"
#include "malloc/api/deep_binding.hpp"

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0  // musl does not have the flag
#endif

namespace {

using Open = void* (*)(const char*, int) noexcept;
constinit ashlar::base::Atomic<Open> next{};

[[gnu::noinline]] Open find_next() noexcept {
    auto found = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "dlopen"));
    next.store(found, ashlar::base::rlx);  // relaxed: all threads find the same
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

extern "C" ASHLAR_JUMPS [[gnu::visibility("default")]] void* dlopen(const char* file,
                                                                    int mode) noexcept {
    Open open = next.load(ashlar::base::rlx);  // relaxed: a function's address, the same for all
    if (open == nullptr) open = find_next();
    if ((mode & RTLD_DEEPBIND) != 0 && !ashlar::api::route_deep_bindings()) mode &= ~RTLD_DEEPBIND;
    ASHLAR_JUMP open(file, mode);
}

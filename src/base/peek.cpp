#include "base/peek.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

#include "base/atomic.hpp"
#include "base/config.hpp"

namespace ashlar::base {

namespace {

constexpr std::uintptr_t kPage = 4096;  // no system has smaller ones

// The system copies the new mask before it looks at `how`, which is none: it
// answers EINVAL for memory that can be read, and changes nothing.
bool readable(std::uintptr_t address) noexcept {
    constexpr int kNoHow = ~0;
    constexpr std::size_t kMaskBytes = 8;
    const int saved = errno;
    const std::uintptr_t word = address & ~std::uintptr_t{7};
    const bool faults =
        syscall(SYS_rt_sigprocmask, kNoHow, word, nullptr, kMaskBytes) == 0 || errno != EINVAL;
    errno = saved;
    return !faults;
}

// The owners of stacks and blocks write to them without atomics. The assembly
// code is what sanitizers and the compiler see of the read.
template <class T>
T word_at(std::uintptr_t address) noexcept {
    const T* const word = reinterpret_cast<const T*>(address);
    T found;
    if constexpr (kX86) {
        asm("movq %1, %0" : "=r"(found) : "m"(*word));
    } else if constexpr (kArm) {
        asm("ldr %0, %1" : "=r"(found) : "m"(*word));
    } else {
        found = reinterpret_cast<const Atomic<T>*>(word)->load(rlx);  // relaxed: orders nothing
    }
    return found;
}

}  // namespace

bool Peek::copy(std::uintptr_t from, void* to, std::size_t bytes) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    while (bytes > 0) {
        if (from / kPage != page_) {
            if (from < kPage || !readable(from)) return false;
            page_ = from / kPage;
        }
        // Whole words: none lies on two pages.
        const std::uintptr_t within = from % sizeof(std::uint64_t);
        const auto word = word_at<std::uint64_t>(from - within);
        const std::size_t rest = sizeof word - within;
        const std::size_t n = bytes < rest ? bytes : rest;
        __builtin_memcpy(out, reinterpret_cast<const unsigned char*>(&word) + within, n);
        from += n;
        out += n;
        bytes -= n;
    }
    return true;
}

}  // namespace ashlar::base

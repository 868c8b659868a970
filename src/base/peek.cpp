#include "base/peek.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

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

// Other threads may write meanwhile. Sanitizers do not know what the stacks and
// the blocks of others hold.
template <class T>
[[gnu::no_sanitize_address, gnu::no_sanitize_thread, gnu::noinline]] void load(
    std::uintptr_t address, unsigned char* to) noexcept {
    // Relaxed: the values are checked, and order nothing.
    const T value = __atomic_load_n(reinterpret_cast<const T*>(address), __ATOMIC_RELAXED);
    __builtin_memcpy(to, &value, sizeof value);
}

}  // namespace

bool Peek::copy(std::uintptr_t from, void* to, std::size_t bytes) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    while (bytes > 0) {
        if (from / kPage != page_) {
            if (from < kPage || !readable(from)) return false;
            page_ = from / kPage;
        }
        const bool word = from % sizeof(std::uint64_t) == 0 && bytes >= sizeof(std::uint64_t);
        const std::size_t n = word ? sizeof(std::uint64_t) : 1;
        if (word) {
            load<std::uint64_t>(from, out);
        } else {
            load<std::uint8_t>(from, out);
        }
        from += n;
        out += n;
        bytes -= n;
    }
    return true;
}

}  // namespace ashlar::base

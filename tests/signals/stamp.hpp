// Blocks with a pattern, and the functions of Ashlar that a program under the
// drop-in finds by name.
#ifndef ASHLAR_SIGNALS_STAMP_HPP
#define ASHLAR_SIGNALS_STAMP_HPP

#include <ashlar/ashlar.h>

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace signals {

inline unsigned damaged = 0;

using Enter = ash_interrupted (*)() noexcept;
using Leave = void (*)(ash_interrupted) noexcept;
using Check = std::size_t (*)() noexcept;
inline Enter enter = nullptr;
inline Leave leave = nullptr;
inline Check check = nullptr;

// A damaged heap ends the program with a status, which ctest can expect.
inline void fail(int) { _exit(1); }

inline void find_functions() {
    std::signal(SIGABRT, fail);
    std::signal(SIGSEGV, fail);
    enter = reinterpret_cast<Enter>(dlsym(RTLD_DEFAULT, "ash_enter_handler"));
    leave = reinterpret_cast<Leave>(dlsym(RTLD_DEFAULT, "ash_leave_handler"));
    check = reinterpret_cast<Check>(dlsym(RTLD_DEFAULT, "ash_check"));
    if (enter == nullptr || leave == nullptr || check == nullptr) {
        static constexpr char kText[] = "the program needs libashlar.so as its malloc\n";
        if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) _exit(3);
        _exit(2);
    }
}

// Its words have a pattern that depends on the address: all of a small block,
// and the first and the last of a large one.
struct Block {
    std::uint64_t* at = nullptr;
    std::size_t words = 0;

    template <class F>
    void each(F f) const {
        constexpr std::size_t kEnds = 64;
        for (std::size_t i = 0; i < words; ++i) {
            if (i == kEnds && words > 2 * kEnds) i = words - kEnds;
            f(at[i], (reinterpret_cast<std::uintptr_t>(at) + i) * 0x9e3779b97f4a7c15U);
        }
    }
    void adopt(void* block, std::size_t size) {
        if (block == nullptr) std::abort();
        const Block made{static_cast<std::uint64_t*>(block), size / sizeof(std::uint64_t)};
        made.each([](std::uint64_t& word, std::uint64_t value) { word = value; });
        *this = made;
    }
    void check() const {
        each([](std::uint64_t word, std::uint64_t value) { damaged += word != value ? 1 : 0; });
    }
    void allocate(std::size_t size) { adopt(std::malloc(size), size); }
    void allocate_aligned(std::size_t alignment, std::size_t size) {
        void* block = nullptr;
        if (posix_memalign(&block, alignment, size) != 0) std::abort();
        adopt(block, size);
    }
    void allocate_zeroed(std::size_t size) {
        release();
        void* block = std::calloc(1, size);
        const auto* words_of = static_cast<const std::uint64_t*>(block);
        for (std::size_t i = 0; i < size / 8; i += i < 64 ? 1 : 61)
            damaged += words_of[i] != 0 ? 1 : 0;
        adopt(block, size);
    }
    // The pattern belongs to the old address: compared before, made anew.
    void resize(std::size_t size) {
        check();
        const std::uint64_t first = words != 0 ? at[0] : 0;
        const bool kept = words != 0 && size >= sizeof(std::uint64_t);
        void* const old = at;
        at = nullptr;
        words = 0;
        void* block = std::realloc(old, size);
        if (kept && *static_cast<std::uint64_t*>(block) != first) ++damaged;
        adopt(block, size);
    }
    void release() {
        check();
        void* const old = at;
        at = nullptr;
        words = 0;
        std::free(old);
    }
};

}  // namespace signals

#endif

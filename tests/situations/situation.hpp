// Helpers that the situation programs share. Each is an ordinary program that
// runs under the drop-in and exits with status 0, or with a line about a fault.
// Only `exercise` allocates here.
#ifndef ASHLAR_SITUATION_HPP
#define ASHLAR_SITUATION_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace situation {

constexpr int skipped = 77;

// The builtins, as clang 14 has no std::source_location.
inline void require(bool holds, const char* what, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
    if (holds) return;
    char text[512];
    const int length = std::snprintf(text, sizeof text, "%s:%d: %s\n", file, line, what);
    if (length > 0 && write(2, text, static_cast<std::size_t>(length)) < 0) _exit(2);
    _exit(1);
}

/// A test that runs on another malloc by mistake would always pass.
inline void require_ashlar() {
    void* version = dlsym(RTLD_DEFAULT, "ash_version");
    void* allocate = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info ours{};
    Dl_info used{};
    require(version != nullptr && dladdr(version, &ours) != 0 && dladdr(allocate, &used) != 0,
            "Ashlar is not loaded");
    require(ours.dli_fbase == used.dli_fbase, "malloc is not Ashlar's");
}

/// The heap check of the library that is loaded.
inline void require_sound_heap() {
    using Check = std::size_t (*)();
    const auto check = reinterpret_cast<Check>(dlsym(RTLD_DEFAULT, "ash_check"));
    require(check != nullptr && check() == 0, "the heap check found something");
}

/// How often, by a program's first argument; else so many times.
inline unsigned times(int argc, char** argv, unsigned usual) {
    return argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : usual;
}

/// One of the figures of /proc/self/statm: 0 address space, 1 resident.
inline std::size_t statm_kib(int field) {
    char text[256] = {};
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    require(file >= 0 && read(file, text, sizeof text - 1) > 0, "/proc/self/statm");
    close(file);
    char* place = text;
    std::size_t pages = std::strtoul(place, &place, 10);
    for (int i = 0; i < field; ++i) pages = std::strtoul(place, &place, 10);
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}
inline std::size_t resident_kib() { return statm_kib(1); }

/// A block whose first and last bytes carry a mark.
inline unsigned char* take(std::size_t size, unsigned char mark) {
    auto* block = static_cast<unsigned char*>(std::malloc(size));
    require(block != nullptr, "malloc failed");
    block[0] = mark;
    block[size - 1] = mark;
    return block;
}
inline void give(unsigned char* block, std::size_t size, unsigned char mark) {
    require(block[0] == mark && block[size - 1] == mark, "a block's content changed");
    std::free(block);
}

constexpr std::size_t sizes[] = {1,     16,     24,     48,      64,     100,   200,
                                 500,   1000,   2000,   4000,    8000,   16000, 33000,
                                 65536, 100000, 300000, 1000000, 3000000};
constexpr std::size_t size_count = sizeof sizes / sizeof *sizes;

/// Every size, by every basic function; `rounds` blocks of each live at once
/// (of the big ones, few).
inline void exercise(std::size_t rounds = 20) {
    unsigned char* blocks[size_count][64];
    for (std::size_t s = 0; s < size_count; ++s) {
        const std::size_t count = sizes[s] > 100000 ? 2 : rounds;
        for (std::size_t i = 0; i < count; ++i)
            blocks[s][i] = take(sizes[s], static_cast<unsigned char>(s + i));
    }
    for (std::size_t s = 0; s < size_count; ++s) {
        const std::size_t count = sizes[s] > 100000 ? 2 : rounds;
        for (std::size_t i = 0; i < count; ++i) {
            const auto mark = static_cast<unsigned char>(s + i);
            if (i % 3 == 0) {
                require(blocks[s][i][sizes[s] - 1] == mark, "a block's content changed");
                auto* moved = static_cast<unsigned char*>(std::realloc(blocks[s][i], 2 * sizes[s]));
                require(moved != nullptr && moved[0] == mark && moved[sizes[s] - 1] == mark,
                        "realloc lost content");
                std::free(moved);
            } else {
                give(blocks[s][i], sizes[s], mark);
            }
        }
        auto* zero = static_cast<unsigned char*>(std::calloc(1, sizes[s]));
        require(
            zero != nullptr && zero[0] == 0 && zero[sizes[s] / 2] == 0 && zero[sizes[s] - 1] == 0,
            "calloc is not zero");
        std::free(zero);
        void* aligned = nullptr;
        require(posix_memalign(&aligned, 4096, sizes[s]) == 0, "posix_memalign failed");
        require(reinterpret_cast<std::size_t>(aligned) % 4096 == 0,
                "posix_memalign is not aligned");
        std::free(aligned);
    }
}

}  // namespace situation

#endif

// A program with a malloc family of its own: all that glibc's manual lists
// under "Replacing malloc". reallocarray, cfree and the sized frees are not in
// that list, and must call the program's realloc and free. The names that begin
// with __libc_ are for programs that reach around a malloc, and stay Ashlar's.
#include <cerrno>
#include <cstdint>

#include <malloc.h>

#include "situation.hpp"

namespace {

struct Header {
    std::size_t size;
    std::size_t mark;
};
constexpr std::size_t live = 0x11FE;
constexpr std::size_t dead = 0xDEAD;

alignas(4096) unsigned char arena[16 << 20];
std::size_t used = 0;
int frees = 0;
int reallocs = 0;

bool is_own(const void* block) {
    const auto* at = static_cast<const unsigned char*>(block);
    return at >= arena && at < arena + sizeof arena;
}

Header& header(void* block) { return static_cast<Header*>(block)[-1]; }

// One thread, and no block is used twice.
void* take(std::size_t alignment, std::size_t size) {
    const std::size_t start = (used + sizeof(Header) + alignment - 1) / alignment * alignment;
    if (size > sizeof arena || start + size > sizeof arena) {
        errno = ENOMEM;
        return nullptr;
    }
    used = (start + size + 15) / 16 * 16;
    header(arena + start) = {size, live};
    return arena + start;
}

void give(void* block) {
    if (block == nullptr) return;
    situation::require(is_own(block) && header(block).mark == live,
                       "free of a block that is not the program's");
    header(block).mark = dead;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) noexcept { return take(16, size); }
void free(void* block) noexcept {
    ++frees;
    give(block);
}
// The arena is zero.
void* calloc(std::size_t count, std::size_t size) noexcept { return take(16, count * size); }
void* realloc(void* block, std::size_t size) noexcept {
    ++reallocs;
    void* moved = take(16, size);
    if (moved == nullptr || block == nullptr) return moved;
    situation::require(is_own(block) && header(block).mark == live,
                       "realloc of a block that is not the program's");
    std::memcpy(moved, block, header(block).size < size ? header(block).size : size);
    give(block);
    return moved;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return take(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept { return take(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    *out = take(alignment, size);
    return *out != nullptr ? 0 : ENOMEM;
}
void* valloc(std::size_t size) noexcept { return take(4096, size); }
void* pvalloc(std::size_t size) noexcept { return take(4096, (size + 4095) / 4096 * 4096); }
std::size_t malloc_usable_size(void* block) noexcept {
    return block != nullptr ? header(block).size : 0;
}
}

namespace {

// By name: not every libc has them.
template <class F>
F* find(const char* name) {
    auto* found = reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
    situation::require(found != nullptr, name);
    return found;
}

void* filled(std::size_t size) {
    void* block = std::malloc(size);
    situation::require(block != nullptr && is_own(block), "malloc is not the program's");
    std::memset(block, 7, size);
    return block;
}

void resize_arrays() {
    int before = reallocs;
    // volatile, as compilers take a block for gone after a reallocarray that
    // fails.
    auto* volatile grown = static_cast<unsigned char*>(reallocarray(filled(100), 50, 20));
    situation::require(grown != nullptr && is_own(grown) && reallocs == before + 1,
                       "reallocarray went past realloc");
    situation::require(grown[0] == 7 && grown[99] == 7, "reallocarray lost content");
    errno = 0;
    volatile std::size_t much = SIZE_MAX / 2;
    situation::require(reallocarray(grown, much, 3) == nullptr && errno == ENOMEM,
                       "reallocarray of too much");
    situation::require(reallocs == before + 1 && grown[99] == 7,
                       "reallocarray of too much touched its block");
    before = reallocs;
    void* fresh = reallocarray(nullptr, 3, 30);
    situation::require(fresh != nullptr && is_own(fresh) && reallocs == before + 1,
                       "reallocarray of nothing");
    std::free(fresh);
    std::free(grown);
}

void free_by_other_names() {
    const int before = frees;
    find<void(void*)>("cfree")(filled(100));
    find<void(void*, std::size_t)>("free_sized")(filled(100), 100);
    find<void(void*, std::size_t, std::size_t)>("free_aligned_sized")(aligned_alloc(64, 128), 64,
                                                                      128);
    situation::require(frees == before + 3, "a free went past the program's");
}

void reach_around() {
    void* block = find<void*(std::size_t)>("__libc_malloc")(100);
    situation::require(block != nullptr && !is_own(block), "__libc_malloc is the program's");
    block = find<void*(void*, std::size_t)>("__libc_realloc")(block, 1000);
    situation::require(block != nullptr && !is_own(block), "__libc_realloc is the program's");
    find<void(void*)>("__libc_free")(block);
    situation::require_sound_heap();
}

}  // namespace

int main() {
    situation::require(dlsym(RTLD_DEFAULT, "ash_version") != nullptr, "Ashlar is not loaded");
    resize_arrays();
    free_by_other_names();
    reach_around();
    char* text = nullptr;
    situation::require(asprintf(&text, "%0300d", 1) == 300 && is_own(text),
                       "libc's blocks are not the program's");
    std::free(text);
    return 0;
}

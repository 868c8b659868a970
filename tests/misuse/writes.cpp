#include "writes.hpp"

#include "blocks.hpp"

namespace misuse {

namespace {

void written_at(std::size_t size, std::size_t behind) {
    auto* block = static_cast<char*>(take(size));
    static std::vector<void*> others = take_many(size, 20);
    announce(block, size);
    block[size + behind] = static_cast<char>(block[size + behind] ^ 1);
    std::free(block);
    look();
}
using Check = std::size_t (*)();

// Allocators with lists in free blocks would follow these words. Here nothing
// may happen: blocks stay apart, and the heap is sound.
void scribble(void* block, std::size_t size) {
    static char target[4096];
    auto* words = static_cast<void**>(block);
    std::memset(block, 0xff, size);
    for (std::size_t i = 0; i < size / sizeof *words; ++i) words[i] = target + 16 * (i % 200);
}
void go_on(std::size_t size) {
    std::vector<void*> blocks = take_many(size, many(size) * 3);
    for (std::size_t i = 0; i < blocks.size(); ++i) std::memcpy(blocks[i], &i, sizeof i);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (std::memcmp(blocks[i], &i, sizeof i) != 0) _exit(4);
    }
    for (void* block : blocks) std::free(block);
    malloc_trim(0);
    const auto check = reinterpret_cast<Check>(dlsym(RTLD_DEFAULT, "ash_check"));
    if (check == nullptr || check() != 0) _exit(5);
}
}  // namespace

// ------------------------------------------------------------------- overflows

// Blocks of sizes that leave room behind them.
void one_byte_behind(std::size_t size) { written_at(size - 1, 0); }
void one_byte_behind_by_realloc(std::size_t size) {
    auto* block = static_cast<char*>(take(size - 2));
    announce(block, size - 2);
    block[size - 2] = static_cast<char>(block[size - 2] ^ 1);
    if (std::realloc(block, 5 * size + 100) == nullptr) _exit(3);
    look();
}

// -------------------------------------------------------------- use after free

void written_in_the_cache(std::size_t size) {
    for (void* block : take_many(size, 3)) {
        std::free(block);
        scribble(block, size);
    }
    go_on(size);
}
void written_in_the_depot(std::size_t size) {
    const std::vector<void*> blocks = take_many(size, many(size));
    for (void* block : blocks) std::free(block);
    for (void* block : blocks) scribble(block, size);
    go_on(size);
}
void written_in_the_slab(std::size_t size) {
    const std::vector<void*> blocks = take_many(size, many(size));
    for (void* block : blocks) std::free(block);
    malloc_trim(0);
    for (void* block : blocks) scribble(block, size);
    go_on(size);
}
void written_after_another_threads_free(std::size_t size) {
    const std::vector<void*> blocks = take_many(size, many(size));
    in_thread([&blocks] {
        for (void* block : blocks) std::free(block);
    });
    for (void* block : blocks) scribble(block, size);
    in_thread([size] { go_on(size); });
    go_on(size);
}
// Beyond the end of a live block, over the free ones behind it.
void written_past_the_end(std::size_t size) {
    std::vector<void*> blocks = take_many(size, 40);
    std::size_t low = 0;
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        if (blocks[i] < blocks[low]) low = i;
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i != low) std::free(blocks[i]);
    }
    scribble(blocks[low], size * 4);
    go_on(size);
}

}  // namespace misuse

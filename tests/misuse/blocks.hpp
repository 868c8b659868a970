// Blocks for the faults, and what a fault announces on stderr before it
// happens.
#ifndef ASHLAR_MISUSE_BLOCKS_HPP
#define ASHLAR_MISUSE_BLOCKS_HPP

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include "cases.hpp"

namespace misuse {

inline void say(const char* text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) _exit(2);
}
// Which address and block size the line has to name.
inline void announce(const void* address, std::size_t block_size = 0) {
    char line[64];
    std::snprintf(line, sizeof line, "expected %p %zu\n", address, block_size);
    say(line);
}
inline bool is_paranoid() {
    const char* const level = std::getenv("ASHLAR_CHECK");
    return level != nullptr && std::strcmp(level, "paranoid") == 0;
}
// The bytes that a block of this size has. Paranoid heaps make room for a
// canary in each block of a slab.
inline std::size_t block_bytes(std::size_t size) {
    using GoodSize = std::size_t (*)(std::size_t);
    const auto good_size = reinterpret_cast<GoodSize>(dlsym(RTLD_DEFAULT, "ash_good_size"));
    if (good_size == nullptr) _exit(5);
    return good_size(is_paranoid() && size <= largest_in_a_slab ? size + 8 : size);
}
// Flushes all blocks out of the caches, as the program does at the latest when
// it ends.
inline void look() {
    say(call_is_over);
    if (std::getenv("MISUSE_EXITS") != nullptr) std::exit(0);
    malloc_trim(0);
}

inline void* take(std::size_t size) {
    void* block = std::malloc(size);
    if (block == nullptr) _exit(3);
    return block;
}
// Takes blocks until it has this freed one again: the next one, if there is no
// quarantine.
inline void take_again(void* block, std::size_t size) {
    const int most = is_paranoid() ? 1000000 : 1;
    for (int i = 0; i < most; ++i) {
        void* next = take(size);
        if (next == block) return;
        std::free(next);
    }
    _exit(3);
}
inline std::vector<void*> take_many(std::size_t size, std::size_t count) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = take(size);
    return blocks;
}
// Enough to push any block out of a bin, and not all of the memory.
inline std::size_t many(std::size_t size) {
    return size > largest_with_a_bin ? 4 : size > largest_in_a_slab ? 12 : 600;
}

// One block among neighbours that stay live, so that its slab stays a slab;
// announced.
inline char* victim(std::size_t size) {
    static std::vector<void*> neighbours = take_many(size, 20);
    auto* block = static_cast<char*>(take(size));
    static std::vector<void*> others = take_many(size, 20);
    announce(block, block_bytes(size));
    return block;
}
template <class F>
void in_thread(F f) {
    std::thread(std::move(f)).join();
}

// A thread that frees the blocks it is given and then ends. It exists, with its
// cache, before the first free.
class Freer {
  public:
    Freer()
        : thread_([this] {
              std::free(std::malloc(1));
              ready_ = true;
              void* block;
              while ((block = block_) == nullptr) std::this_thread::yield();
              std::free(block);
              if (twice_) std::free(block);
              if (faulty_) say(call_is_over);
          }) {
        while (!ready_) std::this_thread::yield();
    }
    void free_and_end(void* block) { end(block); }
    // This call makes the fault. The end of the thread flushes its cache: a
    // fault found only then is not found at the call.
    void free_wrongly_and_end(void* block) {
        faulty_ = true;
        end(block);
    }
    void free_twice_and_end(void* block) {
        twice_ = true;
        free_wrongly_and_end(block);
    }

  private:
    void end(void* block) {
        block_ = block;
        thread_.join();
    }

    std::atomic<bool> ready_{false};
    bool faulty_ = false;
    bool twice_ = false;
    std::atomic<void*> block_{nullptr};
    std::thread thread_;
};

}  // namespace misuse

#endif

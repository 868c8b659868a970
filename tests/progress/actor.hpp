// One thread's calls to the allocator: every function, every kind of size, and
// blocks that go to other threads. The helpers of both workers use it. It needs
// no lock of libc.
#ifndef ASHLAR_PROGRESS_ACTOR_HPP
#define ASHLAR_PROGRESS_ACTOR_HPP

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <malloc.h>

#include "shared.hpp"

namespace progress {

extern Shared* shared;

constexpr std::size_t slots = 512;
// Blocks that threads exchange: a thread that puts a block in takes out the
// block that was there, and frees it.
extern std::atomic<unsigned char*> mailbox[slots];

using MallocBatch = std::size_t (*)(std::size_t, std::size_t, void**);
using FreeBatch = void (*)(void**, std::size_t);
extern MallocBatch malloc_batch;  // null: the allocator has no batches
extern FreeBatch free_batch;

class Actor {
  public:
    Actor(std::uint64_t seed, std::atomic<std::uint64_t>& steps) noexcept
        : state_(seed), steps_(steps) {}

    void act() noexcept {
        steps_.fetch_add(1, std::memory_order_relaxed);
        const std::size_t kind = below(200);
        if (kind < 120) {
            hand_over(take(size()));
        } else if (kind < 150) {
            regrow();
        } else if (kind < 170) {
            burst();
        } else if (kind < 180 && malloc_batch != nullptr) {
            batch();
        } else {
            give(take(size()));
        }
    }
    /// Makes each kind of call once, without random choice.
    void do_everything() noexcept {
        steps_.fetch_add(1, std::memory_order_relaxed);
        constexpr std::size_t sizes[] = {16, 100, 1000, 5000, 30000, 70000, 300000, 1500000};
        constexpr std::size_t alignments[] = {64, 4096, 65536};
        for (const std::size_t size : sizes) {
            hand_over(mark(std::malloc(size), size));
            give(mark(calloc(2, size / 2), size));
            give(mark(std::realloc(std::malloc(size / 2), size), size));
            for (const std::size_t alignment : alignments) {
                void* block = nullptr;
                if (posix_memalign(&block, alignment, size) == 0) give(mark(block, size));
            }
        }
        burst();
        if (malloc_batch != nullptr) batch();
    }
    /// Returns memory to the system, the rarest cold path.
    void trim() noexcept { (void)malloc_trim(0); }
    void take_all() noexcept {
        for (auto& slot : mailbox) {
            steps_.fetch_add(1, std::memory_order_relaxed);
            give(slot.exchange(nullptr, std::memory_order_acq_rel));
        }
    }
    std::size_t below(std::size_t bound) noexcept {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>((state_ >> 8) % bound);
    }

  private:
    static constexpr std::size_t burst_size = 200;

    std::size_t size() noexcept {
        const std::size_t kind = below(100);
        if (kind < 70) return 8 + below(1024);
        if (kind < 90) return 8 + below(32 * 1024);
        if (kind < 98) return 8 + below(512 * 1024);
        return 8 + below(4 * 1024 * 1024);
    }
    // A block's first word is its size. Each free checks it against the
    // allocator's.
    unsigned char* take(std::size_t size) noexcept {
        void* block = nullptr;
        const std::size_t kind = below(8);
        if (kind == 0) {
            block = calloc(1, size);
        } else if (kind == 1) {
            if (posix_memalign(&block, std::size_t{16} << below(9), size) != 0) block = nullptr;
        } else {
            block = malloc(size);
        }
        return mark(block, size);
    }
    static unsigned char* mark(void* block, std::size_t size) noexcept {
        if (block == nullptr) return nullptr;
        const std::uint64_t word = size;
        std::memcpy(block, &word, sizeof word);
        return static_cast<unsigned char*>(block);
    }
    void give(unsigned char* block) noexcept {
        if (block == nullptr) return;
        std::uint64_t size = 0;
        std::memcpy(&size, block, sizeof size);
        if (size < 8 || size > malloc_usable_size(block))
            shared->faults.fetch_add(1, std::memory_order_relaxed);
        std::free(block);
    }
    void hand_over(unsigned char* block) noexcept {
        give(mailbox[below(slots)].exchange(block, std::memory_order_acq_rel));
    }
    void regrow() noexcept {
        std::size_t bytes = size();
        unsigned char* block = take(bytes);
        for (std::size_t i = below(4); i > 0 && block != nullptr; --i) {
            bytes = size();
            block = mark(std::realloc(block, bytes), bytes);
        }
        give(block);
    }
    // Takes more blocks of a size than a cache holds and frees them in another
    // order: refills and flushes.
    void burst() noexcept {
        unsigned char* blocks[burst_size];
        const std::size_t bytes = 8 + below(below(8) == 0 ? 16 * 1024 : 256);
        for (auto& block : blocks) block = take(bytes);
        for (std::size_t i = 0; i < burst_size; ++i) {
            unsigned char*& other = blocks[below(burst_size)];
            unsigned char* swap = other;
            other = blocks[i];
            blocks[i] = swap;
        }
        for (unsigned char* block : blocks) {
            if (below(8) == 0) {
                hand_over(block);
            } else {
                give(block);
            }
        }
    }
    void batch() noexcept {
        void* blocks[burst_size];
        const std::size_t bytes = 8 + below(2048);
        const std::size_t got = malloc_batch(bytes, 1 + below(burst_size), blocks);
        for (std::size_t i = 0; i < got; ++i) (void)mark(blocks[i], bytes);
        free_batch(blocks, got);
    }

    std::uint64_t state_;
    std::atomic<std::uint64_t>& steps_;
};

}  // namespace progress

#endif

// The program that `freeze` runs under an allocator. One thread, the victim, calls every allocation function for ever; the
// driver stops it somewhere in there. The helpers do a fixed batch of work each round, among it frees of the victim's blocks,
// and must finish while the victim stands still. They use nothing of libc that locks, but the allocator.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared.hpp"

namespace {

progress::Shared* shared = nullptr;

constexpr std::size_t slots = 512;
// Blocks on their way between threads. Who puts a block in takes out, and frees, what was there.
std::atomic<unsigned char*> mailbox[slots];

using MallocBatch = std::size_t (*)(std::size_t, std::size_t, void**);
using FreeBatch = void (*)(void**, std::size_t);
MallocBatch malloc_batch = nullptr;  // null: the allocator has no batches
FreeBatch free_batch = nullptr;

class Actor {
  public:
    Actor(std::uint64_t seed, std::atomic<std::uint64_t>& steps) noexcept : state_(seed), steps_(steps) {}

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
    /// The rarest of the cold paths: returns memory to the system.
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
    // A block knows its size by its first word, which every free checks against the allocator's own view.
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
        if (size < 8 || size > malloc_usable_size(block)) shared->faults.fetch_add(1, std::memory_order_relaxed);
        std::free(block);
    }
    void hand_over(unsigned char* block) noexcept { give(mailbox[below(slots)].exchange(block, std::memory_order_acq_rel)); }
    void regrow() noexcept {
        std::size_t bytes = size();
        unsigned char* block = take(bytes);
        for (std::size_t i = below(4); i > 0 && block != nullptr; --i) {
            bytes = size();
            block = mark(std::realloc(block, bytes), bytes);
        }
        give(block);
    }
    // More blocks of a size than a cache holds, freed out of order: refills and flushes.
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

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) noexcept {
    return syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

void* live_shortly(void* seed) noexcept {
    std::atomic<std::uint64_t> steps{0};
    Actor actor(reinterpret_cast<std::uintptr_t>(seed) * 77 + 1, steps);
    for (int i = 0; i < 50; ++i) actor.act();
    return nullptr;
}

void* help(void* argument) noexcept {
    const auto index = reinterpret_cast<std::uintptr_t>(argument);
    auto& steps = shared->steps[index];
    Actor actor(index * 7919 + 12345, steps);
    for (std::uint32_t done = 0;;) {
        while (shared->round.load(std::memory_order_acquire) == done) futex(shared->round, FUTEX_WAIT, done);
        done = shared->round.load(std::memory_order_acquire);
        actor.take_all();
        for (int i = 0; i < 400; ++i) actor.act();
        // A thread's first use of the allocator and its exit must not wait either.
        pthread_t thread;
        if (pthread_create(&thread, nullptr, live_shortly, reinterpret_cast<void*>(std::uintptr_t{done})) == 0) {
            pthread_join(thread, nullptr);
        }
        shared->finished[index].store(done, std::memory_order_release);
    }
}

void* be_frozen(void*) noexcept {
    Actor actor(4711, shared->victim_steps);
    shared->victim.store(static_cast<std::uint32_t>(syscall(SYS_gettid)), std::memory_order_release);
    for (;;) {
        actor.act();
        if (actor.below(500) == 0) actor.trim();
    }
}

}  // namespace

int main() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void* page = mmap(nullptr, sizeof(progress::Shared), PROT_READ | PROT_WRITE, MAP_SHARED, progress::shared_descriptor, 0);
    if (page == MAP_FAILED) return 2;
    shared = static_cast<progress::Shared*>(page);

    Dl_info where;
    if (dladdr(dlsym(RTLD_DEFAULT, "malloc"), &where) == 0) return 2;
    std::strncpy(shared->allocator, where.dli_fname, sizeof shared->allocator - 1);
    malloc_batch = reinterpret_cast<MallocBatch>(dlsym(RTLD_DEFAULT, "ash_malloc_batch"));
    free_batch = reinterpret_cast<FreeBatch>(dlsym(RTLD_DEFAULT, "ash_free_batch"));

    pthread_t threads[progress::helpers + 1];
    for (std::uintptr_t i = 0; i < progress::helpers; ++i) {
        if (pthread_create(&threads[i], nullptr, help, reinterpret_cast<void*>(i)) != 0) return 2;
    }
    if (pthread_create(&threads[progress::helpers], nullptr, be_frozen, nullptr) != 0) return 2;
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    return 0;
}

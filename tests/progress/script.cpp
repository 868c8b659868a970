#include "script.hpp"

#include <csignal>
#include <cstdlib>
#include <iterator>

#include <dlfcn.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ashlar/ashlar.h>

#include "actor.hpp"

namespace progress {
namespace {

constexpr std::uintptr_t last_round = 4;  // PTHREAD_DESTRUCTOR_ITERATIONS of glibc

pid_t process = 0;
pthread_key_t late_key;

std::uint32_t wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
    std::uint32_t now;
    while ((now = word.load(std::memory_order_acquire)) == value) {
        syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
    }
    return now;
}

// Stops the thread: the driver sees the signal and does not deliver it.
void mark() noexcept { syscall(SYS_tgkill, process, syscall(SYS_gettid), SIGUSR2); }

void run_marked(std::uint32_t operation) noexcept {
    mark();
    run(operation);
    if (operations[operation].span == Span::exit) return;
    mark();
    give_kept();
}

void in_destructor(void* round) noexcept {
    const auto next = reinterpret_cast<std::uintptr_t>(round) + 1;
    if (next <= last_round) {
        pthread_setspecific(late_key, reinterpret_cast<void*>(next));
    } else {
        run_marked(shared->operation.load(std::memory_order_relaxed));
    }
}

void* live(void*) noexcept {
    const auto self = static_cast<std::uint32_t>(syscall(SYS_gettid));
    shared->victim.store(self, std::memory_order_release);
    for (std::uint32_t traced = 0; traced != self;) traced = wait_while(shared->traced, traced);
    const std::uint32_t operation = shared->operation.load(std::memory_order_relaxed);
    prepare(operation);
    if (runs_after_exit(operation)) {
        pthread_setspecific(late_key, reinterpret_cast<void*>(std::uintptr_t{1}));
    } else {
        run_marked(operation);
    }
    return nullptr;
}

[[noreturn]] void leave() noexcept {
    for (;;) syscall(SYS_exit, 0);
}

template <class F>
F* find(const char* name) noexcept {
    return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
}

void expect(bool holds) noexcept {
    if (!holds) shared->faults.fetch_add(1, std::memory_order_relaxed);
}

// Blocks of every kind, each stamped: a block that is handed out twice loses
// its first stamp.
struct Sample {
    std::size_t size;
    std::size_t count;
};
constexpr Sample samples[] = {{16, 500},   {64, 2000},   {100, 700},   {200, 700},  {500, 300},
                              {4096, 100}, {5000, 30},   {20480, 60},  {70000, 6},  {262144, 12},
                              {524288, 6}, {1048576, 4}, {3145728, 4}, {1000, 100}, {2000, 50},
                              {10000, 20}, {32768, 10}};
constexpr std::size_t most_samples = 5000;

void look_for_blocks_of_two() noexcept {
    static unsigned char* blocks[most_samples];
    constexpr std::uint64_t first_owner = 1000000;
    std::size_t n = 0;
    for (const Sample& sample : samples) {
        for (std::size_t i = 0; i < sample.count; ++i, ++n) {
            blocks[n] = static_cast<unsigned char*>(std::malloc(sample.size));
            expect(blocks[n] != nullptr);
            if (blocks[n] != nullptr) stamp(blocks[n], sample.size, first_owner + n);
        }
    }
    for (std::size_t slot = 0; slot < kept_slots; ++slot) {
        const unsigned char* block = kept[slot].block.load(std::memory_order_acquire);
        expect(block == nullptr || is_stamped(block, kept[slot].size, slot));
    }
    n = 0;
    for (const Sample& sample : samples) {
        for (std::size_t i = 0; i < sample.count; ++i, ++n) {
            expect(blocks[n] == nullptr || is_stamped(blocks[n], sample.size, first_owner + n));
            std::free(blocks[n]);
        }
    }
}

}  // namespace

void serve_victims() noexcept {
    process = getpid();
    static_cast<void>(pthread_key_create(&late_key, in_destructor));
    shared->marker.store(reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "syscall")),
                         std::memory_order_relaxed);
    shared->way_out.store(reinterpret_cast<std::uintptr_t>(&leave), std::memory_order_relaxed);
    shared->victim.store(1, std::memory_order_release);  // the worker is ready
    for (std::uint32_t wanted = 0;;) {
        wanted = wait_while(shared->wanted, wanted);
        prepare_elsewhere(shared->operation.load(std::memory_order_relaxed));
        pthread_t thread;
        if (pthread_create(&thread, nullptr, live, nullptr) != 0) std::abort();
        pthread_detach(thread);
    }
}

// Frees the blocks of a victim that has ended. Only the blocks in its bins are
// lost.
void audit(std::uintptr_t index, std::uint32_t round) noexcept {
    (void)malloc_trim(0);
    if (index != 0) return;
    for (std::size_t other = 1; other < helpers; ++other) {
        while (shared->finished[other].load(std::memory_order_acquire) != round) sched_yield();
    }
    Actor(1, shared->steps[0]).take_all();
    look_for_blocks_of_two();
    give_kept();
    for (int i = 0; i < 2; ++i) (void)malloc_trim(0);
    auto* check = find<std::size_t()>("ash_check");
    auto* statistics = find<ash_stats()>("ash_statistics");
    if (check == nullptr || statistics == nullptr) return;
    shared->findings.store(static_cast<std::uint32_t>(check()), std::memory_order_relaxed);
    constexpr std::size_t unit = 65536;
    const ash_stats now = statistics();
    shared->held.store(now.held / unit, std::memory_order_relaxed);
    shared->spread.store((now.held + now.free) / unit, std::memory_order_relaxed);
}

}  // namespace progress

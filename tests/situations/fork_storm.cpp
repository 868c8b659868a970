// Children of a multithreaded program, forked while its other threads allocate.
// A child frees its parent's blocks, allocates every size, starts threads,
// forks again, and exits. No call in it may wait.
// usage: fork_storm [FORKS]
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <semaphore.h>
#include <sys/wait.h>

#include "situation.hpp"

namespace {

std::atomic<bool> over{false};

void churn(unsigned seed) {
    constexpr std::size_t slots = 400;
    unsigned char* table[slots] = {};
    std::size_t size[slots] = {};
    while (!over.load(std::memory_order_relaxed)) {
        seed = seed * 1664525 + 1013904223;
        const std::size_t slot = (seed >> 8) % slots;
        if (table[slot] != nullptr)
            situation::give(table[slot], size[slot], static_cast<unsigned char>(slot));
        size[slot] = (seed & 63) == 0 ? 1 + seed % 500000 : 1 + seed % 2000;
        table[slot] = situation::take(size[slot], static_cast<unsigned char>(slot));
    }
    for (std::size_t slot = 0; slot < slots; ++slot) {
        if (table[slot] != nullptr)
            situation::give(table[slot], size[slot], static_cast<unsigned char>(slot));
    }
}

void wait_for(pid_t child) {
    int status = 0;
    situation::require(child > 0, "fork failed");
    situation::require(waitpid(child, &status, 0) == child, "waitpid failed");
    situation::require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child failed");
}

void work_as_child(std::vector<unsigned char*>& blocks, int number) {
    for (unsigned char* block : blocks) situation::give(block, 777, 5);
    blocks.clear();
    situation::exercise(8);
    if (number % 4 != 0) return;
    std::thread first(situation::exercise, 8);
    std::thread second(situation::exercise, 8);
    first.join();
    second.join();
}

/// Every eighth child has a child, which has one.
[[noreturn]] void be_child(std::vector<unsigned char*>& blocks, int number) {
    work_as_child(blocks, number);
    for (int depth = 0; depth < 2 && number % 8 == 0; ++depth) {
        blocks.push_back(situation::take(777, 5));
        const pid_t grandchild = fork();
        if (grandchild != 0) {
            wait_for(grandchild);
            break;
        }
        work_as_child(blocks, number);
    }
    // Half leave as programs do, with all exit handlers.
    if (number % 2 == 0) std::exit(0);
    _exit(0);
}

/// Each child forks the next while it has a thread with full bins: the memory
/// that this leaves behind must not add up.
void fork_in_a_chain(int left, std::size_t limit_kib) {
    situation::exercise(8);
    situation::require(situation::resident_kib() < limit_kib, "memory grows from child to child");
    if (left == 0) return;
    sem_t full;
    sem_t over_now;
    situation::require(sem_init(&full, 0, 0) == 0 && sem_init(&over_now, 0, 0) == 0, "semaphores");
    std::thread other([&] {
        situation::exercise(30);
        sem_post(&full);
        while (sem_wait(&over_now) != 0) {
        }
    });
    while (sem_wait(&full) != 0) {
    }
    const pid_t child = fork();
    if (child == 0) {
        std::thread(situation::exercise, 8).join();
        fork_in_a_chain(left - 1, limit_kib);
        _exit(0);
    }
    wait_for(child);
    sem_post(&over_now);
    other.join();
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    const int forks = static_cast<int>(situation::times(argc, argv, 250));
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i) threads.emplace_back(churn, i + 1);
    for (int number = 0; number < forks; ++number) {
        std::vector<unsigned char*> blocks;
        for (int i = 0; i < 50; ++i) blocks.push_back(situation::take(777, 5));
        const pid_t child = fork();
        if (child == 0) be_child(blocks, number);
        for (unsigned char* block : blocks) situation::give(block, 777, 5);
        wait_for(child);
    }
    fork_in_a_chain(40, situation::resident_kib() + 48 * 1024);
    over.store(true, std::memory_order_relaxed);
    for (auto& thread : threads) thread.join();
    situation::require_sound_heap();
    return 0;
}

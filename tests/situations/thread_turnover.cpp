// 10,000 short-lived threads one after another, which leave blocks for others
// to free, and 2,000 detached ones: memory stays bounded, whatever the ended
// threads had in their caches.
// usage: thread_turnover [THREADS]
#include <atomic>
#include <thread>
#include <vector>

#include "situation.hpp"

namespace {

constexpr std::size_t left_by_each = 40;
struct Left {
    unsigned char* block;
    std::size_t size;
};

void live_shortly(unsigned seed, std::vector<Left>& left) {
    for (std::size_t i = 0; i < 200; ++i) {
        seed = seed * 1664525 + 1013904223;
        const std::size_t size = (seed & 127) == 0 ? 1 + seed % 200000 : 1 + (seed >> 4) % 3000;
        unsigned char* block = situation::take(size, 3);
        if (i < left_by_each) {
            left.push_back({block, size});
        } else {
            situation::give(block, size, 3);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    situation::require_ashlar();
    const unsigned all = situation::times(argc, argv, 10000);
    std::size_t warm = 0;
    std::vector<Left> before;
    std::vector<Left> now;
    for (unsigned i = 0; i < all; ++i) {
        now.clear();
        // Frees half of the blocks of the thread before, and the others here.
        std::thread([&] {
            live_shortly(i + 1, now);
            for (std::size_t k = 0; k < before.size(); k += 2)
                situation::give(before[k].block, before[k].size, 3);
        }).join();
        for (std::size_t k = 1; k < before.size(); k += 2)
            situation::give(before[k].block, before[k].size, 3);
        before.swap(now);
        if (i == all / 10) warm = situation::resident_kib();
    }
    for (const Left& left : before) situation::give(left.block, left.size, 3);
    const std::size_t end = situation::resident_kib();
    std::printf("resident after %u threads: %zu KiB, after %u: %zu KiB\n", all / 10, warm, all,
                end);
    situation::require(end < warm + 8 * 1024, "memory grows from thread to thread");

    // Detached threads, some alive at the same time: the second thousand must
    // need no more than the first.
    std::size_t after[2];
    for (std::size_t& resident : after) {
        std::atomic<int> running{0};
        for (int i = 0; i < 1000; ++i) {
            running.fetch_add(1);
            std::thread([&running] {
                situation::exercise(2);
                running.fetch_sub(1);
            }).detach();
            while (running.load() > 8) std::this_thread::yield();
        }
        while (running.load() > 0) std::this_thread::yield();
        resident = situation::resident_kib();
    }
    situation::require(after[1] < after[0] + 64 * 1024,
                       "memory grows from detached thread to thread");
    situation::require_sound_heap();
    return 0;
}

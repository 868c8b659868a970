#include "storm_worker.hpp"

#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <unistd.h>

namespace kills {
namespace {

[[noreturn]] void give_up(const char* what) noexcept {
    std::fprintf(stderr, "storm: %s\n", what);
    _exit(3);
}

class Thread {
  public:
    Thread(ashlar::SharedHeap& heap, Board& board, unsigned row, std::uint64_t seed)
        : heap_(heap), row_(board.rows[row]), random_(seed),
          places_(static_cast<std::uint64_t*>(heap.to_address(board.places))),
          own_(places_ + row * kPlacesOfThread) {}

    void step() {
        const std::uint32_t kind = random_.below(1000);
        if (kind < 500) {
            use(row_.entries[random_.below(std::size(row_.entries))]);
        } else if (kind < 750) {
            fill(own_[random_.below(kPlacesOfThread)]);
        } else if (kind < 996) {
            static_cast<void>(heap_.deallocate_from(&places_[random_.below(kPlaces)]));
        } else if (kind < 999) {
            heap_.recover();
        } else {
            heap_.trim();
        }
        row_.operations.fetch_add(1, std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] std::size_t size() {
        const std::uint32_t kind = random_.below(100);
        if (kind < 80) return 8 + random_.below(1000);
        if (kind < 98) return 8 + random_.below(30000);
        return 8 + random_.below(300000);
    }
    // The entry says that the block is being freed before that begins, and
    // names a block as soon as the thread has its address.
    void use(Entry& entry) {
        const std::uint64_t at = entry.block.load();
        if (at != 0) {
            auto* const block = static_cast<std::uint64_t*>(heap_.to_address(at));
            if (*block != entry.stamp || heap_.usable_size(block) != entry.size)
                give_up("a block has changed");
            entry.block.store(at | kFreeing);
            heap_.deallocate(block);
            entry.block.store(0);
            return;
        }
        entry.size = size();
        entry.stamp = random_.next();
        auto* const block = static_cast<std::uint64_t*>(heap_.allocate(entry.size));
        if (block == nullptr) give_up("no room");
        *block = entry.stamp;
        entry.block.store(heap_.to_offset(block));
    }
    // Only this thread fills the place; any thread empties it.
    void fill(std::uint64_t& place) {
        if (std::atomic_ref<std::uint64_t>(place).load() != 0) return;
        if (heap_.allocate_to(&place, size()) == nullptr) give_up("no room for a place");
    }

    ashlar::SharedHeap& heap_;
    Row& row_;
    Random random_;
    std::uint64_t* places_;
    std::uint64_t* own_;
};

}  // namespace

// Threads end and begin again, so that kills meet attaching and detaching.
void work(int file, Board& board, unsigned number, std::uint64_t seed) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ashlar::SharedHeap heap = ashlar::SharedHeap::descriptor(file);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
        threads.emplace_back([&heap, &board, row = number * kThreads + i, seed] {
            for (std::uint64_t life = 0; !board.over.load(); ++life) {
                std::thread([&] {
                    Thread thread(heap, board, row, seed + row * 1000 + life);
                    for (int left = 300; left > 0 && !board.over.load(); --left) thread.step();
                }).join();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::fflush(nullptr);
    _exit(0);
}

}  // namespace kills

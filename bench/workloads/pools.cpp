// A pool of many threads of which one works at a time: each wakes for a
// request, allocates, frees all but a little, and sleeps again. At the end all
// threads still exist, so that the memory shows how much sleeping threads keep
// to themselves.
#include <semaphore.h>

#include "blocks.hpp"
#include "measure.hpp"
#include "team.hpp"

namespace bench {
namespace {

constexpr unsigned pool = 64;
constexpr std::uint32_t request = 1'000;
constexpr std::uint32_t kept = 10;

class Pool {
  public:
    explicit Pool(std::uint64_t rounds) noexcept : rounds_(rounds) {
        for (sem_t& turn : turns_) sem_init(&turn, 0, 0);
        sem_init(&done_, 0, 0);
        sem_init(&asleep_, 0, 0);
    }

    void work(unsigned self) noexcept {
        Random random(self + 80);
        void** own = &kept_[std::size_t{self} * kept];
        std::uint64_t sum = 0;
        for (std::uint64_t round = 0; round < rounds_; ++round) {
            wait(turns_[self]);
            for (std::uint32_t i = 0; i < kept; ++i) {
                if (own[i] != nullptr) sum += drop(own[i]);
            }
            fill<Uniform<16, 2048>>(blocks_, random);
            for (std::uint32_t i = kept; i < request; ++i) sum += drop(blocks_[i]);
            for (std::uint32_t i = 0; i < kept; ++i) own[i] = blocks_[i];
            sem_post(&done_);
        }
        for (std::uint32_t i = 0; i < kept; ++i) sum += drop(own[i]);
        sums_[self * 16] = sum;
        sem_post(&asleep_);
        wait(turns_[self]);  // asleep, while the memory is measured
    }
    void serve() noexcept {
        for (std::uint64_t i = 0; i < rounds_ * pool; ++i) {
            sem_post(&turns_[i % pool]);
            wait(done_);
        }
        for (unsigned i = 0; i < pool; ++i) wait(asleep_);
    }
    void end() noexcept {
        for (sem_t& turn : turns_) sem_post(&turn);
    }
    [[nodiscard]] std::uint64_t sum() noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t sum : sums_) all += sum;
        return all;
    }

  private:
    static void wait(sem_t& semaphore) noexcept {
        while (sem_wait(&semaphore) != 0) {
        }
    }

    std::uint64_t rounds_;
    Table<sem_t> turns_{pool};
    sem_t done_{};
    sem_t asleep_{};
    Table<void*> blocks_{request};  // used by the thread that has the turn
    Table<void*> kept_{pool * kept};
    Table<std::uint64_t> sums_{pool * 16};
};

void idle_threads(Measure& measure) {
    const std::uint64_t rounds = measure.scaled(120);
    Pool threads(rounds);
    const auto body = [&threads, &measure](unsigned self) {
        if (self < pool) {
            threads.work(self);
            return;
        }
        measure.start();
        threads.serve();
        measure.stop();
        measure.settle();
        threads.end();
    };
    in_threads(pool + 1, body, [] {});
    measure.add(rounds * pool * request, threads.sum());
}

constexpr Workload workloads[] = {
    {"idle-threads", "idle-threads", 1, idle_threads,
     "64 threads of which one works at a time: 1,000 blocks of up to 2 KiB, freed"},
};

}  // namespace

Theme pools() noexcept { return theme(workloads); }

}  // namespace bench

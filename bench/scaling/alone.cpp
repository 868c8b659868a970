// Threads free their own blocks: they share only what the allocator shares.
#include <vector>

#include <ashlar/ashlar.h>

#include "work.hpp"

namespace bench {
namespace {

class Pairs final : public Work {
  public:
    explicit Pairs(std::uint64_t operations) : operations_(operations) {}
    void prepare(unsigned) override { drop(make(64)); }
    std::uint64_t run(unsigned) override {
        for (std::uint64_t i = 0; i < operations_; ++i) drop(make(64));
        return operations_;
    }

  private:
    std::uint64_t operations_;
};

struct Sizes {
    std::uint32_t live;  // blocks of each thread
    std::uint32_t least;
    std::uint32_t most;
};

/// Replaces a random block of the thread's own by one of another size.
class Replacement final : public Work {
  public:
    Replacement(Sizes sizes, unsigned threads, std::uint64_t operations)
        : sizes_(sizes), operations_(operations), live_(threads) {}
    void prepare(unsigned self) override {
        Random random(self);
        for (std::uint32_t i = 0; i < sizes_.live; ++i) live_[self].push_back(make(draw(random)));
        replace(self, random, sizes_.live * 2);
    }
    std::uint64_t run(unsigned self) override {
        Random random(self + 1000);
        replace(self, random, operations_);
        return operations_;
    }
    void finish(unsigned self) override {
        for (void* block : live_[self]) drop(block);
    }

  private:
    std::size_t draw(Random& random) const noexcept {
        return random.between(sizes_.least, sizes_.most);
    }
    void replace(unsigned self, Random& random, std::uint64_t times) noexcept {
        for (std::uint64_t i = 0; i < times; ++i) {
            void*& block = live_[self][random.below(sizes_.live)];
            drop(block);
            block = make(draw(random));
        }
    }

    Sizes sizes_;
    std::uint64_t operations_;
    std::vector<std::vector<void*>> live_;
};

/// Allocates thousands of blocks of 64 bytes, then frees all of them in random
/// order.
class Bursts final : public Work {
  public:
    Bursts(unsigned threads, std::uint64_t operations)
        : operations_(operations), blocks_(threads) {}
    void prepare(unsigned self) override {
        blocks_[self].resize(burst);
        go(self, 1);
    }
    std::uint64_t run(unsigned self) override {
        const std::uint64_t times = operations_ / burst + 1;
        go(self, times);
        return times * burst;
    }

  private:
    static constexpr std::uint32_t burst = 10'000;
    void go(unsigned self, std::uint64_t times) noexcept {
        Random random(self);
        std::vector<void*>& blocks = blocks_[self];
        for (std::uint64_t i = 0; i < times; ++i) {
            for (void*& block : blocks) block = make(64);
            for (std::uint32_t left = burst; left > 1; --left)
                std::swap(blocks[left - 1], blocks[random.below(left)]);
            for (void* block : blocks) drop(block);
        }
    }

    std::uint64_t operations_;
    std::vector<std::vector<void*>> blocks_;
};

/// The same by the functions for batches.
class Batches final : public Work {
  public:
    explicit Batches(std::uint64_t operations) : operations_(operations) {}
    void prepare(unsigned) override { go(4); }
    std::uint64_t run(unsigned) override {
        const std::uint64_t times = operations_ / batch + 1;
        go(times);
        return times * batch;
    }

  private:
    static constexpr std::uint32_t batch = 2'048;
    static void go(std::uint64_t times) noexcept {
        void* blocks[batch];
        for (std::uint64_t i = 0; i < times; ++i) {
            if (ash_malloc_batch(64, batch, blocks) != batch) fail("out of memory");
            ash_free_batch(blocks, batch);
        }
    }

    std::uint64_t operations_;
};

std::unique_ptr<Work> replacement(Sizes sizes, unsigned threads, std::uint64_t operations) {
    return std::make_unique<Replacement>(sizes, threads, operations);
}

constexpr Kind kinds[] = {
    {"pair", "malloc and free of 64 B in turn", 1, 1,
     [](unsigned, std::uint64_t n) -> std::unique_ptr<Work> { return std::make_unique<Pairs>(n); }},
    {"churn", "each thread replaces random ones of its own 2,000 blocks of 16 to 512 B", 1, 1,
     [](unsigned threads, std::uint64_t n) {
         return replacement({2000, 16, 512}, threads, n);
     }},
    {"medium", "the same with 100 blocks of 2 to 32 KiB", 1, 1,
     [](unsigned threads, std::uint64_t n) {
         return replacement({100, 2048, 32'768}, threads, n / 2);
     }},
    {"large", "the same with 12 blocks of 40 KiB to 2 MiB", 1, 1,
     [](unsigned threads, std::uint64_t n) {
         return replacement({12, 40'960, 2 << 20}, threads, n / 10);
     }},
    {"burst", "10,000 blocks of 64 B allocated, then freed at random", 1, 1,
     [](unsigned threads, std::uint64_t n) -> std::unique_ptr<Work> {
         return std::make_unique<Bursts>(threads, n);
     }},
    {"batch", "2,048 blocks of 64 B by ash_malloc_batch, then ash_free_batch", 1, 1,
     [](unsigned, std::uint64_t n) -> std::unique_ptr<Work> {
         return std::make_unique<Batches>(n);
     }},
};

}  // namespace

Kinds kinds_alone() noexcept { return {kinds, sizeof kinds / sizeof kinds[0]}; }

}  // namespace bench

// Work in which other threads free blocks than those that allocated them.
#include <sched.h>

#include <atomic>
#include <vector>

#include "work.hpp"

namespace bench {
namespace {

/// One producer and one consumer, which publish their positions once for a
/// batch. Without base::Atomic, so that it is not counted.
class Pipe {
  public:
    static constexpr std::size_t batch = 32;

    [[nodiscard]] bool has_room() const noexcept {
        return put_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire) <=
               capacity - batch;
    }
    template <class Make>
    void put(Make make) noexcept {
        const std::size_t at = put_.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < batch; ++i) blocks_[(at + i) % capacity] = make();
        put_.store(at + batch, std::memory_order_release);
    }
    /// Frees the blocks in it; returns their number.
    std::size_t drain() noexcept {
        const std::size_t from = taken_.load(std::memory_order_relaxed);
        const std::size_t to = put_.load(std::memory_order_acquire);
        for (std::size_t i = from; i != to; ++i) drop(blocks_[i % capacity]);
        taken_.store(to, std::memory_order_release);
        return to - from;
    }

  private:
    static constexpr std::size_t capacity = 128;
    std::atomic<std::size_t> put_{0};
    std::atomic<std::size_t> taken_{0};
    void* blocks_[capacity];
};

/// Thread 2i allocates, thread 2i + 1 frees.
class HandOver final : public Work {
  public:
    HandOver(unsigned threads, std::uint64_t operations)
        : batches_(2 * operations / Pipe::batch), pipes_(threads / 2) {}
    void prepare(unsigned self) override { go(self, batches_ / 8); }
    std::uint64_t run(unsigned self) override { return go(self, batches_); }

  private:
    std::uint64_t go(unsigned self, std::uint64_t batches) noexcept {
        Pipe& pipe = pipes_[self / 2];
        if (self % 2 == 0) {
            for (std::uint64_t i = 0; i < batches; ++i) {
                while (!pipe.has_room()) sched_yield();
                pipe.put([] { return make(64); });
            }
            return batches * Pipe::batch;
        }
        for (std::uint64_t left = batches * Pipe::batch; left > 0;) {
            const std::size_t got = pipe.drain();
            if (got == 0) sched_yield();
            left -= got;
        }
        return 0;
    }

    std::uint64_t batches_;
    std::vector<Pipe> pipes_;
};

/// Every thread allocates for all others in turn, and frees the blocks that it
/// receives.
class Exchange final : public Work {
  public:
    Exchange(unsigned threads, std::uint64_t operations)
        : threads_(threads), batches_(operations / Pipe::batch), sending_(threads),
          pipes_(std::size_t{threads} * threads) {}
    std::uint64_t run(unsigned self) override {
        Random random(self);
        for (std::uint64_t i = 0; i < batches_; ++i) {
            Pipe& pipe = pipes_[self * threads_ + (self + 1 + i % (threads_ - 1)) % threads_];
            while (!pipe.has_room()) {
                if (!drain(self)) sched_yield();
            }
            pipe.put([&random] { return make(random.between(16, 512)); });
            drain(self);
        }
        --sending_;
        while (sending_ != 0) {
            if (!drain(self)) sched_yield();
        }
        drain(self);
        return batches_ * Pipe::batch;
    }

  private:
    bool drain(unsigned self) noexcept {
        bool any = false;
        for (unsigned from = 0; from < threads_; ++from)
            any = pipes_[from * threads_ + self].drain() != 0 || any;
        return any;
    }

    unsigned threads_;
    std::uint64_t batches_;
    std::atomic<unsigned> sending_;
    std::vector<Pipe> pipes_;
};

/// After Larson and Krishnan, "Memory allocation for long-running server
/// applications" (1998): each array of blocks gets a new thread in each
/// generation, which replaces random ones and leaves the array to the next.
class Larson final : public Work {
  public:
    Larson(unsigned threads, std::uint64_t operations)
        : operations_(operations), arrays_(threads) {}
    void prepare(unsigned self) override {
        Random random(self);
        for (std::uint32_t i = 0; i < live; ++i)
            arrays_[self].push_back(make(random.between(16, 512)));
    }
    std::uint64_t run(unsigned self) override {
        Random random(self + ++seed_ * 1000);
        std::vector<void*>& array = arrays_[self];
        for (std::uint64_t i = 0; i < operations_; ++i) {
            void*& block = array[random.below(live)];
            drop(block);
            block = make(random.between(16, 512));
        }
        return operations_;
    }
    void finish(unsigned self) override {
        for (void* block : arrays_[self]) drop(block);
    }

  private:
    static constexpr std::uint32_t live = 1000;
    std::uint64_t operations_;
    std::atomic<std::uint64_t> seed_{0};
    std::vector<std::vector<void*>> arrays_;
};

constexpr unsigned generations = 4;

constexpr Kind kinds[] = {
    {"hand-over", "half of the threads allocate 64 B, each for one that frees", 2, 1,
     [](unsigned threads, std::uint64_t n) -> std::unique_ptr<Work> {
         return std::make_unique<HandOver>(threads, n);
     }},
    {"exchange", "every thread allocates 16 to 512 B for all others in turn", 2, 1,
     [](unsigned threads, std::uint64_t n) -> std::unique_ptr<Work> {
         return std::make_unique<Exchange>(threads, n);
     }},
    {"larson", "1,000 blocks of 16 to 512 B for each thread, left to a new one four times", 1,
     generations,
     [](unsigned threads, std::uint64_t n) -> std::unique_ptr<Work> {
         return std::make_unique<Larson>(threads, n / generations);
     }},
};

}  // namespace

Kinds kinds_across() noexcept { return {kinds, sizeof kinds / sizeof kinds[0]}; }

}  // namespace bench

// A bounded single-producer single-consumer ring of blocks. Both ends keep a
// copy of the other's position and publish their own once per batch, so that
// the ring costs little beside the allocator.
#ifndef ASHLAR_BENCH_RING_HPP
#define ASHLAR_BENCH_RING_HPP

#include <atomic>
#include <cstddef>

namespace bench {

/// All-zero memory is an empty ring. Capacity is a power of two and a multiple
/// of batch.
template <std::size_t Capacity, std::size_t Batch>
class Ring {
    static_assert((Capacity & (Capacity - 1)) == 0 && Capacity % Batch == 0);

  public:
    static constexpr std::size_t batch = Batch;

    /// Producer: whether a batch fits.
    [[nodiscard]] bool has_room() noexcept {
        if (pushed_ - popped_seen_ <= Capacity - Batch) return true;
        // acquire pairs with release in take(): the slots were read before they
        // are written again
        popped_seen_ = popped_.load(std::memory_order_acquire);
        return pushed_ - popped_seen_ <= Capacity - Batch;
    }
    /// Producer, after has_room(): at most a batch of these, then publish().
    void put(void* block) noexcept { slots_[pushed_++ % Capacity] = block; }
    // release pairs with acquire in take(): the slots and the blocks' contents
    void publish() noexcept { published_.store(pushed_, std::memory_order_release); }

    /// Consumer: hands every block that is there to `each`, and returns how
    /// many.
    template <class Each>
    std::size_t take(Each each) noexcept {
        const std::size_t from = popped_.load(std::memory_order_relaxed);
        const std::size_t to = published_.load(std::memory_order_acquire);
        for (std::size_t i = from; i != to; ++i) each(slots_[i % Capacity]);
        if (from != to) popped_.store(to, std::memory_order_release);
        return to - from;
    }

  private:
    alignas(128) std::size_t pushed_;  // producer only
    std::size_t popped_seen_;          // producer only
    alignas(128) std::atomic<std::size_t> published_;
    alignas(128) std::atomic<std::size_t> popped_;
    alignas(128) void* slots_[Capacity];
};

}  // namespace bench

#endif

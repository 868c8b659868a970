// Freed blocks of a thread that wait before they can be used again. A block
// first takes the place of a random other one. That one then waits in a queue
// bounded by bytes. The owner of the cache uses it inside an OwnerScope, and a
// collector while it works on the cache. A block leaves its slot before it is
// given elsewhere, so that a fork may cut anywhere.
//
//   freed -> | random slots | -> | queue, oldest first | -> its bin
#ifndef ASHLAR_MALLOC_CACHE_QUARANTINE_HPP
#define ASHLAR_MALLOC_CACHE_QUARANTINE_HPP

#include <cstddef>
#include <cstdint>

#include "base/barrier.hpp"

namespace ashlar::cache {

class alignas(4096) Quarantine {
  public:
    // Puts a block in. Calls leave(block), which returns its weight, for each
    // block that goes.
    template <class F>
    void put(void* block, std::size_t weight, F leave) noexcept {
        weight_ += weight;
        ++count_in_;
        void*& slot = slots_[random(kSlots)];
        void* const before = slot;
        slot = block;
        base::compiler_fence();
        if (before == nullptr) return;
        while (count_ == kQueue || (weight_ > kMost && count_ != 0)) leave_oldest(leave);
        queue_[(first_ + count_) % kQueue] = before;
        base::compiler_fence();
        ++count_;
    }
    // Empties it. The number of blocks in the queue may be wrong after a fork.
    template <class F>
    void drain(F leave) noexcept {
        const auto take = [&](void*& slot) noexcept {
            void* const block = slot;
            slot = nullptr;
            base::compiler_fence();
            if (block != nullptr) leave(block);
        };
        for (void*& slot : slots_) take(slot);
        for (void*& slot : queue_) take(slot);
        first_ = count_ = 0;
        weight_ = 0;
    }
    template <class F>
    void visit(F f) const noexcept {
        for (void* block : slots_) f(block);
        for (void* block : queue_) f(block);
    }
    // How many blocks were put in so far.
    [[nodiscard]] std::uint64_t count_in() const noexcept { return count_in_; }
    [[nodiscard]] bool is_empty() const noexcept { return weight_ == 0; }
    // A random number in [0, end).
    [[nodiscard]] std::uint32_t random(std::uint32_t end) noexcept {
        if (random_ == 0) [[unlikely]]
            seed();
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return static_cast<std::uint32_t>((random_ >> 32) * end >> 32);
    }

  private:
    static constexpr std::uint32_t kSlots = 64;
    static constexpr std::uint32_t kQueue = 2048;
    static constexpr std::size_t kMost = std::size_t{256} << 10;

    template <class F>
    void leave_oldest(F leave) noexcept {
        void* const oldest = queue_[first_];
        queue_[first_] = nullptr;
        first_ = (first_ + 1) % kQueue;
        --count_;
        base::compiler_fence();
        if (oldest == nullptr) return;
        // leave() may drain it, where the process is short of memory.
        const std::size_t weight = leave(oldest);
        weight_ = weight_ > weight ? weight_ - weight : 0;
    }
    void seed() noexcept;

    std::size_t weight_;  // of all blocks
    std::uint64_t random_, count_in_;
    std::uint32_t first_, count_;  // of the queue
    void* slots_[kSlots];
    void* queue_[kQueue];
};

}  // namespace ashlar::cache

#endif

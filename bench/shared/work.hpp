// The processes' work. Each block gets a stamp at both ends, which is verified
// before the block is freed. Heaps of all kinds do the same operations.
#ifndef ASHLAR_BENCH_SHARED_WORK_HPP
#define ASHLAR_BENCH_SHARED_WORK_HPP

#include <cstring>

#include "team.hpp"

namespace bench {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
    std::uint64_t operator()() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ >> 11;
    }

  private:
    std::uint64_t state_;
};

struct Sizes {
    std::size_t least;
    std::size_t most;
    // Even over the logarithm: small sizes are as frequent as large ones.
    std::size_t operator()(Random& random) const {
        std::size_t top = least;
        const unsigned doublings = static_cast<unsigned>(__builtin_ctzll(most / least));
        for (std::uint64_t i = doublings == 0 ? 0 : random() % doublings; i > 0; --i) top *= 2;
        return doublings == 0 ? least : top + random() % top;
    }
};

struct Held {
    void* block = nullptr;
    std::uint32_t size = 0;
    std::uint32_t stamp = 0;
};

inline void stamp(const Held& held) {
    std::memcpy(held.block, &held.stamp, sizeof held.stamp);
    std::memcpy(static_cast<char*>(held.block) + held.size - sizeof held.stamp, &held.stamp,
                sizeof held.stamp);
}
inline void verify(const Held& held) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, held.block, sizeof first);
    std::memcpy(&last, static_cast<char*>(held.block) + held.size - sizeof last, sizeof last);
    if (first != held.stamp || last != held.stamp) fail("a block's content changed");
}

template <class Heap>
Held take(Heap& heap, std::size_t size, std::uint32_t mark) {
    const Held held{heap.allocate(size), static_cast<std::uint32_t>(size), mark};
    if (held.block == nullptr) fail("no room");
    stamp(held);
    return held;
}
template <class Heap>
void drop(Heap& heap, Held& held) {
    verify(held);
    heap.deallocate(held.block);
    held.block = nullptr;
}

// Allocates a block and frees it.
template <class Heap>
void pairs(Heap& heap, std::size_t size, std::uint64_t operations) {
    for (std::uint64_t i = 0; i < operations; ++i) {
        Held held = take(heap, size, static_cast<std::uint32_t>(i));
        drop(heap, held);
    }
}

// Replaces random blocks of a live set.
template <class Heap>
void replace(Heap& heap, Sizes sizes, std::size_t live, std::uint64_t operations, unsigned number) {
    Random random(number + 1);
    std::vector<Held> set(live);
    for (std::uint64_t i = 0; i < operations; ++i) {
        Held& held = set[random() % live];
        if (held.block != nullptr) drop(heap, held);
        held = take(heap, sizes(random), static_cast<std::uint32_t>(i));
    }
    for (Held& held : set) {
        if (held.block != nullptr) drop(heap, held);
    }
}

// Even processes allocate and hand over, odd ones free. One alone does both.
template <class Heap>
void produce(Heap& heap, Ring& ring, std::size_t size, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
        const Held held = take(heap, size, static_cast<std::uint32_t>(i));
        std::atomic<std::uint64_t>& place = ring.places[i % Ring::kPlaces];
        while (place.load(std::memory_order_acquire) != 0) sched_yield();
        place.store(heap.to_offset(held.block), std::memory_order_release);
    }
}
template <class Heap>
void consume(Heap& heap, Ring& ring, std::size_t size, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
        std::atomic<std::uint64_t>& place = ring.places[i % Ring::kPlaces];
        std::uint64_t offset = 0;
        while ((offset = place.load(std::memory_order_acquire)) == 0) sched_yield();
        place.store(0, std::memory_order_release);
        Held held{heap.to_address(offset), static_cast<std::uint32_t>(size),
                  static_cast<std::uint32_t>(i)};
        drop(heap, held);
    }
}
template <class Heap>
void hand_over(Heap& heap, Shared& shared, std::size_t size, std::uint64_t operations,
               unsigned number, unsigned processes) {
    Ring& ring = shared.rings[number / 2];
    if (processes == 1) {
        for (std::uint64_t i = 0; i < operations; i += Ring::kPlaces) {
            const std::uint64_t to = std::min(operations, i + Ring::kPlaces);
            produce(heap, ring, size, i, to);
            consume(heap, ring, size, i, to);
        }
    } else if (number % 2 == 0) {
        produce(heap, ring, size, 0, operations * 2);
    } else {
        consume(heap, ring, size, 0, operations * 2);
    }
}

}  // namespace bench

#endif

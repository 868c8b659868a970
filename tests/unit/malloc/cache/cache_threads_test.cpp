// Several threads, each with its own cache, exchange blocks of all kinds over
// one heap. At the end no block is lost.
#include <array>
#include <memory>

#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/malloc/heap/heap_fixture.hpp"

namespace {

using namespace ashlar::base;

class CacheThreads : public HeapOver {
  protected:
    static constexpr unsigned threads = 4;

    CacheThreads() : HeapOver(3000, 6) {}

    struct Head {
        std::uint64_t size;
        std::uint64_t check;
    };

    void fault() { faults_.fetch_add(1, rlx); }
    void* write(void* block) {
        const std::size_t size = heap_.size_of(block).bytes;
        auto* head = static_cast<Head*>(block);
        *head = {size, reinterpret_cast<std::uintptr_t>(block) ^ size};
        static_cast<char*>(block)[size - 1] = static_cast<char>(head->check);
        return block;
    }
    void verify(void* block) {
        const auto* head = static_cast<Head*>(block);
        if (head->size != heap_.size_of(block).bytes) fault();
        if (head->size > sizeof(Head) &&
            static_cast<char*>(block)[head->size - 1] != static_cast<char>(head->check))
            fault();
    }
    // As the entry points of malloc do it: another thread may collect from the
    // cache meanwhile.
    void* take(Cache& cache, Bin bin) {
        void* block = is_run(bin) ? nullptr : cache.pop(bin);
        if (block != nullptr) return block;
        const ashlar::cache::OwnerScope scope(&cache);
        return scope.cache() != nullptr ? cache.take(bin) : heap_.take(bin);
    }
    void give(Cache& cache, void* block) {
        const Bin bin = heap_.size_of(block).bin;
        if (cache.push(block, bin)) return;
        const ashlar::cache::OwnerScope scope(&cache);
        scope.cache() != nullptr ? cache.give(block, bin) : heap_.give(block, bin);
    }
    // Takes a block, leaves it in the exchange, and gives the block that was
    // there.
    void step(Random& random, Cache& cache) {
        static constexpr Bin bins[] = {2, 4, 9, 20, 21, 30, kClasses - 1, kClasses, kClasses + 4};
        const Bin bin = bins[random.below(std::size(bins))];
        void* block = take(cache, bin);
        if (block == nullptr) return fault();
        write(block);
        block = places_[random.below(places_.size())].exchange(block, acq_rel);
        if (block == nullptr) return;
        verify(block);
        give(cache, block);
    }

    std::array<Atomic<void*>, 400> places_{};
    Atomic<std::uint32_t> faults_{0};
};

TEST_F(CacheThreads, ExchangedBlocksAreNeverSharedOrLost) {
    together(threads, [&](unsigned self) {
        Random random(self + 1);
        for (int life = 0; life < 3; ++life) {
            Cache* cache = heap_.take_cache();
            if (cache == nullptr) return fault();
            for (int i = 0; i < 2500; ++i) {
                step(random, *cache);
                if (self == 0 && i % 500 == 0) heap_.trim();
                if (i % 900 == 0) fake_now_ms.fetch_add(250, std::memory_order_relaxed);
            }
            heap_.end_cache(cache);
        }
    });
    Cache& cache = *heap_.take_cache();
    std::size_t found = 0;
    for (auto& place : places_) {
        void* block = place.exchange(nullptr, acq_rel);
        if (block == nullptr) continue;
        ++found;
        verify(block);
        cache.give(block, heap_.size_of(block).bin);
    }
    cache.flush();
    EXPECT_GT(found, 300U);
    EXPECT_EQ(faults_.load(rlx), 0U);
    expect_empty();
}

// The same, while one thread does nothing but collect. So each barrier meets
// hits, slow paths and the ends of threads.
TEST_F(CacheThreads, BlocksSurviveAThreadThatCollectsAllTheTime) {
    Atomic<std::uint32_t> left{threads - 1};
    together(threads, [&](unsigned self) {
        if (self == 0) {
            while (left.load(acq) != 0) heap_.collect_caches(false);
            return;
        }
        Random random(self + 10);
        for (int life = 0; life < 20; ++life) {
            Cache* cache = heap_.take_cache();
            if (cache == nullptr) return fault();
            for (int i = 0; i < 1000; ++i) step(random, *cache);
            heap_.end_cache(cache);
        }
        left.fetch_sub(1, acq_rel);
    });
    for (auto& place : places_) {
        void* block = place.exchange(nullptr, acq_rel);
        if (block == nullptr) continue;
        verify(block);
        heap_.give(block, heap_.size_of(block).bin);
    }
    EXPECT_EQ(faults_.load(rlx), 0U);
    expect_empty();
}

// One thread only takes and the other only gives: every batch goes through the
// depot or the slabs.
TEST_F(CacheThreads, ProducerAndConsumerUseBoundedMemory) {
    constexpr std::size_t ring = 256;
    constexpr std::size_t total = 40'000;
    std::array<Atomic<void*>, ring> slots{};
    together(2, [&](unsigned self) {
        Cache* cache = heap_.take_cache();
        for (std::size_t i = 0; i < total; ++i) {
            auto& slot = slots[i % ring];
            if (self == 0) {
                void* block = cache->take(4);
                if (block == nullptr) return fault();
                write(block);
                while (slot.load(rlx) != nullptr) std::this_thread::yield();
                slot.store(block, rel);
            } else {
                void* block = slot.load(acq);
                for (; block == nullptr; block = slot.load(acq)) std::this_thread::yield();
                slot.store(nullptr, rlx);
                verify(block);
                cache->give(block, 4);
            }
        }
        heap_.end_cache(cache);
    });
    EXPECT_EQ(faults_.load(rlx), 0U);
    EXPECT_LE(heap_.spans.counts().peak, 200U) << "the memory in use stays bounded";
    expect_empty();
}

}  // namespace

// Several threads, a cache each, on one heap: blocks of all kinds go round; at the end nothing is lost.
#include <array>
#include <memory>

#include "../base/random.hpp"
#include "../base/together.hpp"
#include "core_fixture.hpp"

namespace {

using namespace ashlar::base;

class CacheThreads : public CoreOver {
  protected:
    static constexpr unsigned threads = 4;

    CacheThreads() : CoreOver(3000, 6) {}

    struct Head {
        std::uint64_t size;
        std::uint64_t check;
    };

    void fault() { faults_.fetch_add(1, rlx); }
    void* write(void* block) {
        const std::size_t size = core_.size_of(block).bytes;
        auto* head = static_cast<Head*>(block);
        *head = {size, reinterpret_cast<std::uintptr_t>(block) ^ size};
        static_cast<char*>(block)[size - 1] = static_cast<char>(head->check);
        return block;
    }
    void verify(void* block) {
        const auto* head = static_cast<Head*>(block);
        if (head->size != core_.size_of(block).bytes) fault();
        if (head->size > sizeof(Head) && static_cast<char*>(block)[head->size - 1] != static_cast<char>(head->check)) fault();
    }
    // Takes a block or two, leaves them in the exchange, and gives what lay there.
    void step(Random& random, Cache& cache) {
        static constexpr Bin bins[] = {2, 4, 9, 20, 21, 30, kClasses - 1, kClasses, kClasses + 4};
        const Bin bin = bins[random.below(std::size(bins))];
        void* block = cache.take(bin);
        if (block == nullptr) return fault();
        write(block);
        block = places_[random.below(places_.size())].exchange(block, ar);
        if (block == nullptr) return;
        verify(block);
        cache.give(block, core_.size_of(block).bin);
    }

    std::array<Atomic<void*>, 400> places_{};
    Atomic<std::uint32_t> faults_{0};
};

TEST_F(CacheThreads, BlocksGoRoundAndComeBack) {
    together(threads, [&](unsigned self) {
        Random random(self + 1);
        for (int life = 0; life < 3; ++life) {
            Cache* cache = core_.take_cache();
            if (cache == nullptr) return fault();
            for (int i = 0; i < 2500; ++i) {
                step(random, *cache);
                if (self == 0 && i % 500 == 0) core_.trim();
                if (i % 900 == 0) fake_now_ms.fetch_add(250, std::memory_order_relaxed);
            }
            cache->flush();
            core_.give_cache(cache);
        }
    });
    Cache& cache = *core_.take_cache();
    std::size_t found = 0;
    for (auto& place : places_) {
        void* block = place.exchange(nullptr, ar);
        if (block == nullptr) continue;
        ++found;
        verify(block);
        cache.give(block, core_.size_of(block).bin);
    }
    cache.flush();
    EXPECT_GT(found, 300U);
    EXPECT_EQ(faults_.load(rlx), 0U);
    expect_empty();
}

// One fills, one empties: every batch goes through the depot or the slabs, never back on its own way.
TEST_F(CacheThreads, ProducerToConsumer) {
    constexpr std::size_t ring = 256;
    constexpr std::size_t total = 40'000;
    std::array<Atomic<void*>, ring> slots{};
    together(2, [&](unsigned self) {
        Cache* cache = core_.take_cache();
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
        cache->flush();
        core_.give_cache(cache);
    });
    EXPECT_EQ(faults_.load(rlx), 0U);
    EXPECT_LE(core_.spans.counts().peak, 200U) << "memory that goes round stays bounded";
    expect_empty();
}

}  // namespace

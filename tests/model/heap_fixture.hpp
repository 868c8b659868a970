// A whole heap, threads with and without a cache of their own, and a ledger of
// their blocks.
#ifndef ASHLAR_TESTS_MODEL_HEAP_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_HEAP_FIXTURE_HPP

#include "arena_fixture.hpp"
#include "malloc/heap/heap.hpp"

namespace interleave {

using ashlar::cache::Cache;
using ashlar::cache::Heap;

inline constexpr std::uint32_t kCaches = 4;
// 32 blocks a magazine, 64 a bin.
inline constexpr ashlar::base::Bin kOneKiB = ashlar::base::class_of_size(1024);
// 8 blocks a magazine, 16 a bin.
inline constexpr ashlar::base::Bin kFour = kEight;
inline constexpr unsigned kFourBin = ashlar::cache::kCapacityOfBin[kFour];
inline constexpr unsigned kFourShard = kFourBin + 2 * ashlar::depot::batch_of_class(kFour);
inline constexpr ashlar::base::Bin kRun = ashlar::base::bin_of_run(2);

class HeapScenario : public Scenario {
  public:
    using Bin = ashlar::base::Bin;
    explicit HeapScenario(ashlar::base::UnitId units, std::uint32_t caches = kCaches)
        : units_(units), caches_(caches) {}
    void set_up() override {
        heap_ = Heap::create(ashlar::region::kSystem, units_, caches_);
        require(heap_ != nullptr, "no heap");
        prepare();
        ledger_.remember();
        for (unsigned t = 0; t < threads; ++t) first_cache_[t] = cache_[t];
    }
    void begin() override {
        now_ms = 0;
        ledger_.begin();
        for (unsigned t = 0; t < threads; ++t) cache_[t] = first_cache_[t];
    }
    // At the end every block is given back, and then all memory must be free.
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        require_holes(heap_->spans);
        ledger_.give_all(
            [this](void* block, std::size_t) { heap_->give(block, cache().pages.bin_of(block)); });
        for (unsigned t = 0; t < threads; ++t) {
            if (cache_[t] == nullptr) continue;
            const ashlar::cache::OwnerScope scope(cache_[t]);
            require(scope.cache() != nullptr, "a collector did not leave a cache");
            cache_[t]->flush();
        }
        heap_->reclaim();
        const std::string faults = Quiet(heap_->spans, heap_->arena).faults();
        require(faults.empty(), faults.c_str());
        require(heap_->spans.held() == 0, "units were lost");
        require_units(heap_->spans, {});
        require_holes(heap_->spans);
    }

  protected:
    virtual void prepare() {}
    Heap& heap() { return *heap_; }
    void own_cache(unsigned thread) {
        cache_[thread] = heap_->take_cache();
        require(cache_[thread] != nullptr, "no cache");
    }
    void give_cache(unsigned thread) {
        Cache* cache = cache_[thread];
        cache_[thread] = nullptr;
        heap_->end_cache(cache);
    }
    // As an entry point of malloc: a hit, or the slow path inside a scope.
    void* take_hit(unsigned thread, Bin bin) {
        void* block = ashlar::base::is_run(bin) ? nullptr : cache_[thread]->pop(bin);
        if (block == nullptr) {
            const ashlar::cache::OwnerScope scope(cache_[thread]);
            block = scope.cache() != nullptr ? scope.cache()->take(bin) : heap_->take(bin);
        }
        if (block != nullptr) ledger_.take(block, ashlar::base::size_of_bin(bin));
        return block;
    }
    void give_hit(unsigned thread, Bin bin, void* block) {
        ledger_.give(block);
        if (cache_[thread]->push(block)) return;
        const ashlar::cache::OwnerScope scope(cache_[thread]);
        scope.cache() != nullptr ? scope.cache()->give(block, bin) : heap_->give(block, bin);
    }
    void* take(unsigned thread, Bin bin) {
        void* block = cache_[thread] != nullptr ? cache_[thread]->take(bin) : heap_->take(bin);
        if (block != nullptr) ledger_.take(block, ashlar::base::size_of_bin(bin));
        return block;
    }
    void give(unsigned thread, Bin bin, void* block) {
        ledger_.give(block);
        if (cache_[thread] != nullptr) {
            cache_[thread]->give(block, bin);
        } else {
            heap_->give(block, bin);
        }
    }
    // Gives blocks until the next one would overflow; returns their number.
    unsigned fill(unsigned thread, Bin bin, void* const* blocks) {
        unsigned given = 0;
        const Cache& cache = *cache_[thread];
        while (cache.top[bin] != cache.limit[bin] || given == 0) give(thread, bin, blocks[given++]);
        return given;
    }
    // The same, with two more magazines: then the depot has no room for larger
    // blocks of the thread, and they go to their slabs.
    unsigned fill_shard(unsigned thread, Bin bin, void* const* blocks) {
        unsigned given = 0;
        for (unsigned i = 0; i < 3; ++i) given += fill(thread, bin, blocks + given);
        return given;
    }
    Cache* cache_of(unsigned thread) { return cache_[thread]; }
    // The heap's view of a pointer, through any cache that was ever attached.
    const ashlar::cache::ThreadCache& cache() {
        static ashlar::cache::ThreadCache front{};
        front.pages = heap_->spans.pages();
        return front;
    }
    Ledger ledger_;

  private:
    ashlar::base::UnitId units_;
    std::uint32_t caches_;
    Heap* heap_ = nullptr;
    Cache* cache_[4] = {};
    Cache* first_cache_[4] = {};
};

}  // namespace interleave

#endif

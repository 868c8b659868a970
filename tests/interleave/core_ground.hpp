// A whole heap, threads with a cache of their own or none, and a ledger of what they hold.
#ifndef ASHLAR_TESTS_INTERLEAVE_CORE_GROUND_HPP
#define ASHLAR_TESTS_INTERLEAVE_CORE_GROUND_HPP

#include "cache/core.hpp"
#include "heap_ground.hpp"

namespace interleave {

using ashlar::cache::Cache;
using ashlar::cache::Core;

inline constexpr std::uint32_t kCaches = 4;
inline constexpr ashlar::base::Bin kOneKiB = ashlar::base::class_of_size(1024);  // 32 blocks a magazine, 64 a bin
inline constexpr ashlar::base::Bin kFour = kEight;                               // 8 blocks a magazine, 16 a bin
inline constexpr unsigned kFourBin = ashlar::cache::kCapacityOfBin[kFour];
inline constexpr unsigned kFourShelf = kFourBin + 2 * ashlar::depot::batch_of_class(kFour);
inline constexpr ashlar::base::Bin kRun = ashlar::base::bin_of_run(2);

class CoreScenario : public Scenario {
  public:
    using Bin = ashlar::base::Bin;
    explicit CoreScenario(ashlar::base::UnitId units) : units_(units) {}
    void set_up() override {
        core_ = Core::create(kSource, units_, kCaches);
        require(core_ != nullptr, "no heap");
        prepare();
        ledger_.remember();
        for (unsigned t = 0; t < threads; ++t) first_cache_[t] = cache_[t];
    }
    void begin() override {
        now_ms = 0;
        ledger_.begin();
        for (unsigned t = 0; t < threads; ++t) cache_[t] = first_cache_[t];
    }
    // Everything comes back, and then all of the memory is there.
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        require_holes(core_->spans);
        ledger_.give_all([this](void* block, std::size_t) { core_->give(block, cache().bin_of(block)); });
        for (unsigned t = 0; t < threads; ++t) {
            if (cache_[t] != nullptr) cache_[t]->flush();
        }
        core_->reclaim();
        const std::string faults = Quiet(core_->spans, core_->arena).faults();
        require(faults.empty(), faults.c_str());
        require(core_->spans.held() == 0, "units were lost");
        require_units(core_->spans, {});
        require_holes(core_->spans);
    }

  protected:
    virtual void prepare() {}
    Core& core() { return *core_; }
    void own_cache(unsigned thread) {
        cache_[thread] = core_->take_cache();
        require(cache_[thread] != nullptr, "no cache");
    }
    void give_cache(unsigned thread) {
        Cache* cache = cache_[thread];
        cache_[thread] = nullptr;
        cache->flush();
        core_->give_cache(cache);
    }
    void* take(unsigned thread, Bin bin) {
        void* block = cache_[thread] != nullptr ? cache_[thread]->take(bin) : core_->take(bin);
        if (block != nullptr) ledger_.take(block, ashlar::base::size_of_bin(bin));
        return block;
    }
    void give(unsigned thread, Bin bin, void* block) {
        ledger_.give(block);
        if (cache_[thread] != nullptr) {
            cache_[thread]->give(block, bin);
        } else {
            core_->give(block, bin);
        }
    }
    // Gives blocks until the next one would overflow; returns how many.
    unsigned fill(unsigned thread, Bin bin, void* const* blocks) {
        unsigned given = 0;
        const Cache& cache = *cache_[thread];
        while (cache.top[bin] != cache.limit[bin] || given == 0) give(thread, bin, blocks[given++]);
        return given;
    }
    // The same with two magazines more, so that the depot has no room for larger blocks of the thread: they go to their slabs.
    unsigned fill_shelf(unsigned thread, Bin bin, void* const* blocks) {
        unsigned given = 0;
        for (unsigned i = 0; i < 3; ++i) given += fill(thread, bin, blocks + given);
        return given;
    }
    Cache* cache_of(unsigned thread) { return cache_[thread]; }
    // The heap's view of a pointer, through any cache that was ever attached.
    const ashlar::cache::Front& cache() {
        static ashlar::cache::Front front{};
        front.base = core_->region().base;
        front.units = core_->region().end;
        front.map = core_->spans.map();
        return front;
    }
    Ledger ledger_;

  private:
    ashlar::base::UnitId units_;
    Core* core_ = nullptr;
    Cache* cache_[4] = {};
    Cache* first_cache_[4] = {};
};

}  // namespace interleave

#endif

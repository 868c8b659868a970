// Whole heaps: caches of threads, shared caches, blocks that pass through depot
// and slabs, and reclaiming.
#include "heap_fixture.hpp"
#include "malloc/process/registry.hpp"

namespace {

using namespace interleave;
// One thread's cache overflows into the depot, another's refills from it, and a
// third flushes its cache.
struct Overflow : HeapScenario {
    Overflow() : HeapScenario(12) { threads = 3; }
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kOneKiB);
        for (unsigned i = 150; i < 154; ++i) give(2, kOneKiB, blocks_[i]);
        next_ = fill(0, kOneKiB, blocks_);
    }
    void run(unsigned thread) override {
        if (thread == 0) give(0, kOneKiB, blocks_[next_]);
        if (thread == 1) take(1, kOneKiB);
        if (thread == 2) give_cache(2);
    }
    void* blocks_[154];
    unsigned next_ = 0;
};
const Enrolled<Overflow> kOverflow{"cache.overflow"};

// The depot has no room: batches pass through the slabs.
struct Batches : HeapScenario {
    Batches() : HeapScenario(12) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned t = 0; t < threads; ++t) next_ += fill_shard(t, kFour, blocks_ + next_);
    }
    void run(unsigned thread) override {
        give(thread, kFour, blocks_[next_ + thread]);
        take(thread, kFour);
    }
    void* blocks_[2 * kFourShard + 2];
    unsigned next_ = 0;
};
const Enrolled<Batches> kBatches{"cache.batches"};

// E11: threads without a cache share one, and its blocks pass from user to
// user.
struct Shared : HeapScenario {
    Shared() : HeapScenario(12) { threads = 3; }
    void run(unsigned thread) override {
        void* block = take(thread, kFour);
        if (block != nullptr && thread != 1) give(thread, kFour, block);
    }
};
const Enrolled<Shared> kShared{"cache.shared"};

// The same, while a reclaim flushes the shared caches.
struct SharedReclaim : HeapScenario {
    SharedReclaim() : HeapScenario(12) {}
    void prepare() override { block_ = take(0, kFour); }
    void run(unsigned thread) override {
        if (thread == 0) give(0, kFour, block_);
        if (thread == 1) heap().reclaim();
    }
    void* block_ = nullptr;
};
const Enrolled<SharedReclaim> kSharedReclaim{"cache.shared_reclaim"};

// Threads start and end: an ended thread's cache passes empty to the next one.
struct Passed : HeapScenario {
    Passed() : HeapScenario(12) { threads = 3; }
    void prepare() override {
        own_cache(0);
        block_ = take(0, kFour);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, kFour, block_);
            return give_cache(0);
        }
        own_cache(thread);
        void* block = take(thread, kFour);
        if (block != nullptr) give(thread, kFour, block);
        if (thread == 1) give_cache(1);
    }
    void* block_ = nullptr;
};
const Enrolled<Passed> kPassed{"cache.passed"};

// More caches than stay resident: an ended thread's cache is dropped, and the
// next thread gets it.
struct Dropped : HeapScenario {
    static constexpr std::uint32_t kResident = 64;
    Dropped() : HeapScenario(12, kResident + 2) { threads = 3; }
    void prepare() override {
        for (std::uint32_t i = 0; i < kResident; ++i)
            require(heap().take_cache() != nullptr, "no cache");
        own_cache(0);
        own_cache(1);
        block_ = take(0, kFour);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, kFour, block_);
            return give_cache(0);
        }
        if (thread == 1) return give_cache(1);
        for (int i = 0; i < 2; ++i) {
            Cache* cache = heap().take_cache();
            if (cache == nullptr) continue;
            void* block = cache->take(kFour);
            if (block != nullptr) {
                ledger_.take(block, ashlar::base::size_of_bin(kFour));
                ledger_.give(block);
                cache->give(block, kFour);
            }
            heap().end_cache(cache);
        }
    }
    void* block_ = nullptr;
};
const Enrolled<Dropped> kDropped{"cache.dropped"};

// Unused address space is shed while threads start and the heap grows.
struct ShedHeap : HeapScenario {
    ShedHeap() : HeapScenario(120, 300) { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 0) return heap().shed();
        own_cache(thread);
        take(thread, kFour);
        take(thread, kRun);
    }
    void end(unsigned stopped) override {
        heap().shed();
        HeapScenario::end(stopped);
    }
};
const Enrolled<ShedHeap> kShedHeap{"cache.shed"};

// Short runs have bins in the caches too.
struct Runs : HeapScenario {
    Runs() : HeapScenario(12) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kRun);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            for (void* block : blocks_) give(0, kRun, block);
            give_cache(0);
        } else {
            take(1, kRun);
            take(1, kRun);
        }
    }
    void* blocks_[5];
};
const Enrolled<Runs> kRuns{"cache.runs"};

// E12: a heap is destroyed and another takes its place in the registry, while a
// thread looks up an address of a third.
class Registered : public Scenario {
  public:
    void set_up() override {
        registry_ = &shared_object<ashlar::cache::Registry>();
        old_ = Heap::create(ashlar::region::kSystem, 2, 1);
        asked_ = Heap::create(ashlar::region::kSystem, 2, 1);
        require(old_ != nullptr && asked_ != nullptr, "no heaps");
        // Long: with the old heap's start, its size would cover the third heap.
        const std::uintptr_t between = asked_->region().base - old_->region().base;
        fresh_ = Heap::create(
            ashlar::region::kSystem,
            static_cast<ashlar::base::UnitId>(between / ashlar::base::kUnitSize + 2), 1);
        require(fresh_ != nullptr, "no heaps");
        require(registry_->enroll(*old_) && registry_->enroll(*asked_), "no place");
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            registry_->strike(*old_);
            require(registry_->enroll(*fresh_), "no place");
        } else {
            for (int i = 0; i < 2; ++i)
                require(registry_->owner_of(asked_->region().address(1)) == asked_,
                        "another heap's address");
        }
    }
    void end(unsigned) override {
        require(registry_->owner_of(fresh_->region().address(1)) == fresh_, "not enrolled");
        require(registry_->owner_of(old_->region().address(1)) == nullptr, "not struck");
    }

  private:
    ashlar::cache::Registry* registry_ = nullptr;
    Heap* old_ = nullptr;
    Heap* asked_ = nullptr;
    Heap* fresh_ = nullptr;
};
const Enrolled<Registered> kRegistered{"cache.registered"};

}  // namespace

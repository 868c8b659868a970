// Whole heaps: the caches of threads, the shared ones, what passes between them through depot and slabs, and reclaiming.
#include "cache/registry.hpp"
#include "core_ground.hpp"

namespace {

using namespace interleave;
// One thread's cache overflows into the depot, another's refills from it; a third flushes all it has.
struct Overflow : CoreScenario {
    Overflow() : CoreScenario(12) { threads = 3; }
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

// No room in the depot: batches straight from slab to slab.
struct Batches : CoreScenario {
    Batches() : CoreScenario(12) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned t = 0; t < threads; ++t) next_ += fill_shelf(t, kFour, blocks_ + next_);
    }
    void run(unsigned thread) override {
        give(thread, kFour, blocks_[next_ + thread]);
        take(thread, kFour);
    }
    void* blocks_[2 * kFourShelf + 2];
    unsigned next_ = 0;
};
const Enrolled<Batches> kBatches{"cache.batches"};

// E11: threads without a cache share one; what is in it passes from user to user.
struct Shared : CoreScenario {
    Shared() : CoreScenario(12) { threads = 3; }
    void run(unsigned thread) override {
        void* block = take(thread, kFour);
        if (block != nullptr && thread != 1) give(thread, kFour, block);
    }
};
const Enrolled<Shared> kShared{"cache.shared"};

// The same while its blocks are called back.
struct SharedReclaim : CoreScenario {
    SharedReclaim() : CoreScenario(12) {}
    void prepare() override { block_ = take(0, kFour); }
    void run(unsigned thread) override {
        if (thread == 0) give(0, kFour, block_);
        if (thread == 1) core().reclaim();
    }
    void* block_ = nullptr;
};
const Enrolled<SharedReclaim> kSharedReclaim{"cache.shared_reclaim"};

// Threads come and go: a cache passes from one that has ended to one that begins, empty.
struct Passed : CoreScenario {
    Passed() : CoreScenario(12) { threads = 3; }
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

// Runs in caches: short ones have bins too.
struct Runs : CoreScenario {
    Runs() : CoreScenario(12) {}
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

// E12: a heap goes, and another takes its place in the registry, while somebody asks for the address of a third.
class Registered : public Scenario {
  public:
    void set_up() override {
        registry_ = &shared_object<ashlar::cache::Registry>();
        old_ = Core::create(kSource, 2, 1);
        asked_ = Core::create(kSource, 2, 1);
        require(old_ != nullptr && asked_ != nullptr, "no heaps");
        // Long: its size with the old one's start covers the heap that is asked for.
        const std::uintptr_t between = asked_->region().base - old_->region().base;
        fresh_ = Core::create(kSource, static_cast<ashlar::base::UnitId>(between / ashlar::base::kUnitSize + 2), 1);
        require(fresh_ != nullptr, "no heaps");
        require(registry_->enroll(*old_) && registry_->enroll(*asked_), "no place");
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            registry_->strike(*old_);
            require(registry_->enroll(*fresh_), "no place");
        } else {
            for (int i = 0; i < 2; ++i)
                require(registry_->owner_of(asked_->region().address(1)) == asked_, "another heap's address");
        }
    }
    void end(unsigned) override {
        require(registry_->owner_of(fresh_->region().address(1)) == fresh_, "not enrolled");
        require(registry_->owner_of(old_->region().address(1)) == nullptr, "not struck");
    }

  private:
    ashlar::cache::Registry* registry_ = nullptr;
    Core* old_ = nullptr;
    Core* asked_ = nullptr;
    Core* fresh_ = nullptr;
};
const Enrolled<Registered> kRegistered{"cache.registered"};

}  // namespace

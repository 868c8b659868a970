// P10: a fork cuts the threads anywhere, also between two plain stores. The
// child adopts their caches: it hands out no block that the program holds, none
// twice, and loses little.
#include "heap_fixture.hpp"

namespace {

using namespace interleave;
using ashlar::base::kGeometry;

class ForkScenario : public HeapScenario {
  public:
    ForkScenario(ashlar::base::UnitId units, Bin bin, std::uint32_t caches = kCaches)
        : HeapScenario(units, caches), bin_(bin), capacity_(units * kGeometry[bin].blocks) {
        may_cut = true;
    }
    // The child of a fork takes all blocks. If thread 1 has ended it called
    // fork; otherwise a thread without a cache did.
    void end(unsigned stopped) override {
        const bool forked = (stopped & 0b10) == 0 && cache_of(1) != nullptr;
        heap().adopt_fork(forked ? cache_of(1) : nullptr);
        heap().adopt_orphans();
        Cache* own = forked ? cache_of(1) : heap().take_cache();
        require(own != nullptr, "no cache for the child");
        for (void* block = own->take(bin_); block != nullptr; block = own->take(bin_))
            ledger_.take(block, kGeometry[bin_].size);
        // Each missing thread may lose a batch in transit and a slab without an
        // owner.
        const std::size_t most =
            threads * (ashlar::depot::kMagazineBlocks + kGeometry[bin_].blocks);
        require(ledger_.count() + most >= capacity_, "too much was lost");
        ledger_.give_all([&](void* block, std::size_t bytes) {
            own->give(block, ashlar::base::class_of_size(bytes));
        });
        own->flush();
        heap().reclaim();
    }

  protected:
    Bin bin_;
    std::size_t capacity_;
};

// A full bin overflows into its slabs, which another thread may own.
struct ForkOverflow : ForkScenario {
    ForkOverflow() : ForkScenario(8, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        next_ = fill_shard(0, kFour, blocks_);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, kFour, blocks_[next_]);
            give(0, kFour, blocks_[next_ + 1]);
        } else {
            take(1, kFour);
        }
    }
    void* blocks_[kFourShard + 2];
    unsigned next_ = 0;
};
const Enrolled<ForkOverflow> kForkOverflow{"fork.overflow"};

// One block is pushed onto a bin whose slots still name blocks that the program
// holds.
struct ForkPush : ForkScenario {
    ForkPush() : ForkScenario(2, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
    }
    void run(unsigned thread) override {
        if (thread == 0) give(0, kFour, blocks_[0]);
        if (thread == 1) give(1, kFour, blocks_[1]);
    }
    void* blocks_[4];
};
const Enrolled<ForkPush> kForkPush{"fork.push"};

// A full bin overflows into the depot, from which another refills. The magazine
// was used before and still names 32 blocks that the program holds.
struct ForkDepot : ForkScenario {
    ForkDepot() : ForkScenario(3, kOneKiB) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kOneKiB);
        next_ = fill(0, kOneKiB, blocks_);
        give(0, kOneKiB, blocks_[next_++]);
        for (unsigned i = 0; i < 32; ++i) take(1, kOneKiB);
        next_ += fill(0, kOneKiB, blocks_ + next_);
    }
    void run(unsigned thread) override {
        if (thread == 0) give(0, kOneKiB, blocks_[next_]);
        if (thread == 1) take(1, kOneKiB);
    }
    void* blocks_[144];
    unsigned next_ = 0;
};
const Enrolled<ForkDepot> kForkDepot{"fork.depot"};

// A thread ends and flushes its cache, while another takes those blocks.
struct ForkFlush : ForkScenario {
    ForkFlush() : ForkScenario(3, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned i = 0; i < 3; ++i) give(0, kFour, blocks_[i]);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give_cache(0);
        } else {
            take(1, kFour);
            give(1, kFour, blocks_[9]);
        }
    }
    void* blocks_[10];
};
const Enrolled<ForkFlush> kForkFlush{"fork.flush"};

// The same with a cache that is dropped when its thread ends.
struct ForkDrop : ForkScenario {
    ForkDrop() : ForkScenario(3, kFour, 67) {}
    void prepare() override {
        for (int i = 0; i < 64; ++i) heap().end_cache(taken_[i] = heap().take_cache());
        for (int i = 0; i < 64; ++i) taken_[i] = heap().take_cache();
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        give(0, kFour, blocks_[0]);
    }
    void run(unsigned thread) override {
        if (thread == 0) give_cache(0);
        if (thread == 1) take(1, kFour);
    }
    Cache* taken_[64];
    void* blocks_[3];
};
const Enrolled<ForkDrop> kForkDrop{"fork.drop"};

// A thread that misses rarely: it keeps a few blocks in each bin.
struct ForkQuiet : ForkScenario {
    // The other units are for other classes.
    ForkQuiet() : ForkScenario(6, kFour) { capacity_ = 3 * kGeometry[kFour].blocks; }
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned i = 0; i < 6; ++i) give(0, kFour, blocks_[i]);
    }
    void run(unsigned thread) override {
        now_ms = 300;
        if (thread == 0) {
            for (const Bin bin : {kOneKiB, kNine, kTwoWords}) take(0, bin);
        } else {
            take(1, kFour);
        }
    }
    void* blocks_[10];  // more than a slab, so that the given ones are in a shared slab
};
const Enrolled<ForkQuiet> kForkQuiet{"fork.quiet"};

// A thread ends and leaves its slab, which another claims.
struct ForkLeave : ForkScenario {
    ForkLeave() : ForkScenario(2, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        take(0, kFour);
        take(0, kFour);
    }
    void run(unsigned thread) override {
        if (thread == 0) give_cache(0);
        if (thread == 1) take(1, kFour);
    }
};
const Enrolled<ForkLeave> kForkLeave{"fork.leave"};

// A cache refills, from a slab that another thread frees into.
struct ForkRefill : ForkScenario {
    ForkRefill() : ForkScenario(3, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            for (int i = 0; i < 3; ++i) take(0, kFour);
        } else {
            for (void* block : blocks_) give(1, kFour, block);
        }
    }
    void* blocks_[6];
};
const Enrolled<ForkRefill> kForkRefill{"fork.refill"};

// The child forks again while it adopts the caches of its parent's threads.
// Blocks that it handed out since must not be adopted again.
struct ForkAdopting : ForkScenario {
    ForkAdopting() : ForkScenario(3, kFour) {}
    void prepare() override {
        own_cache(0);
        own_cache(1);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned i = 0; i < 4; ++i) give(0, kFour, blocks_[i]);
        heap().adopt_fork(cache_of(1));  // thread 0 is missing, so its cache must be adopted
        own_cache(0);
    }
    void run(unsigned thread) override {
        if (thread == 0) heap().adopt_orphans();
        if (thread == 1) take(1, kFour);
    }
    void* blocks_[10];  // more than a slab, so that the cached ones are in a shared slab
};
const Enrolled<ForkAdopting> kForkAdopting{"fork.adopting"};

// The child has two threads at once: one adopts the missing thread's cache and
// slab, while the other allocates.
struct ForkTwo : HeapScenario {
    using Current = ashlar::base::Atomic<ashlar::base::UnitId>;
    ForkTwo() : HeapScenario(3) {
        threads = 1;
        may_cut = true;
        children = 2;
    }
    void prepare() override {
        current_ = &shared_object<Current>();
        take_some(*current_, 3);
    }
    void run(unsigned) override { heap().arena.leave(kFour, *current_); }
    void begin_child() override { heap().adopt_fork(nullptr); }
    void run_child(unsigned thread) override {
        if (thread == 0) {  // as the first miss in the child does
            heap().arena.leave(kFour, *current_);
            heap().arena.find_again();
        }
        Current own{};
        take_some(own, 1);
        heap().arena.leave(kFour, own);
    }
    void end(unsigned stopped) override {
        if (stopped == 0) return HeapScenario::end(0);
        heap().reclaim();
        // A thread that was cut while it published a slab left it without an
        // owner or a hint: that slab is lost.
        const std::string faults = Quiet(heap().spans, heap().arena).faults();
        const bool lost_one = faults.rfind("P4 owned slab without a cache", 0) == 0 &&
                              faults.find(';') == faults.rfind(';');
        require(faults.empty() || lost_one, faults.c_str());
    }
    void take_some(Current& current, std::uint32_t n) {
        void* blocks[4];
        n = heap().arena.take(kFour, current, blocks, n);
        for (std::uint32_t i = 0; i < n; ++i) ledger_.take(blocks[i], kGeometry[kFour].size);
    }
    Current* current_ = nullptr;
};
const Enrolled<ForkTwo> kForkTwo{"fork.two_threads"};

// Runs in a bin.
struct ForkRuns : HeapScenario {
    ForkRuns() : HeapScenario(12) { may_cut = true; }
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kRun);
        give(0, kRun, blocks_[0]);
        give(0, kRun, blocks_[1]);
    }
    void run(unsigned thread) override {
        if (thread == 0) give_cache(0);
        if (thread == 1) {
            take(1, kRun);
            take(1, kRun);
        }
    }
    void end(unsigned) override {
        heap().adopt_fork(nullptr);
        heap().adopt_orphans();
        for (void* block = heap().take(kRun); block != nullptr; block = heap().take(kRun)) {
            ledger_.take(block, ashlar::base::size_of_bin(kRun));
        }
        require(ledger_.count() >= 4, "too much was lost");
        require_holes(heap().spans);
    }
    void* blocks_[3];
};
const Enrolled<ForkRuns> kForkRuns{"fork.runs"};

}  // namespace

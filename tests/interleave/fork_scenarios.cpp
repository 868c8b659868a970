// P10: a fork cuts the threads anywhere, also between two plain stores. The child takes over what they had: nothing that the
// program holds is handed out again, nothing is handed out twice, and little is lost.
#include "core_ground.hpp"

namespace {

using namespace interleave;
using ashlar::base::kGeometry;

class ForkScenario : public CoreScenario {
  public:
    ForkScenario(ashlar::base::UnitId units, Bin bin)
        : CoreScenario(units), bin_(bin), capacity_(units * kGeometry[bin].blocks) {
        may_cut = true;
    }
    // The child of a fork, which thread 1 called if it has come to its end, else a thread without a cache: takes all that there
    // is.
    void end(unsigned stopped) override {
        const bool forked = (stopped & 0b10) == 0 && cache_of(1) != nullptr;
        core().adopt_fork(forked ? cache_of(1) : nullptr);
        core().adopt_orphans();
        Cache* own = forked ? cache_of(1) : core().take_cache();
        require(own != nullptr, "no cache for the child");
        for (void* block = own->take(bin_); block != nullptr; block = own->take(bin_))
            ledger_.take(block, kGeometry[bin_].size);
        // Of each thread that is gone: a batch on its way, and a slab without an owner.
        const std::size_t most = threads * (ashlar::depot::kMagazineBlocks + kGeometry[bin_].blocks);
        require(ledger_.count() + most >= capacity_, "too much was lost");
        ledger_.give_all([&](void* block, std::size_t) { own->give(block, bin_); });
        own->flush();
        core().reclaim();
    }

  protected:
    Bin bin_;
    std::size_t capacity_;
};

// A full bin overflows into its slabs, whose owner may be somebody else.
struct ForkOverflow : ForkScenario {
    ForkOverflow() : ForkScenario(8, kFour) {}
    void prepare() override {
        for (unsigned t = 0; t < threads; ++t) own_cache(t);
        for (void*& block : blocks_) block = take(0, kFour);
        next_ = fill_shelf(0, kFour, blocks_);
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            give(0, kFour, blocks_[next_]);
            give(0, kFour, blocks_[next_ + 1]);
        } else {
            take(1, kFour);
        }
    }
    void* blocks_[kFourShelf + 2];
    unsigned next_ = 0;
};
const Enrolled<ForkOverflow> kForkOverflow{"fork.overflow"};

// One block is pushed onto a bin whose slots still name blocks that the program holds.
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

// A full bin overflows into the depot, from which another refills. The magazine was used before: it still names 32 blocks that
// the program holds.
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

// A thread ends and gives all of it back, while another takes of it.
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

// The child of a fork forks again while it adopts the caches of the first: what it has handed out since must not be adopted
// again.
struct ForkAdopting : ForkScenario {
    ForkAdopting() : ForkScenario(3, kFour) {}
    void prepare() override {
        own_cache(0);
        own_cache(1);
        for (void*& block : blocks_) block = take(0, kFour);
        for (unsigned i = 0; i < 4; ++i) give(0, kFour, blocks_[i]);
        core().adopt_fork(cache_of(1));  // thread 0 is gone, its cache is to be adopted
        own_cache(0);
    }
    void run(unsigned thread) override {
        if (thread == 0) core().adopt_orphans();
        if (thread == 1) take(1, kFour);
    }
    void* blocks_[10];  // more than a slab: those that are cached are of one that is shared
};
const Enrolled<ForkAdopting> kForkAdopting{"fork.adopting"};

// The child has two threads at once: one takes over what the gone thread had, its slab among it, while the other allocates.
struct ForkTwo : CoreScenario {
    using Current = ashlar::base::Atomic<ashlar::base::UnitId>;
    ForkTwo() : CoreScenario(3) {
        threads = 1;
        may_cut = true;
        children = 2;
    }
    void prepare() override {
        current_ = &shared_object<Current>();
        take_some(*current_, 3);
    }
    void run(unsigned) override { core().arena.leave(kFour, *current_); }
    void begin_child() override { core().adopt_fork(nullptr); }
    void run_child(unsigned thread) override {
        if (thread == 0) {  // as the first miss does for all that is left behind
            core().arena.leave(kFour, *current_);
            core().arena.find_again();
        }
        Current own{};
        take_some(own, 1);
        core().arena.leave(kFour, own);
    }
    void end(unsigned stopped) override {
        if (stopped == 0) return CoreScenario::end(0);
        core().reclaim();
        // A thread that was on its way from owner to publisher has left a slab without either: that one is lost.
        const std::string faults = Quiet(core().spans, core().arena).faults();
        const bool lost_one = faults.rfind("P4 owned by nobody", 0) == 0 && faults.find(';') == faults.rfind(';');
        require(faults.empty() || lost_one, faults.c_str());
    }
    void take_some(Current& current, std::uint32_t n) {
        void* blocks[4];
        n = core().arena.take(kFour, current, blocks, n);
        for (std::uint32_t i = 0; i < n; ++i) ledger_.take(blocks[i], kGeometry[kFour].size);
    }
    Current* current_ = nullptr;
};
const Enrolled<ForkTwo> kForkTwo{"fork.two_threads"};

// Runs in a bin, whose blocks are units.
struct ForkRuns : CoreScenario {
    ForkRuns() : CoreScenario(12) { may_cut = true; }
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
        core().adopt_fork(nullptr);
        core().adopt_orphans();
        for (void* block = core().take(kRun); block != nullptr; block = core().take(kRun)) {
            ledger_.take(block, ashlar::base::size_of_bin(kRun));
        }
        require(ledger_.count() >= 4, "too much was lost");
        require_holes(core().spans);
    }
    void* blocks_[3];
};
const Enrolled<ForkRuns> kForkRuns{"fork.runs"};

}  // namespace

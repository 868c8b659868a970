// Small blocks through their caches: shards, double frees, and the collector's
// cycle beside them.
#include "small_fixture.hpp"

namespace {

using namespace interleave;

constexpr Size kSize = 256;

// Each thread has a few blocks.
class Cached : public SmallScenario {
  public:
    Cached() : SmallScenario(2) {}
    void begin() override {
        SmallScenario::begin();
        for (unsigned t = 0; t < 3; ++t) {
            for (unsigned i = 0; i < kMost; ++i) held_[t][i] = first_[t][i];
        }
    }
    void set_up() override {
        SmallScenario::set_up();
        for (unsigned t = 0; t < 3; ++t) {
            for (unsigned i = 0; i < kMost; ++i) first_[t][i] = held_[t][i];
        }
    }

  protected:
    static constexpr unsigned kMost = 4;
    // Takes from shard `shard`; with the lock, if it needs the lock and gets
    // it.
    Offset take(unsigned shard, Size size = kSize) {
        const Class c = small_.class_of(size, 1);
        Offset start = small_.take(shard, c, size);
        if (start == kNoOffset)
            locked([&](RangeAllocator& heap) { start = small_.take_locked(shard, c, size, heap); });
        if (start != kNoOffset) ledger_.take(address(start), ashlar::manager::kSizes[c].size);
        return start;
    }
    void give(unsigned shard, Offset start) {
        ledger_.give(address(start));
        const Given given = small_.give(shard, start);
        require(given == Given::given || given == Given::given_last, "a live block is not live");
    }
    Offset hold(unsigned thread, unsigned i, Offset start) {
        require(held_[thread][i] == kNoOffset, "the scenario forgets a block");
        return held_[thread][i] = start;
    }
    Offset drop(unsigned thread, unsigned i) {
        const Offset start = held_[thread][i];
        held_[thread][i] = kNoOffset;
        return start;
    }
    void finish() override {
        for (auto& of_thread : held_) {
            for (Offset& each : of_thread) {
                if (each != kNoOffset) give(0, each);
                each = kNoOffset;
            }
        }
    }

  private:
    Offset held_[3][kMost] = {{kNoOffset, kNoOffset, kNoOffset, kNoOffset},
                              {kNoOffset, kNoOffset, kNoOffset, kNoOffset},
                              {kNoOffset, kNoOffset, kNoOffset, kNoOffset}};
    Offset first_[3][kMost];
};

// E26: two threads and one shard: a thread that finds it busy takes the next
// shard.
struct Shared : Cached {
    void prepare() override {
        for (unsigned t = 0; t < 2; ++t) hold(t, 0, take(0));
    }
    void run(unsigned thread) override {
        give(0, drop(thread, 0));
        hold(thread, 1, take(0));
    }
};
const Enrolled<Shared> kShared{"small.shared"};

struct SharedStopped : Shared {
    SharedStopped() { may_freeze = true; }
};
const Enrolled<SharedStopped> kSharedStopped{"small.shared_stopped"};

// Another thread flushes the caches into the slabs.
struct Flushed : Cached {
    void prepare() override {
        for (unsigned i = 0; i < 2; ++i) hold(1, i, take(1));
        give(1, drop(1, 1));
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            locked([&](RangeAllocator& heap) { small_.reclaim(true, heap); });
            return;
        }
        give(1, drop(1, 0));
        hold(1, 2, take(1));
    }
};
const Enrolled<Flushed> kFlushed{"small.flushed"};

// E41: while small blocks are stopped, tags, free bits, shards and counters
// agree. Between two stops the other thread finds no shard, and goes without
// one.
struct Frozen : Cached {
    void prepare() override { hold(1, 0, take(1)); }
    void run(unsigned thread) override {
        if (thread == 1) {
            give(1, drop(1, 0));
            hold(1, 1, take(1));
            return;
        }
        for (unsigned i = 0; i < 2; ++i) {
            small_.freeze();
            require(small_.check() == 0, "a call is in progress");
            small_.thaw();
        }
    }
};
const Enrolled<Frozen> kFrozen{"small.frozen"};

// Two threads free one block: one of them is refused.
struct FreedTwice : Cached {
    void prepare() override { block_ = take(0); }
    void begin() override {
        Cached::begin();
        told_ = freed_ = 0;
    }
    void run(unsigned thread) override {
        const Given given = small_.give(thread, block_);
        ++(given == Given::not_live ? told_ : freed_);
    }
    void end(unsigned stopped) override {
        require(told_ == 1 && freed_ == 1, "not one of two was told");
        ledger_.give(address(block_));
        Cached::end(stopped);
    }
    Offset block_;
    unsigned told_, freed_;
};
const Enrolled<FreedTwice> kFreedTwice{"small.freed_twice"};

// E23: a late second free of a block. Its slab has another class by then, and
// the tag there belongs to another block.
struct FreedLate : Cached {
    void prepare() override {
        hold(0, 0, take(0));
        block_ = take(0);
        give(0, block_);
        give(0, drop(0, 0));
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            const Given given = small_.give(5, block_);
            require(given == Given::not_live || given == Given::not_small,
                    "a double free was not reported");
            return;
        }
        locked([&](RangeAllocator& heap) { small_.reclaim(true, heap); });
        // The second block has the same tag at another offset.
        for (unsigned i = 0; i < 2; ++i) hold(1, i, take(1, 192));
    }
    Offset block_;
};
const Enrolled<FreedLate> kFreedLate{"small.freed_late"};

// E27: a cycle begins while a block is freed and taken again: a block taken
// after the whitening is not white.
struct Cycle : Cached {
    void prepare() override {
        hold(1, 0, take(1));
        hold(0, 0, take(0));
        step_ = &shared_object<ashlar::base::Atomic<std::uint32_t>>();
    }
    void begin() override {
        Cached::begin();
        whitened_ = false;
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            give(1, drop(1, 0));
            step_->fetch_add(1, ashlar::base::rlx);  // a point for a switch, without an order
            const bool after = whitened_;
            const Offset start = take(1);
            allocated_ = after ? start : kNoOffset;
            hold(1, 1, start);
            return;
        }
        allocated_ = kNoOffset;
        step_->fetch_add(1, ashlar::base::rlx);
        small_.begin_cycle();
        require(small_.whiten(0, 10) == 0, "slabs are left");
        whitened_ = true;
        // Only looks for white blocks: a dropped block of thread 1 must not be
        // freed while that thread uses it.
        const auto visit = [](void* self, Offset start, Size) noexcept {
            return static_cast<Cycle*>(self)->allocated_ == start &&
                   static_cast<Cycle*>(self)->allocated_ != kNoOffset;
        };
        require(small_.sweep(0, 10, visit, this) == 0, "slabs are left");
        small_.end_cycle();
    }
    ashlar::base::Atomic<std::uint32_t>* step_ = nullptr;
    bool whitened_ = false;
    Offset allocated_ = kNoOffset;
};
const Enrolled<Cycle> kCycle{"small.cycle"};

// E23: a white block is freed during the sweep and taken again with another
// size: the sweep must find it marked.
struct Swept : Cached {
    void prepare() override {
        block_ = take(1);
        // In the ledger: both threads free the block, and one succeeds.
        ledger_.give(address(block_));
        small_.begin_cycle();
        require(small_.whiten(0, 10) == 0, "slabs are left");
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            if (small_.give(1, block_) != Given::not_live) hold(1, 0, take(1, kAgain));
            return;
        }
        const auto visit = [](void*, Offset, Size size) noexcept {
            require(size != kAgain, "a block allocated during the cycle is white");
            return true;
        };
        require(small_.sweep(0, 10, visit, nullptr) == 0, "slabs are left");
    }
    void end(unsigned stopped) override {
        small_.end_cycle();
        Cached::end(stopped);
    }
    static constexpr Size kAgain = kSize - 1;
    Offset block_;
};
const Enrolled<Swept> kSwept{"small.swept"};

}  // namespace

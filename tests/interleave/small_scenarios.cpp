// Small blocks through their caches: shards, double frees, and the collector's cycle beside them.
#include "small_ground.hpp"

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
    // In shard `shard`, with the lock if need be and if it is to be had.
    Offset take(unsigned shard, Size size = kSize) {
        const Class c = small_.class_of(size, 1);
        Offset start = small_.take(shard, c, size);
        if (start == kNoOffset) locked([&](Heap& heap) { start = small_.take_locked(shard, c, size, heap); });
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

// E26: two threads, one shard; who finds it busy goes next door.
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

// The caches are emptied into the heap from outside.
struct Flushed : Cached {
    void prepare() override {
        for (unsigned i = 0; i < 2; ++i) hold(1, i, take(1));
        give(1, drop(1, 1));
    }
    void run(unsigned thread) override {
        if (thread == 0) {
            locked([&](Heap& heap) { small_.reclaim(true, heap); });
            return;
        }
        give(1, drop(1, 0));
        hold(1, 2, take(1));
    }
};
const Enrolled<Flushed> kFlushed{"small.flushed"};

// Of two who free one block one is told.
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

// E23: a block freed once more, late, when its slab is of another class and the tag that it finds is another block's.
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
            require(given == Given::not_live || given == Given::not_small, "freed twice, and nobody was told");
            return;
        }
        locked([&](Heap& heap) { small_.reclaim(true, heap); });
        for (unsigned i = 0; i < 2; ++i) hold(1, i, take(1, 192));  // the second one has the tag, but not the offset
    }
    Offset block_;
};
const Enrolled<FreedLate> kFreedLate{"small.freed_late"};

// E27: a cycle begins while a block is freed and taken again: what is taken after the whitening is not white.
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
            step_->fetch_add(1, ashlar::base::rlx);  // a place for a switch; orders nothing
            const bool after = whitened_;
            const Offset start = take(1);
            born_ = after ? start : kNoOffset;
            hold(1, 1, start);
            return;
        }
        born_ = kNoOffset;
        step_->fetch_add(1, ashlar::base::rlx);
        small_.begin_cycle();
        require(small_.whiten(0, 10) == 0, "slabs are left");
        whitened_ = true;
        // What is white is only asked for: a dropped block of thread 1 is not to be freed under its hands.
        const auto visit = [](void* self, Offset start, Size) noexcept {
            return static_cast<Cycle*>(self)->born_ == start && static_cast<Cycle*>(self)->born_ != kNoOffset;
        };
        require(small_.sweep(0, 10, visit, this) == 0, "slabs are left");
        small_.end_cycle();
    }
    ashlar::base::Atomic<std::uint32_t>* step_ = nullptr;
    bool whitened_ = false;
    Offset born_ = kNoOffset;
};
const Enrolled<Cycle> kCycle{"small.cycle"};

// E23: a white block is freed while the sweep comes by, and taken again in another size: what the sweep then finds is marked.
struct Swept : Cached {
    void prepare() override {
        block_ = take(1);
        ledger_.give(address(block_));  // as far as it is known: both threads free it, and one does
        small_.begin_cycle();
        require(small_.whiten(0, 10) == 0, "slabs are left");
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            if (small_.give(1, block_) != Given::not_live) hold(1, 0, take(1, kAgain));
            return;
        }
        const auto visit = [](void*, Offset, Size size) noexcept {
            require(size != kAgain, "a block that was born in the cycle is white");
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

// Small blocks of a MemoryManager over a few places for slabs. The ledger knows
// them by addresses in the shared memory: two users of a block are found by
// their writes.
#ifndef ASHLAR_TESTS_MODEL_SMALL_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_SMALL_FIXTURE_HPP

#include "base/atomic.hpp"
#include "fixture.hpp"
#include "manager/slabs/small.hpp"

namespace interleave {

using ashlar::Offset;
using ashlar::Size;
using ashlar::manager::Class;
using ashlar::manager::kNoOffset;
using ashlar::manager::Place;
using ashlar::manager::Shape;
using ashlar::manager::SlabId;
using ashlar::manager::Slabs;
using ashlar::manager::Small;
using Given = Small::Given;

inline constexpr Class k16Blocks = ashlar::manager::class_of_size(256);  // a slab is one word
inline constexpr Class k32Blocks = ashlar::manager::class_of_size(128);
inline constexpr Class kTwoWords128 = ashlar::manager::class_of_size(32);  // 128 blocks

class SmallScenario : public Scenario {
  public:
    explicit SmallScenario(unsigned places) : places_(places) {}

    void set_up() override {
        Shape shape = Shape::of(Shape::kLeastLimit, ashlar::manager::kMostSmall, 1);
        shape.pages = kMostPlaces;
        shape.slabs = kMostPlaces;
        ashlar::region::Carver measure(0);
        small_.layout(measure, shape, true);
        const auto memory = reinterpret_cast<std::uintptr_t>(shared(measure.used(), 4096));
        ashlar::region::Carver carver(memory);
        small_.layout(carver, shape, true);
        ashlar::region::Carver again(memory);  // small_ carved its slabs first
        slabs_.layout(again, shape);
        buffer_ = static_cast<char*>(shared(kMostPlaces * shape.slab_size(), shape.slab_size()));
        lock_ = &shared_object<ashlar::base::TryLock>();
        free_ = &shared_object<Free>();
        for (unsigned i = 0; i < places_; ++i) free_->place[i] = true;
        prepare();
        ledger_.remember();
    }
    void begin() override { ledger_.begin(); }
    // At the end held blocks are freed, and then no slab is left.
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        require(is_sound(), "broken invariants");
        require_spares();
        finish();
        require(locked([this](RangeAllocator& heap) { small_.reclaim(true, heap); }),
                "the lock is never released");
        require(small_.check() == 0 && slabs_.count() == 0, "a slab does not go back");
        for (unsigned i = 0; i < places_; ++i) require(free_->place[i], "a place was lost");
    }

  protected:
    static constexpr unsigned kMostPlaces = 4;
    virtual void prepare() {}
    // The invariants, while blocks are held.
    [[nodiscard]] virtual bool is_sound() const { return small_.check() == 0; }
    // Frees the held blocks.
    virtual void finish() = 0;

    // Stands for the range allocator under the lock. A given slab is written to
    // as far as the ledger does.
    struct RangeAllocator {
        SmallScenario* self;
        Offset take_slab() noexcept {
            for (unsigned i = 0; i < kMostPlaces; ++i) {
                if (!self->free_->place[i]) continue;
                self->free_->place[i] = false;
                return self->slab_size() * i;
            }
            return kNoOffset;
        }
        void give_slab(Offset start) noexcept {
            bool& place = self->free_->place[start / self->slab_size()];
            require(!place, "a slab goes back twice");
            self->ledger_.take(self->buffer_ + start, self->slab_size());
            self->ledger_.give(self->buffer_ + start);
            place = true;
        }
    };

    [[nodiscard]] Size slab_size() const { return small_.shape().slab_size(); }
    [[nodiscard]] void* address(Offset offset) const { return buffer_ + offset; }
    // No thread waits for the lock here: without it f is not called.
    template <class F>
    bool locked(F f) {
        if (!lock_->try_lock()) return false;
        RangeAllocator heap{this};
        f(heap);
        lock_->leave();
        return true;
    }

    Small small_{};
    Slabs slabs_{};  // the same state as small_'s, for what cannot be called there
    Ledger ledger_;

  private:
    // After reclaim(false) each class has at most one complete slab: no
    // completion was missed.
    void require_spares() {
        locked([this](RangeAllocator& heap) { small_.reclaim(false, heap); });
        unsigned complete[ashlar::manager::kClasses] = {};
        for (SlabId slab = 1; slab < slabs_.created(); ++slab) {
            const Class c = slabs_.class_of(slab);
            if (c != 0 && slabs_.free_blocks(slab, c) == slabs_.shape().blocks(c)) ++complete[c];
        }
        for (const unsigned n : complete) require(n <= 1, "a complete slab was overlooked");
    }

    struct Free {
        bool place[kMostPlaces];
    };
    unsigned places_;
    char* buffer_ = nullptr;
    ashlar::base::TryLock* lock_ = nullptr;
    Free* free_ = nullptr;
};

// Takes and gives directly in the slabs: bits, hints, creations and
// retirements.
class SlabScenario : public SmallScenario {
  public:
    using SmallScenario::SmallScenario;
    void begin() override {
        SmallScenario::begin();
        count_ = first_;
        for (unsigned i = 0; i < first_; ++i) held_[i] = first_held_[i];
    }

  protected:
    struct Held {
        Place place;
        Class c;
    };
    // Held blocks have no tags here: Small::check() would report them as
    // lost.
    [[nodiscard]] bool is_sound() const override { return slabs_.check() == 0; }
    void set_up() override {
        SmallScenario::set_up();
        first_ = count_;
        for (unsigned i = 0; i < count_; ++i) first_held_[i] = held_[i];
    }
    // Up to n free blocks; returns their number.
    unsigned take(Class c, unsigned n) {
        Place places[kMost];
        const unsigned got = slabs_.take(c, places, n);
        for (unsigned i = 0; i < got; ++i) hold(places[i], c);
        return got;
    }
    // A new slab, with its first block held; false: no place, or no lock.
    bool add(Class c) {
        bool done = false;
        locked([&](RangeAllocator& heap) {
            const Offset start = heap.take_slab();
            if (start == kNoOffset) return;
            hold(slabs_.add(start, c), c);
            done = true;
        });
        return done;
    }
    // All its blocks are held: held_[0], held_[1], ... in order.
    void add_whole(Class c) {
        require(add(c), "no place");
        for (unsigned left = slabs_.shape().blocks(c) - 1; left != 0;) left -= take(c, left);
    }
    void give(Place place, Class c) {
        drop(place);
        slabs_.give(c, &place, 1);
    }
    void give_many(unsigned from, unsigned n) {
        Place places[kMost];
        const Class c = held_[from].c;
        for (unsigned i = 0; i < n; ++i) places[i] = held_[from + i].place;
        for (unsigned i = 0; i < n; ++i) drop(places[i]);
        slabs_.give(c, places, n);
    }
    void reclaim(bool all) {
        locked([&](RangeAllocator& heap) {
            slabs_.reclaim(all, [&](Offset start) { heap.give_slab(start); });
        });
    }
    // Blocks of the set-up, even if they were given since.
    [[nodiscard]] Place first(unsigned i) const { return first_held_[i].place; }
    void finish() override {
        while (count_ != 0) give(held_[count_ - 1].place, held_[count_ - 1].c);
    }
    // The newest block that this scenario's threads hold.
    [[nodiscard]] const Held& newest() const { return held_[count_ - 1]; }

  private:
    static constexpr unsigned kMost = 160;
    void hold(Place place, Class c) {
        ledger_.take(address(slabs_.offset_of(place, c)), ashlar::manager::kSizes[c].size);
        require(count_ < kMost, "too many blocks for this scenario");
        held_[count_++] = {place, c};
    }
    void drop(Place place) {
        for (unsigned i = 0; i < count_; ++i) {
            if (held_[i].place != place) continue;
            ledger_.give(address(slabs_.offset_of(place, held_[i].c)));
            for (unsigned k = i + 1; k < count_; ++k) held_[k - 1] = held_[k];
            --count_;
            return;
        }
        fail("the scenario gives a block that it does not hold");
    }

    Held held_[kMost], first_held_[kMost];
    unsigned count_ = 0, first_ = 0;
};

}  // namespace interleave

#endif

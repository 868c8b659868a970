// Blocks of a shared heap in a small file, threads that may die in them, and
// what must hold when all dead threads are recovered. Each thread stands for a
// process.
#ifndef ASHLAR_TESTS_MODEL_SHARED_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_SHARED_FIXTURE_HPP

#include <memory>

#include "fixture.hpp"
#include "shared/blocks/blocks.hpp"
#include "shared/recovery/recovery.hpp"

namespace interleave {

using ashlar::base::Bin;
using ashlar::base::UnitId;
using ashlar::shared::Fault;
using ashlar::shared::Offset;
using ashlar::shared::Owner;
using ashlar::shared::SlotId;

// The file: which units have pages, and how many more it has room for.
class ModelFile final : public ashlar::shared::Backing {
  public:
    [[nodiscard]] bool commit(std::size_t offset, std::size_t bytes) noexcept override;
    bool punch(std::size_t offset, std::size_t bytes) noexcept override;
    void attach(std::uintptr_t start, std::size_t first_unit) {
        start_ = start, units_at_ = first_unit;
    }
    void remember() { first_ = now_; }
    void begin() { now_ = first_; }
    [[nodiscard]] bool has(UnitId unit) const { return now_.has[unit]; }
    [[nodiscard]] unsigned room() const { return now_.room; }
    void set_room(unsigned units) { now_.room = units; }

  private:
    static constexpr unsigned kMost = 32;
    struct Now {
        bool has[kMost];
        unsigned room;
    };
    std::uintptr_t start_ = 0;
    std::size_t units_at_ = 0;
    Now now_{{}, kMost}, first_{};
};

// Which threads live, by a robust mutex for each slot.
class ModelLives final : public ashlar::shared::Lives {
  public:
    static constexpr SlotId kSlots = 6;  // threads 0 ... 3, and the one that looks at the end
    [[nodiscard]] bool take_dead(SlotId slot) noexcept override { return life_[slot].try_lock(); }
    void leave(SlotId slot) noexcept override { life_[slot].unlock(); }
    [[nodiscard]] bool try_recovery() noexcept override { return recovery_.try_lock(); }
    void leave_recovery() noexcept override { recovery_.unlock(); }
    void begin(unsigned threads);

  private:
    RobustMutex life_[kSlots];
    RobustMutex recovery_;
};

class SharedScenario : public Scenario {
  public:
    explicit SharedScenario(UnitId units) : units_(units) {}
    void set_up() override;
    void begin() override;
    void end(unsigned stopped) override;

  protected:
    virtual void prepare() {}
    [[nodiscard]] Owner me(unsigned thread) const {
        return {segment_.slot(thread + 1), thread + 1};
    }
    // A block that the thread holds from then on; 0: there is no room.
    Offset take(unsigned thread, std::size_t size);
    void give(unsigned thread, Offset block);
    // False: another thread freed it.
    bool give_contested(unsigned thread, Offset block);
    void take_to(unsigned thread, Offset place, std::size_t size);
    bool give_from(unsigned thread, Offset place);
    // The block stays where it is; false: it needs another place.
    bool resize(unsigned thread, Offset block, std::size_t size);
    void recover(unsigned thread);
    // No thread holds the block from then on, though it is live.
    void forget(Offset block) {
        if (held_size(block) != 0) drop(block);
    }
    // For the set-up: blocks until the class has no free block left in slabs.
    void fill(unsigned thread, std::size_t size, unsigned blocks);
    // For the set-up: each unit has a hint, also those in use.
    void hint_all();
    // A word of a block that no thread frees. The block that it names has
    // `size` bytes, and is known.
    Offset make_place(unsigned thread, std::size_t size);
    ashlar::base::Atomic<ashlar::base::Word>& word(Offset at) { return *blocks_.word_at(at); }

    ashlar::shared::Segment segment_{};
    ashlar::shared::Blocks blocks_{segment_};
    ModelLives lives_;
    ashlar::shared::Recovery recovery_{blocks_, lives_};
    ModelFile file_;
    Ledger ledger_;
    std::size_t probe_ = 8192;  // the size of which all free blocks are taken at the end

  private:
    [[nodiscard]] Owner last() const { return me(ModelLives::kSlots - 2); }
    [[nodiscard]] void* address(Offset offset) const {
        return reinterpret_cast<void*>(segment_.start() + offset);
    }
    void hold(Offset block, std::size_t size);
    void drop(Offset block);
    [[nodiscard]] std::size_t held_size(Offset block) const;
    [[nodiscard]] bool is_known(const ashlar::shared::Blocks::Found& found,
                                unsigned& unknown) const;
    [[nodiscard]] bool in_doubt(Offset block) const;
    void recover_all(unsigned stopped);
    void require_blocks(unsigned stopped);
    void require_room();
    void free_all();
    [[nodiscard]] std::vector<ashlar::shared::Blocks::Found> live() const;

    struct Held {
        Offset block;
        std::size_t size;
    };
    UnitId units_;
    std::vector<Held> held_, first_held_;
    std::vector<Held> places_;                // the words, and the sizes of what they name
    Offset giving_[ModelLives::kSlots] = {};  // by thread: what it frees
};

}  // namespace interleave

#endif

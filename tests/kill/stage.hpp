// A segment with two survivors and a victim in the middle of an operation, and
// a second segment for copies of its states.
#ifndef ASHLAR_KILL_STAGE_HPP
#define ASHLAR_KILL_STAGE_HPP

#include <memory>
#include <new>

#include <sys/mman.h>

#include "survivor.hpp"
#include "victim.hpp"

namespace kills {

constexpr UnitId kUnits = 64;

/// Memory that forked processes share.
template <class T>
class Shared {
  public:
    Shared()
        : at_(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (at_ == MAP_FAILED) throw std::bad_alloc();
    }
    ~Shared() { munmap(at_, sizeof(T)); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }

  private:
    void* at_;
};

/// A new segment with a survivor, and the victim of an operation at its first
/// instruction.
class Stage {
  public:
    explicit Stage(const Operation& operation)
        : operation_(operation), file_(kUnits), survivor_(file_, *notes_, true),
          holder_(file_, *notes_) {
        survivor_.attach();
        holder_.attach();
        if (operation.survivor != nullptr) operation.survivor(survivor_);
        victim_ = std::make_unique<Victim>(file_, *notes_, operation);
        if (operation.survivor_after != nullptr) operation.survivor_after(survivor_);
        if (notes_->count > 1) survivor_.free_half(0);
        victim_->begin();
    }
    /// Kills the victim after `count` instructions. The survivor works, and
    /// keeps a slab if `seed` is odd. Then another victim is at the first
    /// instruction of its recovery.
    void recover_after(std::uint64_t count, const Operation& recovery, std::uint64_t seed) {
        static_cast<void>(victim_->steps(count));
        victim_->kill();
        dead_ = true;
        if (seed % 2 != 0) {
            Survivor work(survivor_.view(), survivor_.lives(), survivor_.me(), *notes_, operation_,
                          seed);
            work.work();
            work.note_to(*notes_);
        }
        victim_ = std::make_unique<Victim>(file_, *notes_, recovery);
        victim_->begin();
    }

    [[nodiscard]] Actor& survivor() noexcept { return survivor_; }
    [[nodiscard]] Actor& holder() noexcept { return holder_; }
    [[nodiscard]] Victim& victim() noexcept { return *victim_; }
    [[nodiscard]] const Notes& notes() const noexcept { return *notes_; }
    [[nodiscard]] Notes* shared_notes() const noexcept { return &*notes_; }
    [[nodiscard]] bool dead() const noexcept { return dead_; }
    [[nodiscard]] File& file() noexcept { return file_; }
    [[nodiscard]] const Operation& operation() const noexcept { return operation_; }

  private:
    const Operation& operation_;
    Shared<Notes> notes_;
    File file_;
    Actor survivor_;
    Actor holder_;  // a third thread, which only holds a slab
    std::unique_ptr<Victim> victim_;
    bool dead_ = false;  // a thread, beside the victim
};

/// A second segment that receives copies, in which all but one thread are dead.
class Copies {
  public:
    Copies() : file_(kUnits), view_(file_, true) {}

    void judge(const Snapshot& snapshot, Stage& stage, std::uint64_t seed) {
        snapshot.write_to(view_);
        ToldLives lives;
        Survivor other = survivor(stage, stage.survivor().id(), lives, seed);
        Survivor holder = survivor(stage, stage.holder().id(), lives, seed);
        // The victim stands still: nobody waits, and nothing grows.
        lives.recovering = stage.dead();
        for (int i = 0; i < 10; ++i) other.work();
        other.recover_in_vain();
        // The victim is dead.
        lives.recovering = false;
        std::uint32_t dead = 0;
        for (SlotId slot = kFirstSlot; slot < kSlots; ++slot) {
            const auto attached = static_cast<std::uint32_t>(ashlar::shared::SlotState::attached);
            lives.dead[slot] = slot != stage.survivor().id() && slot != stage.holder().id() &&
                               view_.segment().slot(slot).state.load(ashlar::base::rlx) == attached;
            if (lives.dead[slot]) ++dead;
        }
        other.work();
        if (seed % 2 == 0) holder.hold();
        other.recover(dead, holder);
        other.work();
        holder.release();
        other.account(true);
    }

  private:
    Survivor survivor(Stage& stage, SlotId slot, Lives& lives, std::uint64_t seed) {
        return {view_, lives, {view_.segment().slot(slot), slot}, stage.notes(), stage.operation(),
                seed};
    }

    File file_;
    View view_;
};

}  // namespace kills

#endif

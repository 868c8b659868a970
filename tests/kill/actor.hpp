// A thread in a test of kills: a view of the segment, a slot, and the notes
// that it shares with the test. Only its own thread uses it.
#ifndef ASHLAR_KILL_ACTOR_HPP
#define ASHLAR_KILL_ACTOR_HPP

#include <compare>
#include <optional>
#include <stdexcept>
#include <string>

#include "world.hpp"

namespace kills {

struct Known {
    Offset at;
    std::size_t size;
    auto operator<=>(const Known&) const noexcept = default;
};

/// What the program knows about the heap. In memory that processes share.
struct Notes {
    static constexpr std::uint32_t kMost = 8192;
    std::uint32_t count;
    Known live[kMost];  // any thread may free them
    Known half;         // the survivor is in the middle of freeing it; size 0: none
    Known pinned;       // nobody frees it; size 0: none
    Known target;       // the block that the operation works on; size 0: none
    std::size_t size;   // of the operation's new block, or the target's new size
    Offset place;       // of a word of `pinned` that holds an offset; 0: none
};

class Actor {
  public:
    Actor(File& file, Notes& notes, bool first = false)
        : view_(file, first), notes_(notes), lives_(view_.segment()),
          recovery_(view_.blocks(), lives_) {}
    /// Unlocks before it unmaps.
    ~Actor() {
        if (id_ != 0) detach();
    }
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    void attach() {
        id_ = lives_.attach();
        if (id_ == 0) throw std::runtime_error("no slot");
    }
    void detach() {
        blocks().slabs().leave_all(me());
        lives_.detach(id_);
        id_ = 0;
    }

    [[nodiscard]] View& view() noexcept { return view_; }
    [[nodiscard]] Blocks& blocks() noexcept { return view_.blocks(); }
    [[nodiscard]] Notes& notes() noexcept { return notes_; }
    [[nodiscard]] RobustLives& lives() noexcept { return lives_; }
    [[nodiscard]] Recovery& recovery() noexcept { return recovery_; }
    [[nodiscard]] SlotId id() const noexcept { return id_; }
    [[nodiscard]] Owner me() noexcept { return {view_.segment().slot(id_), id_}; }

    /// Allocates a block that the notes do not name.
    [[nodiscard]] Offset take(std::size_t size) {
        const Offset got = blocks().allocate(me(), size, 16);
        if (got == 0) throw std::runtime_error("no room in a preparation");
        return got;
    }
    /// Allocates blocks that the notes name.
    void keep(std::size_t size, std::uint32_t count) {
        for (; count > 0; --count) notes_.live[notes_.count++] = {take(size), size};
    }
    void free(Offset block) {
        if (blocks().deallocate(me(), block) != ashlar::shared::Fault::none)
            throw std::runtime_error("a free failed");
    }
    /// Frees noted blocks [from, to).
    void drop(std::uint32_t from, std::uint32_t to) {
        for (std::uint32_t i = from; i < to; ++i) free(notes_.live[i].at);
        for (std::uint32_t i = to; i < notes_.count; ++i)
            notes_.live[i - (to - from)] = notes_.live[i];
        notes_.count -= to - from;
    }
    /// Begins to free a noted block, and stops before the block's bit is set.
    void free_half(std::uint32_t index) {
        const auto record =
            blocks().record_of(ashlar::shared::Step::freeing, notes_.live[index].at);
        if (record.size_class() == 0) return;
        notes_.half = notes_.live[index];
        notes_.live[index] = notes_.live[--notes_.count];
        view_.segment()
            .tag(record.unit(), record.number())
            .store(ashlar::shared::freed_tag(id_), ashlar::base::rlx);
    }
    /// Takes a noted block out of the notes: it is the operation's target.
    void aim(std::uint32_t index) {
        notes_.target = notes_.live[index];
        notes_.live[index] = notes_.live[--notes_.count];
    }

  private:
    View view_;
    Notes& notes_;
    RobustLives lives_;
    Recovery recovery_;
    SlotId id_ = 0;
};

}  // namespace kills

#endif

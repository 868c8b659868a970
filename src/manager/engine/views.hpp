// Room for copies of parts of the buffer, in address order, from an offset on.
// Nothing is allocated, since the manager's lock is held.
#ifndef ASHLAR_MANAGER_ENGINE_VIEWS_HPP
#define ASHLAR_MANAGER_ENGINE_VIEWS_HPP

#include <ashlar/manager_types.hpp>
#include <span>

namespace ashlar::manager {

class Views {
  public:
    explicit Views(std::span<BlockView> room, Offset from = 0) noexcept
        : room_(room), from_(from) {}

    // False: there was no room. Free bytes below `from` are cut off. A block
    // that begins there is left out: what is shown of one would not be a block.
    bool add(Offset start, Size size, BlockView::Kind kind, std::uint64_t user) noexcept {
        if (size == 0 || start + size <= from_) return true;
        const bool free = kind == BlockView::Kind::hole || kind == BlockView::Kind::slab;
        if (start < from_ && !free) return true;
        full_ = count_ == room_.size();
        if (full_) return false;
        const Offset begin = start < from_ ? from_ : start;
        room_[count_++] = {begin, start + size - begin, kind, user};
        return true;
    }
    [[nodiscard]] Offset from() const noexcept { return from_; }
    [[nodiscard]] bool full() const noexcept { return full_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

  private:
    std::span<BlockView> room_;
    Offset from_;
    std::size_t count_ = 0;
    bool full_ = false;
};

}  // namespace ashlar::manager

#endif

// Blocks that move to get another size, many blocks at once, and the limit of
// the buffer.
#include <algorithm>
#include <vector>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::Status;

// The first bytes that both sizes have are as they were, at the new place.
void ManagerSession::resized(Books::Map::iterator piece, Offset now, Size asked) {
    Piece changed = piece->second;
    const Offset before = piece->first;
    if (memory_) {
        std::vector<std::byte> wanted = content(before, changed).head;
        wanted.resize(std::min<Size>(wanted.size(), rounded(asked)));
        std::vector<std::byte> found(wanted.size());
        manager_->read(now, found);
        require_at(found == wanted, "content changed with the size", now, asked);
    }
    require_at(manager_->size_of(now) == rounded(asked), "the size after it was changed", now,
               asked);
    require_at(manager_->name(now) == changed.name, "the name after the size was changed", now,
               asked);
    require_at(changed.kind == Piece::Kind::movable || manager_->user_data(now) == changed.user,
               "the user data after the size was changed", now, asked);
    if (now != before) gone_.push_back(before);
    changed.size = rounded(asked);
    books_.remove(before);
    added(now, changed, changed.alignment);
}

void ManagerSession::reallocate() {
    const auto piece = any(Piece::Kind::plain);
    if (piece == books_.live().end()) return;
    const Offset start = piece->first;
    const Size asked = size();
    const Size alignment = this->alignment();
    Offset now = start;
    const Status status = manager_->try_reallocate(start, asked, alignment, now);
    if (status != Status::ok) {
        require_at(status == Status::no_room, "reallocate() of a live block", start, asked);
        require_at(manager_->size_of(start) == piece->second.size, "the size after no reallocate()",
                   start, asked);
        return verify(start, piece->second);
    }
    piece->second.alignment = alignment;
    resized(piece, now, asked);
}

void ManagerSession::resize_movable() {
    const auto piece = any(Piece::Kind::movable);
    if (piece == books_.live().end()) return;
    const Size asked = size();
    const Status status = manager_->try_resize(piece->second.handle, asked);
    const Offset now = manager_->resolve(piece->second.handle);
    require_at(now == piece->first || (status == Status::ok && piece->second.pins == 0 && memory_),
               "moved by resize()", now, asked);
    if (status == Status::ok) return resized(piece, now, asked);
    require_at(
        status == (piece->second.pins != 0 && asked <= highest_ ? Status::pinned : Status::no_room),
        "resize() of a live handle", now, asked);
    verify(now, piece->second);
}

// Takes a batch, and frees one that may have a bad offset in it.
void ManagerSession::batch() {
    const Size asked = size();
    const Size alignment = this->alignment();
    std::vector<Offset> taken(
        std::min<std::size_t>(in_.byte(), kMostBlocks - books_.live().size()));
    std::size_t count = 0;
    const Status took = manager_->try_allocate_batch(asked, alignment, taken, count);
    require_at((took == Status::ok) == (count == taken.size()), "the count of allocate_batch()",
               count, asked);
    taken.resize(count);
    for (const Offset start : taken) added(start, {.size = rounded(asked)}, alignment);
    const std::size_t step = 1 + in_.below(4);
    std::vector<Offset> freed;
    for (std::size_t i = 0; i < taken.size(); i += step) freed.push_back(taken[i]);
    std::size_t good = freed.size();
    if (good != 0 && in_.byte() % 4 == 0) {
        good = in_.below(good);
        freed[good] = good != 0 && in_.byte() % 2 == 0 ? freed[0] : freed[good] + ~Size{0} / 2;
    }
    for (std::size_t i = 0; i < good; ++i) {
        verify(freed[i], books_.live().at(freed[i]));
        books_.remove(freed[i]);
        gone_.push_back(freed[i]);
    }
    const Status gave = manager_->try_deallocate_batch(freed, count);
    require_at(count == good && (gave == Status::ok) == (good == freed.size()),
               "the count of deallocate_batch()", count, good);
}

void ManagerSession::limit() {
    const Size capacity = manager_->capacity();
    const Size wanted =
        in_.byte() % 4 == 0 ? in_.word() : capacity + in_.word() % (highest_ - capacity / 2);
    const Size rounded = wanted / granularity_ * granularity_;
    const bool possible = rounded >= capacity && rounded <= highest_;
    const Status status = manager_->try_set_limit(wanted);
    require_at(status == (possible ? Status::ok : Status::bad_size), "set_limit()", capacity,
               wanted);
    if (possible) limit_ = rounded;
    const Size more = in_.word() % 5000;
    const bool grown = manager_->grow(more);
    const Size now = manager_->capacity();
    require_at(now <= limit_ && (grown ? now >= capacity + more : now == capacity), "grow()",
               capacity, now);
    require_at(grown || parts_ || few_ranges_ || more > limit_ - capacity,
               "grow() refused below the limit", capacity, more);
}

}  // namespace fuzz

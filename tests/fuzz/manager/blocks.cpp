// Allocates and frees blocks, and annotates them.
#include <algorithm>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::Placement;
using ashlar::Status;

Size ManagerSession::size() {
    const std::size_t kind = in_.byte();
    if (kind < 120) return kind % 40 * 8 + kind % 3;
    if (kind < 170) return 1 + in_.word() % 2000;
    if (kind < 200) return (Size{1} << kind % 20) - 1 + in_.below(3);
    if (kind < 230) return manager_->capacity() / (2 + kind % 16);
    if (kind < 240) return Size{65536} * (kind % 8) + in_.word();
    if (kind < 250) return manager_->capacity() + kind % 3 - 1;
    return kind % 2 == 0 ? ~Size{0} - in_.byte() : Size{1} << (40 + in_.below(24));
}

Size ManagerSession::alignment() {
    const std::size_t kind = in_.byte();
    if (kind < 160) return 1;
    return Size{1} << (kind < 250 ? kind % 13 : kind % 64);
}

Books::Map::iterator ManagerSession::any(Piece::Kind kind) {
    auto& live = books_.live();
    if (live.empty()) return live.end();
    const auto first = books_.at(in_.below(live.size()));
    const auto fits = [kind](const auto& entry) { return entry.second.kind == kind; };
    const auto found = std::find_if(first, live.end(), fits);
    return found != live.end() ? found : std::find_if(live.begin(), live.end(), fits);
}

Books::Map::iterator ManagerSession::any_piece() {
    auto& live = books_.live();
    return live.empty() ? live.end() : books_.at(in_.below(live.size()));
}

bool ManagerSession::all_known() const {
    return !slabs_ && placement_ != Placement::buddy && !parts_ && !few_ranges_;
}

// If the books know all holes, they know which one the policy must choose.
void ManagerSession::check_placement(Offset start, Size size, Size alignment, Size capacity) const {
    if (!all_known()) return;
    const auto holes = books_.candidates(size, alignment, capacity);
    if (holes.empty()) return;  // the buffer has grown
    const auto smaller = [](const Books::Hole& a, const Books::Hole& b) { return a.size < b.size; };
    const auto chosen = std::find_if(holes.begin(), holes.end(), [=](const Books::Hole& hole) {
        return start >= hole.start && start - hole.start < hole.size;
    });
    require_at(chosen != holes.end(), "not in a hole that has room", start, size);
    // A search for an aligned block is cut short at 64 holes that do not fit.
    constexpr std::size_t kMostLooks = 64;
    if (alignment > 1 && books_.live().size() >= kMostLooks) return;
    const Size least = std::min_element(holes.begin(), holes.end(), smaller)->size;
    const Size most = std::max_element(holes.begin(), holes.end(), smaller)->size;
    switch (placement_) {
        case Placement::first_fit:
            require_at(chosen == holes.begin(), "not the first that fits", start, size);
            break;
        case Placement::best_fit:
            require_at(chosen->size == least, "not the best that fits", start, size);
            break;
        case Placement::worst_fit:
            require_at(chosen->size == most, "not the largest", start, size);
            break;
        case Placement::ordered_best_fit:
            require_at(chosen == std::min_element(holes.begin(), holes.end(), smaller),
                       "not the lowest of the best", start, size);
            break;
        default: break;
    }
}

void ManagerSession::added(Offset start, Piece piece, Size alignment) {
    require_at(start % alignment == 0 && start % granularity_ == 0, "not aligned", start,
               alignment);
    piece.alignment = alignment;
    piece.mark = ++marks_;
    books_.add(start, piece, manager_->capacity());
    fill(start, piece);
}

void ManagerSession::take() {
    if (full()) return give();
    const Size asked = size();
    const Size alignment = this->alignment();
    const Size before = manager_->capacity();
    const auto start = manager_->allocate(asked, alignment);
    const Size wanted = std::max(alignment, granularity_);
    if (!start) {
        require_at(manager_->capacity() == before, "grown in vain", before, manager_->capacity());
        const bool fits =
            asked <= before && !books_.candidates(rounded(asked), wanted, before).empty();
        require_at(!fits || !all_known(), "refused although a hole has room", 0, asked);
        return;
    }
    require_at(manager_->capacity() >= before && manager_->capacity() <= limit_, "capacity", before,
               manager_->capacity());
    check_placement(*start, rounded(asked), wanted, before);
    added(*start, {.size = rounded(asked)}, alignment);
}

// Likewise for a strategy. Among fewer than 64 blocks searches are complete.
void ManagerSession::check_strategy(ashlar::Strategy strategy, Offset start, Size size,
                                    Size alignment, Size capacity) const {
    constexpr std::size_t kMostLooks = 64;
    if (!all_known() || books_.live().size() >= kMostLooks) return;
    const auto holes = books_.candidates(size, alignment, capacity);
    if (holes.empty()) return;  // the buffer has grown
    const Books::Hole& last = holes.back();
    const bool linear = placement_ == Placement::linear || placement_ == Placement::ring;
    if (strategy == ashlar::Strategy::lowest) {
        require_at(start == aligned(holes.front().start, alignment), "not the lowest", start, size);
    } else if (strategy == ashlar::Strategy::upper_end && !linear) {
        const Offset top = last.start + last.size - size;
        require_at(start == top - top % alignment, "not at the upper end", start, size);
    } else if (strategy == ashlar::Strategy::tight && alignment == 1) {
        const auto smaller = [](const Books::Hole& a, const Books::Hole& b) {
            return a.size < b.size;
        };
        const Size least = std::min_element(holes.begin(), holes.end(), smaller)->size;
        const auto in = [&](const Books::Hole& hole) {
            return hole.size == least && start >= hole.start && start - hole.start < least;
        };
        require_at(std::any_of(holes.begin(), holes.end(), in), "not the tightest", start, size);
    }
}

void ManagerSession::request() {
    if (full()) return give();
    const Size asked = size();
    const Size alignment = this->alignment();
    const std::uint8_t bits = in_.byte();
    const ashlar::BlockRequest request{.size = asked,
                                       .alignment = alignment,
                                       .strategy = static_cast<ashlar::Strategy>(bits % 4),
                                       .user_data = bits / 4 % 2 == 0 ? 0U : 1U + in_.word(),
                                       .name = bits / 8 % 2 == 0 ? "" : "requested",
                                       .movable = bits / 16 % 4 == 3};
    const Size before = manager_->capacity();
    const auto block = manager_->allocate(request);
    const Size wanted = std::max(alignment, granularity_);
    if (!block) {
        const bool fits =
            asked <= before && !books_.candidates(rounded(asked), wanted, before).empty();
        require_at(!fits || !all_known(), "a request is refused although a hole has room", 0,
                   asked);
        return;
    }
    require_at(block->size == rounded(asked), "the size of a requested block", block->offset,
               block->size);
    check_strategy(request.strategy, block->offset, block->size, wanted, before);
    Piece piece{.size = block->size, .name = std::string(request.name)};
    if (request.movable) {
        piece.kind = Piece::Kind::movable;
        piece.handle = block->handle;
        require_at(manager_->user_data(block->offset) == request.user_data, "user data",
                   block->offset, block->size);
    } else {
        piece.user = request.user_data;
    }
    added(block->offset, piece, alignment);
}

void ManagerSession::free_piece(Books::Map::iterator piece) {
    const Offset start = piece->first;
    verify(start, piece->second);
    if (piece->second.kind == Piece::Kind::movable) {
        handles_.push_back(piece->second.handle);
        for (; piece->second.pins > 0; --piece->second.pins) manager_->unpin(piece->second.handle);
        manager_->deallocate(piece->second.handle);
    } else if (in_.byte() % 2 == 0) {
        manager_->deallocate(start);
    } else {
        require_at(manager_->try_deallocate(start) == Status::ok, "try_deallocate of a live block",
                   start, piece->second.size);
    }
    books_.remove(start);
    gone_.push_back(start);
}

void ManagerSession::give() {
    const auto piece = any_piece();
    if (piece != books_.live().end()) free_piece(piece);
}

// Allocates many blocks of one size and frees some: this fills slabs and
// caches.
void ManagerSession::burst() {
    const Size asked = 1 + in_.byte() * Size{1 + in_.below(8)};
    std::vector<Offset> taken;
    for (std::size_t i = in_.byte(); i > 0 && !full(); --i) {
        const auto start = manager_->allocate(asked);
        if (!start) break;
        added(*start, {.size = rounded(asked)}, 1);
        taken.push_back(*start);
    }
    const std::size_t step = 1 + in_.below(4);
    for (std::size_t i = 0; i < taken.size(); i += step) free_piece(books_.live().find(taken[i]));
}

void ManagerSession::take_at() {
    if (full()) return give();
    const Offset start = aligned(anywhere(), granularity_);
    const Size size = rounded(1 + in_.word());
    const Size capacity = manager_->capacity();
    const bool is_free = books_.is_free(start, size, capacity);
    const auto got = manager_->allocate_at(start, size);
    require_at(!got || *got == start, "allocate_at elsewhere", start, size);
    require_at(got || !is_free || !all_known(), "allocate_at refused free bytes", start, size);
    if (got) added(start, {.size = size}, 1);
}

void ManagerSession::reserve() {
    if (full()) return give();
    const Offset start = aligned(anywhere(), granularity_);
    const Size size = rounded(1 + in_.word() % 5000);
    const bool is_free = books_.is_free(start, size, manager_->capacity());
    const bool got = manager_->reserve_range(start, size);
    require_at(got || !is_free || !all_known(), "reserve_range refused free bytes", start, size);
    if (got) added(start, {.size = size, .kind = Piece::Kind::reserved}, 1);
}

void ManagerSession::resize() {
    const auto piece = any(Piece::Kind::plain);
    if (piece == books_.live().end()) return;
    const Offset start = piece->first;
    const Size asked = size();
    const Size before = piece->second.size;
    const bool grown = in_.byte() % 2 == 0 ? manager_->resize(start, asked)
                                           : manager_->try_resize(start, asked) == Status::ok;
    require_at(manager_->size_of(start) == (grown ? rounded(asked) : before),
               "the size after resize()", start, asked);
    if (!grown) {
        require_at(rounded(asked) > before || asked > before || !all_known(),
                   "resize() can't shrink", start, asked);
        return verify(start, piece->second);
    }
    Piece changed = piece->second;
    if (memory_) {
        std::vector<std::byte> found = content(start, changed).head;
        // The content must be unchanged up to the new size.
        found.resize(std::min<Size>(found.size(), rounded(asked)));
        const std::vector<std::byte> wanted = found;
        manager_->read(start, found);
        require_at(found == wanted, "content changed by resize()", start, asked);
    }
    changed.size = rounded(asked);
    books_.remove(start);
    added(start, changed, changed.alignment);
}

void ManagerSession::note() {
    const auto piece = any_piece();
    if (piece == books_.live().end()) return;
    const Offset start = piece->first;
    if (in_.byte() % 2 == 0) {
        piece->second.name = std::string(in_.below(20), static_cast<char>('a' + in_.below(26)));
        manager_->set_name(start, piece->second.name);
    } else if (piece->second.kind != Piece::Kind::movable) {
        piece->second.user = in_.word() << 40 | in_.word();
        manager_->set_user_data(start, piece->second.user);
    }
}

void ManagerSession::trim() {
    const Size before = manager_->capacity();
    const Size fallen = manager_->trim();
    require_at(manager_->capacity() + fallen == before, "trim() returns another amount", before,
               fallen);
    require_at(fallen <= before - std::min(before, initial_ / granularity_ * granularity_),
               "trimmed too much", before, fallen);
    require_room_for_all();
}

}  // namespace fuzz

// Checks what the manager reports about itself.
#include <algorithm>
#include <numeric>
#include <sstream>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::BlockView;

void ManagerSession::require_room_for_all() const {
    const Size capacity = manager_->capacity();
    for (const auto& [start, piece] : books_.live()) {
        require_at(start + piece.size <= capacity && manager_->is_block(start), "a block is lost",
                   start, piece.size);
        require_at(manager_->size_of(start) == piece.size, "size_of()", start, piece.size);
        require_at(manager_->name(start) == piece.name, "name()", start);
        if (piece.kind == Piece::Kind::movable) {
            require_at(manager_->resolve(piece.handle) == start, "moved without reason", start);
        } else {
            require_at(manager_->user_data(start) == piece.user, "user_data()", start,
                       manager_->user_data(start));
        }
    }
}

void ManagerSession::look_at_figures() const {
    const ashlar::ManagerStatistics told = manager_->statistics();
    const Size capacity = manager_->capacity();
    const auto holes = books_.holes(capacity);
    require_at(told.capacity == capacity && told.limit >= capacity && capacity <= limit_,
               "capacity", told.capacity, told.limit);
    require_at(told.used == books_.used() && told.blocks == books_.live().size(), "used", told.used,
               books_.used());
    require_at(told.peak_used >= told.used && told.used + told.overhead <= capacity, "overhead",
               told.peak_used, told.overhead);
    const Size largest =
        std::accumulate(holes.begin(), holes.end(), Size{0},
                        [](Size most, auto hole) { return std::max(most, hole.size); });
    require_at(told.largest_free <= largest, "largest_free is too much", told.largest_free,
               largest);
    const ashlar::ManagerHistograms all = manager_->histograms();
    const std::uint64_t blocks =
        std::accumulate(std::begin(all.blocks), std::end(all.blocks), std::uint64_t{0});
    const std::uint64_t free =
        std::accumulate(std::begin(all.holes), std::end(all.holes), std::uint64_t{0});
    require_at(blocks == told.blocks && free == told.free_ranges, "histograms", blocks, free);
    if (!all_known()) return;
    require_at(told.overhead == 0 && told.free_ranges == holes.size(), "free_ranges",
               told.free_ranges, holes.size());
    require_at(told.largest_free >= largest - largest / 16, "largest_free is too little",
               told.largest_free, largest);
}

// The parts follow each other without gaps, and the blocks among them are those
// of the books.
void ManagerSession::look_at_parts() const {
    Offset end = 0;
    auto next = books_.live().begin();
    manager_->for_each([&](const BlockView& view) {
        require_at(view.start == end && view.size > 0, "a gap or an overlap", view.start, end);
        end += view.size;
        if (view.kind == BlockView::Kind::hole || view.kind == BlockView::Kind::slab) return true;
        require_at(next != books_.live().end(), "a block that is not in the books", view.start,
                   view.size);
        const auto& [start, piece] = *next++;
        require_at(start == view.start && piece.size == view.size, "for_each() shows another block",
                   view.start, view.size);
        require_at((piece.kind == Piece::Kind::movable) == (view.kind == BlockView::Kind::movable),
                   "a block's kind", view.start);
        require_at(
            (piece.kind == Piece::Kind::reserved) == (view.kind == BlockView::Kind::reserved),
            "a block's kind", view.start);
        if (piece.kind != Piece::Kind::movable)
            require_at(piece.user == view.user, "a block's user data", view.start, view.user);
        return true;
    });
    require_at(next == books_.live().end() && end == manager_->capacity(), "for_each() ends early",
               end);
}

void ManagerSession::look() {
    std::ostringstream complaints;
    if (manager_->check(&complaints) != 0) {
        std::fputs(complaints.str().c_str(), stderr);
        require_at(false, "check()");
    }
    look_at_figures();
    if (placement_ != ashlar::Placement::buddy) look_at_parts();
    require_room_for_all();
    const auto piece = any_piece();
    if (piece != books_.live().end()) verify(piece->first, piece->second);
    if (in_.byte() % 16 == 0) {
        std::ostringstream json, svg;
        manager_->write_json(json);
        manager_->write_svg(svg);
        const std::string dump = json.str();
        require_at(dump.find_first_not_of(" \n") == dump.find('{') &&
                       dump.find_last_not_of(" \n") == dump.rfind('}'),
                   "the JSON dump");
        require_at(svg.str().find("</svg>") != std::string::npos, "the picture");
    }
}

}  // namespace fuzz

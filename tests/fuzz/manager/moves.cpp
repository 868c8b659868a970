// Movable blocks; defragmentation at once and by passes.
#include <algorithm>
#include <cstring>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::Move;
using ashlar::Status;
using Outcome = ashlar::Move::Outcome;

void ManagerSession::take_movable() {
    if (full()) return give();
    const Size asked = size();
    const Size alignment = this->alignment();
    const auto handle = manager_->allocate_movable(asked, alignment);
    if (!handle) return;
    added(manager_->resolve(*handle),
          {.size = rounded(asked), .kind = Piece::Kind::movable, .handle = *handle}, alignment);
}

void ManagerSession::give_movable() {
    const auto piece = any(Piece::Kind::movable);
    if (piece == books_.live().end()) return;
    const ashlar::Handle handle = piece->second.handle;
    if (piece->second.pins > 0) {
        require_at(thrown([&] { manager_->deallocate(handle); }) == Status::pinned,
                   "a pinned block is freed", piece->first);
    } else {
        require_at(thrown([&] { manager_->unpin(handle); }) == Status::bad_handle,
                   "unpinned too often", piece->first);
        require_at(thrown([&] { manager_->deallocate(piece->first); }) != Status::ok,
                   "a movable block freed by its offset", piece->first);
    }
    free_piece(piece);
}

void ManagerSession::pin() {
    const auto piece = any(Piece::Kind::movable);
    if (piece == books_.live().end()) return;
    require_at(manager_->pin(piece->second.handle) == piece->first, "pinned elsewhere",
               piece->first);
    ++piece->second.pins;
}

void ManagerSession::unpin() {
    const auto piece = any(Piece::Kind::movable);
    if (piece == books_.live().end() || piece->second.pins == 0) return;
    manager_->unpin(piece->second.handle);
    --piece->second.pins;
}

void ManagerSession::relocate(Offset from, Offset to) {
    if (to != from) books_.move(from, to, manager_->capacity());
    const Piece& piece = books_.live().at(to);
    require_at(to % piece.alignment == 0, "moved to where it is not aligned", to, piece.alignment);
    verify(to, piece);
}

void ManagerSession::defragment() {
    ashlar::PassLimits limits;
    if (in_.byte() % 3 == 0) limits.bytes = in_.word();
    if (in_.byte() % 3 == 0) limits.moves = static_cast<std::uint32_t>(in_.below(20));
    if (!memory_) return (void)thrown([&] { manager_->defragment(limits); });
    const ashlar::DefragmentationStatistics told = manager_->defragment(limits);
    const bool within = told.bytes_moved <= limits.bytes || told.moves == 1;
    require_at(told.moves <= limits.moves && within, "more moved than allowed", told.moves,
               told.bytes_moved);
    Books::Map before;
    std::swap(before, books_.live());
    bool all_may_move = true;
    for (auto& [start, piece] : before) {
        const bool movable = piece.kind == Piece::Kind::movable;
        const Offset now = movable ? manager_->resolve(piece.handle) : start;
        require_at(now <= start && (piece.pins == 0 || now == start),
                   "moved, or not towards the beginning", start, now);
        require_at(now % piece.alignment == 0, "moved to where it is not aligned", now,
                   piece.alignment);
        books_.add(now, piece, manager_->capacity());
        all_may_move =
            all_may_move && movable && piece.pins == 0 && piece.alignment <= granularity_;
    }
    for (const auto& [start, piece] : books_.live()) verify(start, piece);
    const bool whole = limits.bytes == ~Size{0} && limits.moves == ~std::uint32_t{0};
    if (whole && all_may_move && all_known()) {
        require_at(books_.holes(manager_->capacity()).size() <= 1,
                   "more than one hole after defragment()", told.moves);
    }
}

// The caller's half of a pass: other allocations happen, bytes are copied, and
// outcomes are set.
void ManagerSession::pass() {
    ashlar::PassLimits limits;
    if (in_.byte() % 3 == 0) limits.bytes = in_.word();
    if (in_.byte() % 3 == 0) limits.moves = static_cast<std::uint32_t>(in_.below(20));
    std::vector<Move> moves = manager_->begin_pass(limits);
    require_at(moves.size() <= limits.moves, "more moves than allowed", moves.size());
    if (moves.empty()) return;
    require_at(thrown([&] { (void)manager_->begin_pass(limits); }) == Status::pinned,
               "a pass within a pass");
    Size bytes = 0;
    for (Move& move : moves) {
        const auto piece = books_.live().find(move.from);
        require_at(piece != books_.live().end() && piece->second.handle == move.handle,
                   "a move of no movable block", move.from, move.size);
        require_at(piece->second.size == move.size && piece->second.pins == 0,
                   "a move of a pinned block", move.from, move.size);
        require_at(move.to < move.from, "a move away from the beginning", move.from, move.to);
        require_at(thrown([&] { manager_->deallocate(move.handle); }) == Status::pinned,
                   "a moving block is freed", move.from);
        bytes += move.size;
        // Held until the end.
        books_.add(move.to, {.size = move.size, .kind = Piece::Kind::reserved},
                   manager_->capacity());
        move.outcome = static_cast<Outcome>(in_.byte() % 8 < 6 ? 0 : 1 + in_.below(2));
        // Its bytes may be elsewhere.
        if (parts_ && move.outcome == Outcome::copied) move.outcome = Outcome::ignored;
    }
    require_at(bytes <= limits.bytes || moves.size() == 1, "more bytes moved than allowed", 0,
               bytes);
    for (std::size_t i = in_.below(3); i > 0 && !full(); --i) take();
    for (const Move& move : moves) {
        if (memory_ && move.outcome == Outcome::copied) {
            std::byte* from = manager_->data(move.from);
            std::memcpy(from - (move.from - move.to), from, move.size);
        }
    }
    end_pass(moves);
}

void ManagerSession::end_pass(std::vector<Move>& moves) {
    const ashlar::DefragmentationStatistics told = manager_->end_pass(moves);
    std::uint64_t counts[3] = {};
    for (const Move& move : moves) {
        ++counts[static_cast<std::size_t>(move.outcome)];
        books_.remove(move.to);
        if (move.outcome == Outcome::dropped) {
            books_.remove(move.from);
            handles_.push_back(move.handle);
            continue;
        }
        const Offset now = manager_->resolve(move.handle);
        require_at(now == (move.outcome == Outcome::copied ? move.to : move.from),
                   "not where the pass left it", move.from, now);
        relocate(move.from, now);
    }
    require_at(told.moves == counts[0] && told.ignored == counts[1] && told.dropped == counts[2],
               "a pass's statistics", told.moves);
}

}  // namespace fuzz

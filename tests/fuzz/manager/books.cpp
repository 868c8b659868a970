#include "books.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace fuzz {

void fail_manager(const char* what, Offset offset, Size size) {
    std::fprintf(stderr, "fuzz: %s: offset %" PRIu64 ", %" PRIu64 " bytes\n", what, offset, size);
    std::abort();
}

bool Books::is_free(Offset start, Size size, Size capacity) const {
    if (start > capacity || size > capacity - start) return false;
    const auto above = live_.lower_bound(start);
    if (above != live_.end() && above->first < start + size) return false;
    return above == live_.begin() ||
           std::prev(above)->first + std::prev(above)->second.size <= start;
}

void Books::add(Offset start, const Piece& piece, Size capacity) {
    require_at(start <= capacity && piece.size <= capacity - start, "a block outside the buffer",
               start, piece.size);
    require_at(is_free(start, piece.size, capacity), "a block overlaps another", start, piece.size);
    live_.emplace(start, piece);
}

void Books::move(Offset from, Offset to, Size capacity) {
    const auto piece = live_.find(from);
    require_at(piece != live_.end(), "a move of no block", from, 0);
    const Piece moved = piece->second;
    live_.erase(piece);
    add(to, moved, capacity);
}

Books::Map::const_iterator Books::covering(Offset offset) const {
    const auto above = live_.upper_bound(offset);
    if (above == live_.begin()) return live_.end();
    const auto piece = std::prev(above);
    return offset - piece->first < piece->second.size ? piece : live_.end();
}

Size Books::used() const {
    Size sum = 0;
    for (const auto& [start, piece] : live_) sum += piece.size;
    return sum;
}

std::vector<Books::Hole> Books::holes(Size capacity) const {
    std::vector<Hole> found;
    Offset end = 0;
    for (const auto& [start, piece] : live_) {
        if (start > end) found.push_back({end, start - end});
        end = start + piece.size;
    }
    if (capacity > end) found.push_back({end, capacity - end});
    return found;
}

std::vector<Books::Hole> Books::candidates(Size size, Size alignment, Size capacity) const {
    std::vector<Hole> fitting;
    for (const Hole hole : holes(capacity)) {
        const Size lost = aligned(hole.start, alignment) - hole.start;
        if (lost < hole.size && hole.size - lost >= size) fitting.push_back(hole);
    }
    return fitting;
}

std::set<Offset> Books::reached(const std::vector<Offset>& roots, const Refers& refers) const {
    std::set<Offset> found;
    std::vector<Offset> ahead = roots;
    for (const auto& [start, piece] : live_) {
        if (piece.kind != Piece::Kind::plain) ahead.push_back(start);
    }
    while (!ahead.empty()) {
        const auto piece = covering(ahead.back());
        ahead.pop_back();
        if (piece == live_.end() || !found.insert(piece->first).second) continue;
        const std::vector<Offset> next = refers(piece->first, piece->second);
        ahead.insert(ahead.end(), next.begin(), next.end());
    }
    return found;
}

}  // namespace fuzz

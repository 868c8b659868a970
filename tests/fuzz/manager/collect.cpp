// The collector must keep and free exactly the blocks that the books say.
#include <cstring>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::Status;

void ManagerSession::link() {
    const auto piece = any_piece();
    if (piece == books_.live().end()) return take();
    piece->second.refers.clear();
    for (std::size_t i = in_.below(5); i > 0; --i) piece->second.refers.push_back(anywhere());
    fill(piece->first, piece->second);
}

ashlar::ReferenceVisitor ManagerSession::visitor() const {
    return [this](Offset block, Size size, const std::function<void(Offset)>& reach) {
        const auto piece = books_.live().find(block);
        require_at(piece != books_.live().end() && piece->second.size == size,
                   "the visitor sees no block", block, size);
        for (const Offset target : piece->second.refers) reach(target);
    };
}

// References by the visitor, or as conservatively as the collector: every word
// in the block.
Books::Refers ManagerSession::referring(bool visited) const {
    if (visited) return [](Offset, const Piece& piece) { return piece.refers; };
    return [this](Offset start, const Piece& piece) {
        std::vector<std::byte> bytes(piece.size);
        manager_->read(start, bytes);
        std::vector<Offset> found;
        for (Size at = aligned(start, 8) - start; at + 8 <= bytes.size(); at += 8) {
            Offset word = 0;
            std::memcpy(&word, &bytes[at], 8);
            if (word < manager_->capacity()) found.push_back(word);
        }
        return found;
    };
}

std::vector<Offset> ManagerSession::roots() {
    std::vector<Offset> chosen;
    for (std::size_t i = in_.below(6); i > 0; --i) {
        const auto piece = any_piece();
        if (piece != books_.live().end())
            chosen.push_back(piece->first + in_.word() % piece->second.size);
    }
    return chosen;
}

void ManagerSession::collected(const std::set<Offset>& kept,
                               const ashlar::CollectionStatistics& told) {
    std::uint64_t blocks = 0;
    Size bytes = 0;
    for (auto piece = books_.live().begin(); piece != books_.live().end();) {
        const auto& [start, what] = *piece;
        const bool keep = kept.contains(start);
        require_at(manager_->is_block(start) == keep,
                   keep ? "a reachable block is freed" : "a garbage block is left", start,
                   what.size);
        if (keep) {
            ++piece;
            continue;
        }
        ++blocks;
        bytes += what.size;
        gone_.push_back(start);
        piece = books_.live().erase(piece);
    }
    require_at(told.freed_blocks == blocks && told.freed_bytes == bytes,
               "a collection's statistics", told.freed_blocks, told.freed_bytes);
}

void ManagerSession::collect() {
    const bool visited = in_.byte() % 2 == 0;
    const std::vector<Offset> from = roots();
    if (!visited && !memory_) {
        return require_at(thrown([&] { manager_->collect(from); }) == Status::no_memory,
                          "a collection without memory");
    }
    if (!visited && books_.used() > Size{1} << 18) return;  // the model would read every byte
    const std::set<Offset> kept = books_.reached(from, referring(visited));
    collected(kept, visited ? manager_->collect(from, visitor()) : manager_->collect(from));
}

void ManagerSession::leaks() {
    const std::vector<Offset> from = roots();
    const std::set<Offset> kept = books_.reached(from, referring(true));
    std::set<Offset> found;
    for (const ashlar::BlockView& view : manager_->find_leaks(from, visitor())) {
        require_at(books_.live().contains(view.start) && !kept.contains(view.start),
                   "a leak that is none", view.start, view.size);
        require_at(books_.live().at(view.start).size == view.size, "a leak's size", view.start,
                   view.size);
        found.insert(view.start);
    }
    require_at(found.size() + kept.size() == books_.live().size(), "a leak is not found",
               found.size(), kept.size());
    for (const auto& [start, piece] : books_.live())
        require_at(manager_->is_block(start), "find_leaks() freed a block", start, piece.size);
}

}  // namespace fuzz

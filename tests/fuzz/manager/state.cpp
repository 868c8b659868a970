// Saves the manager and loads it: the new one has the blocks of the books, and
// would be saved as the same state.
#include <sstream>

#include <ashlar/manager_state.hpp>

#include "manager_session.hpp"

namespace fuzz {

namespace {

std::string state_of(const ashlar::MemoryManager& manager) {
    std::ostringstream out;
    ashlar::save_state(manager, out, {.bytes = false});
    return std::move(out).str();
}

}  // namespace

void ManagerSession::save_and_load() const {
    const std::string state = state_of(*manager_);
    std::istringstream in(state);
    ashlar::ManagerOptions options;
    options.placement = placement_;
    options.threads = manager_->capacity() % 2 == 0 ? ashlar::Threads::one : ashlar::Threads::many;
    const ashlar::MemoryManager again =
        memory_ ? ashlar::load_state(in, std::move(options))
                : ashlar::load_state_without_memory(in, std::move(options));
    require_at(again.check() == 0, "check() of the manager that was loaded");
    require_at(state_of(again) == state, "the state changes when it is loaded", 0, state.size());
    for (const auto& [start, piece] : books_.live()) {
        require_at(again.is_block(start) && again.size_of(start) == piece.size,
                   "a block is not loaded", start, piece.size);
        require_at(again.name(start) == piece.name, "a name is not loaded", start);
        const bool movable = piece.kind == Piece::Kind::movable;
        require_at(!movable || again.resolve(piece.handle) == start, "a handle is not loaded",
                   start);
        require_at(movable || again.user_data(start) == piece.user, "user data is not loaded",
                   start, piece.user);
    }
    require_at(again.statistics().blocks == books_.live().size(),
               "blocks that are not in the books");
}

}  // namespace fuzz

#include <cstdio>

#include "manager_session.hpp"

namespace fuzz {

void ManagerSession::run() {
    using Self = ManagerSession;
    // A repeated case has more weight.
    static constexpr Call calls[] = {
        &Self::take,           &Self::take,         &Self::take,         &Self::take,
        &Self::take,           &Self::request,      &Self::give,         &Self::give,
        &Self::give,           &Self::give,         &Self::burst,        &Self::burst,
        &Self::take_at,        &Self::reserve,      &Self::resize,       &Self::resize,
        &Self::note,           &Self::trim,         &Self::access,       &Self::access,
        &Self::misuse,         &Self::misuse,       &Self::stale_handle, &Self::take_movable,
        &Self::take_movable,   &Self::give_movable, &Self::pin,          &Self::unpin,
        &Self::defragment,     &Self::pass,         &Self::link,         &Self::link,
        &Self::collect,        &Self::leaks,        &Self::look,         &Self::reallocate,
        &Self::resize_movable, &Self::batch,        &Self::limit,
    };
    constexpr std::size_t kinds = sizeof calls / sizeof *calls;
    set_up();
    for (std::size_t i = 0; in_.goes_on() && i < kMostCalls; ++i) {
        const std::uint8_t head = in_.byte();
        const std::size_t kind = head % 64 % (kinds + 1);
        if (kind == kinds) {
            team_.end(1 + in_.below(Team::kThreads - 1));  // only thread 0 can wait for its end
        } else {
            const auto call = calls[kind];
            team_.run(head / 64, [this, call] { (this->*call)(); });
        }
    }
    look();
    save_and_load();
    while (!books_.live().empty()) free_piece(books_.live().begin());
    manager_->trim();
    look();
    const ashlar::ManagerStatistics told = manager_->statistics();
    require_at(told.used == 0 && told.blocks == 0 && told.overhead == 0,
               "bytes are in use after all frees", told.used, told.overhead);
}

}  // namespace fuzz

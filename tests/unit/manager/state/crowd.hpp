// Managers with blocks of all kinds, and what a user can see of them.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_STATE_CROWD_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_STATE_CROWD_HPP

#include <ashlar/manager_state.hpp>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "unit/manager/make.hpp"

namespace crowd {

using ashlar::BlockView;
using ashlar::Handle;
using ashlar::ManagerOptions;
using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

inline constexpr Size kWhole = Size{1} << 20;

struct Handles {
    std::vector<Handle> live, freed;
};

// Blocks of all kinds and sizes, with notes and holes; `seed` shifts all of it.
inline Handles fill(MemoryManager& manager, Size count, Size seed = 0) {
    Handles handles;
    std::vector<Offset> freed;
    static_cast<void>(manager.reserve_range(kWhole - 4096, 4096));
    for (Size i = seed; i < seed + count; ++i) {
        const Offset small = manager.allocate(1 + i * 7 % 250).value();
        const Offset large = manager.allocate(1100 + i, Size{1} << i % 9).value();
        if (i % 3 == 0) freed.insert(freed.end(), {small, large});
        if (i % 7 == 0) manager.set_name(i % 2 == 0 ? small : large, "name " + std::to_string(i));
        if (i % 5 == 0) manager.set_user_data(i % 2 == 0 ? small : large, i << 40 | 1);
        if (i % 6 == 0) static_cast<void>(manager.allocate_root(i % 4 == 0 ? 40 : 1500));
        if (i % 4 != 0) continue;
        handles.live.push_back(manager.allocate_movable(500 + i, Size{1} << i % 7).value());
        if (i % 8 == 0) manager.set_user_data(manager.resolve(handles.live.back()), i + 5);
        if (i % 12 == 0) manager.set_name(manager.resolve(handles.live.back()), "moves");
        if (i % 16 != 0) continue;
        handles.freed.push_back(manager.allocate_movable(10).value());
        manager.deallocate(handles.freed.back());
    }
    for (const Offset offset : freed) manager.deallocate(offset);
    return handles;
}

using Seen = std::tuple<Size, BlockView::Kind, std::uint64_t, std::string, std::uint64_t>;

// All blocks by offset: size, kind, user data, name, handle. `as_block`: small
// blocks are shown as others.
inline std::map<Offset, Seen> blocks(const MemoryManager& manager, bool as_block = false) {
    std::map<Offset, Seen> seen;
    manager.for_each([&](const BlockView& view) {
        if (view.kind == BlockView::Kind::hole || view.kind == BlockView::Kind::slab) return true;
        const bool small = view.kind == BlockView::Kind::small_block;
        seen[view.start] = {view.size, as_block && small ? BlockView::Kind::block : view.kind,
                            view.user, manager.name(view.start),
                            manager.handle_of(view.start).value_or(Handle{}).value};
        return true;
    });
    return seen;
}

inline std::string saved(const MemoryManager& manager, ashlar::SaveOptions options = {}) {
    std::ostringstream out;
    ashlar::save_state(manager, out, options);
    return std::move(out).str();
}
inline MemoryManager loaded(const std::string& state, ManagerOptions options = {}) {
    std::istringstream in(state);
    return ashlar::load_state(in, std::move(options));
}

}  // namespace crowd

#endif

// A copy of a manager's ranges, by address. It is of one moment, except for
// small blocks that come and go meanwhile.
#ifndef ASHLAR_MANAGER_ENGINE_SNAPSHOT_HPP
#define ASHLAR_MANAGER_ENGINE_SNAPSHOT_HPP

#include <array>
#include <ashlar/manager_types.hpp>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace ashlar::manager {

struct Snapshot {
    ManagerStatistics totals{};
    std::vector<BlockView> views;
    std::unordered_map<Offset, std::string> names;

    [[nodiscard]] ManagerHistograms histograms() const noexcept;
    [[nodiscard]] std::string name(const BlockView& view) const {
        const bool block = view.kind != BlockView::Kind::hole && view.kind != BlockView::Kind::slab;
        const auto found = block ? names.find(view.start) : names.end();
        return found == names.end() ? std::string() : found->second;
    }
};

// A few parts of the buffer: those of one copy are of one moment.
struct Parts {
    std::array<BlockView, 64> room;
    std::span<BlockView> views{};
    Offset from = 0;          // the next copy begins there
    RangeId hint = no_range;  // the range to go on with, if it still has that byte
};

}  // namespace ashlar::manager

#endif

// A copy of what is in a manager's buffer, by address: of one moment, but for small blocks that come and go meanwhile.
#ifndef ASHLAR_MANAGER_SNAPSHOT_HPP
#define ASHLAR_MANAGER_SNAPSHOT_HPP

#include <ashlar/manager_types.hpp>
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

}  // namespace ashlar::manager

#endif

#include "manager/base/small_annotations.hpp"

#include "core/region/region.hpp"

namespace ashlar::manager {

SmallAnnotations::~SmallAnnotations() {
    if (any()) region::kSystem.release(table(), bytes());
}

bool SmallAnnotations::create() noexcept {
    if (any()) return true;
    void* const mapped = region::map_uncharged(bytes());
    if (mapped == nullptr) return false;
    Table none = nullptr;
    // [E42] release, pairs with the acquire in table(): the mapping. On failure
    // acquire: that of another thread.
    if (!table_.cas(none, static_cast<Table>(mapped), base::acq_rel, base::acq))
        region::kSystem.release(mapped, bytes());
    return true;
}

void SmallAnnotations::give_back(std::size_t from, std::size_t to) noexcept {
    if (any()) region::purge_within(region::kSystem, table() + from, table() + to);
}

// Where the pages stay, only words that are not zero are written.
void SmallAnnotations::clear() noexcept {
    touched_.store(0, base::rlx);  // relaxed: no other thread calls meanwhile
    if (!any() || region::kSystem.purge(table(), bytes())) return;
    // Relaxed, all of it: as above.
    for (std::size_t i = 0; i < bytes() / sizeof(std::uint64_t); ++i) {
        if (table()[i].load(base::rlx) != 0) table()[i].store(0, base::rlx);
    }
}

}  // namespace ashlar::manager

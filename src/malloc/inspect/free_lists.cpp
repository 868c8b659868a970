#include "malloc/inspect/free_lists.hpp"

#include <algorithm>

namespace ashlar::inspect {
namespace {

constexpr std::uint64_t kMostCaches = std::uint64_t{1} << 16;
constexpr std::uint64_t kMostBlocks = 4096;

}  // namespace

std::uint32_t FreeLists::number(std::uint64_t address) const noexcept {
    std::uint32_t value = 0;
    return memory_.get(address, value) ? value : 0;
}

FreeLists::Place FreeLists::find(base::Bin bin, std::uint64_t block) const noexcept {
    if (bin == 0) return Place::none;
    const CacheTables& tables = layout_.cache;
    const std::uint64_t created = std::min<std::uint64_t>(number(tables.created), kMostCaches);
    for (std::uint64_t i = 0; i < created; ++i) {
        if (in_cache(tables.caches + i * tables.bytes, bin, block)) return Place::thread;
    }
    const std::uint64_t shared = number(tables.shared_ready) == 0 ? 0 : tables.shared_count;
    for (std::uint64_t i = 0; i < shared; ++i) {
        if (in_cache(tables.shared + i * tables.bytes, bin, block)) return Place::shared;
    }
    return !base::is_run(bin) && in_depot(bin, block) ? Place::depot : Place::none;
}

// Whether one of `count` pointers is the block's.
bool FreeLists::holds(std::uint64_t from, std::uint64_t count, std::uint64_t block) const noexcept {
    for (std::uint64_t i = 0; i < std::min(count, kMostBlocks); ++i) {
        std::uint64_t pointer = 0;
        if (memory_.get(from + i * sizeof pointer, pointer) && pointer == block) return true;
    }
    return false;
}

bool FreeLists::in_cache(std::uint64_t cache, base::Bin bin, std::uint64_t block) const noexcept {
    const CacheTables& tables = layout_.cache;
    std::uint64_t heap = 0;
    std::uint64_t top = 0;
    if (!memory_.get(cache + tables.heap, heap) || heap == 0) return false;
    if (!memory_.get(cache + tables.top + bin * sizeof top, top)) return false;
    const std::uint64_t slots = cache + tables.slots;
    for (const auto& [first, most] : {std::pair{tables.few[bin], tables.few_count[bin]},
                                      std::pair{tables.many[bin], tables.many_count[bin]}}) {
        const std::uint64_t bottom = slots + first * sizeof top;
        const std::uint64_t count = (top - bottom) / sizeof top;
        if (count <= most) return holds(bottom, count, block);
    }
    return false;
}

// A magazine begins with its count; its pointers follow at the next multiple of
// their size.
bool FreeLists::in_depot(base::Bin bin, std::uint64_t block) const noexcept {
    const DepotTables& depot = layout_.depot;
    for (std::uint64_t s = 0; s < depot.shards; ++s) {
        base::Word full = 0;
        if (!memory_.get(depot.classes + bin * depot.class_bytes + s * depot.shard_bytes, full))
            continue;
        for (; full != 0; full &= full - 1) {
            const std::uint64_t which = base::lowest(full);
            if (which >= depot.per_shard[bin]) break;
            const std::uint64_t magazine =
                depot.magazines[bin] + (s * depot.per_shard[bin] + which) * depot.magazine_bytes;
            if (holds(magazine + sizeof(std::uint64_t), number(magazine), block)) return true;
        }
    }
    return false;
}

}  // namespace ashlar::inspect

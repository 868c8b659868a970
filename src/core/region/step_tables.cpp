#include "core/region/step_tables.hpp"

#include <algorithm>

#include "core/region/region.hpp"

namespace ashlar::region {

void StepTables::add(const void* start, std::size_t entry_bytes) noexcept {
    tables_[count_++] = {reinterpret_cast<std::uintptr_t>(start), entry_bytes};
    widest_ = std::max(widest_, entry_bytes);
}

bool StepTables::add(const void* start, std::size_t entry_bytes, std::uint32_t opened) noexcept {
    if (!open_part({reinterpret_cast<std::uintptr_t>(start), entry_bytes}, 0, opened)) return false;
    add(start, entry_bytes);
    return true;
}

// Pages that are open already are opened once more at the edges, which changes
// nothing.
bool StepTables::open_part(const Table& table, std::uint32_t opened,
                           std::uint32_t to) const noexcept {
    const std::uintptr_t from = std::max(table.start + opened * table.entry_bytes, open_end_);
    const std::uintptr_t end = table.start + to * table.entry_bytes;
    return from >= end || commit_around(kSystem, reinterpret_cast<void*>(from), end - from);
}

bool StepTables::open_to(std::uint32_t opened, std::uint32_t to) const noexcept {
    bool done = true;
    for (std::uint32_t i = 0; i < count_ && done; ++i) done = open_part(tables_[i], opened, to);
    return done;
}

std::uint32_t StepTables::open(std::uint32_t opened, std::uint32_t wanted,
                               std::uint32_t most) const noexcept {
    if (wanted <= opened || wanted > most) return opened;
    const auto page = static_cast<std::uint32_t>(std::max<std::size_t>(page_size() / widest_, 1));
    const std::uint32_t step = std::max(page, opened / 4);
    const std::uint32_t to = most - opened > step ? std::max(wanted, opened + step) : most;
    if (open_to(opened, to)) return to;
    return open_to(opened, wanted) ? wanted : opened;  // perhaps only the step was too much
}

}  // namespace ashlar::region

#include <ashlar/manager_text.hpp>
#include <ostream>

#include "manager/report/text.hpp"

namespace ashlar {

namespace {

std::string counted(std::uint64_t count, const char* one) {
    return std::to_string(count) + ' ' + one + (count == 1 ? "" : "s");
}

std::string microseconds(std::chrono::nanoseconds time) {
    return manager::decimal(static_cast<double>(time.count()) / 1000, 1) + " us";
}

}  // namespace

const char* to_string(Status status) noexcept {
    switch (status) {
        case Status::ok: return "ok";
        case Status::no_room: return "no_room";
        case Status::bad_offset: return "bad_offset";
        case Status::outside_block: return "outside_block";
        case Status::bad_alignment: return "bad_alignment";
        case Status::bad_size: return "bad_size";
        case Status::bad_handle: return "bad_handle";
        case Status::pinned: return "pinned";
        case Status::one_thread: return "one_thread";
        case Status::no_roots: return "no_roots";
        case Status::no_memory: return "no_memory";
        case Status::in_callback: return "in_callback";
        case Status::bad_options: return "bad_options";
        case Status::bad_state: return "bad_state";
    }
    return "unknown status";
}

const char* to_string(BlockView::Kind kind) noexcept {
    switch (kind) {
        case BlockView::Kind::block: return "block";
        case BlockView::Kind::small_block: return "small_block";
        case BlockView::Kind::movable: return "movable";
        case BlockView::Kind::reserved: return "reserved";
        case BlockView::Kind::slab: return "slab";
        case BlockView::Kind::hole: return "hole";
    }
    return "unknown kind";
}

std::string to_string(Handle handle) {
    if (!handle) return "none";
    return std::to_string(static_cast<std::uint32_t>(handle.value)) + ':' +
           std::to_string(handle.value >> 32);
}

std::string to_string(const ManagerStatistics& statistics) {
    return std::to_string(statistics.used) + " of " + counted(statistics.capacity, "byte") +
           " in " + counted(statistics.blocks, "block") + ", " +
           std::to_string(statistics.overhead) + " overhead, " +
           counted(statistics.free_ranges, "hole") + ", the largest " +
           std::to_string(statistics.largest_free) + ", fragmentation " +
           manager::decimal(100 * statistics.fragmentation(), 1) + "%, peak " +
           std::to_string(statistics.peak_used) + ", limit " + std::to_string(statistics.limit) +
           ", records " + std::to_string(statistics.metadata);
}

std::string to_string(const DefragmentationStatistics& statistics) {
    return counted(statistics.moves, "move") + " of " + counted(statistics.bytes_moved, "byte") +
           ", " + std::to_string(statistics.ignored) + " ignored, " +
           std::to_string(statistics.dropped) + " dropped, " +
           counted(statistics.bytes_freed, "byte") + " won, fragmentation " +
           manager::decimal(100 * statistics.fragmentation_before, 1) + "% to " +
           manager::decimal(100 * statistics.fragmentation_after, 1) + '%';
}

std::string to_string(const CollectionStatistics& statistics) {
    return "cycle " + std::to_string(statistics.cycles) + " freed " +
           counted(statistics.freed_blocks, "block") + " of " +
           counted(statistics.freed_bytes, "byte") + ", marked " +
           std::to_string(statistics.marked) + " from " + counted(statistics.roots, "root") + ", " +
           std::to_string(statistics.allocated) + " allocated, " +
           microseconds(statistics.duration) + " in " + counted(statistics.slices, "slice") +
           ", longest pause " + microseconds(statistics.longest_pause);
}

std::ostream& operator<<(std::ostream& out, Status status) { return out << to_string(status); }
std::ostream& operator<<(std::ostream& out, BlockView::Kind kind) { return out << to_string(kind); }
std::ostream& operator<<(std::ostream& out, Handle handle) { return out << to_string(handle); }
std::ostream& operator<<(std::ostream& out, const ManagerStatistics& statistics) {
    return out << to_string(statistics);
}
std::ostream& operator<<(std::ostream& out, const DefragmentationStatistics& statistics) {
    return out << to_string(statistics);
}
std::ostream& operator<<(std::ostream& out, const CollectionStatistics& statistics) {
    return out << to_string(statistics);
}

}  // namespace ashlar

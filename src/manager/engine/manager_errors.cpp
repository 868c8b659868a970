// The exceptions' messages. Made after the fact: with other threads about, the
// block that a message speaks of may be gone already.
#include <string>

#include "manager/engine/manager.hpp"

namespace ashlar::manager {

namespace {

std::string interval(Offset start, Size size) {
    return "[" + std::to_string(start) + ", " +
           (start + size < start ? "2^64" : std::to_string(start + size)) + ")";
}

std::string bytes(Size size) { return std::to_string(size) + (size == 1 ? " byte" : " bytes"); }

std::string about(Offset offset, Offset start, Size size) {
    return (offset == start ? "the block there is " : "it lies inside the block ") +
           interval(start, size) + " of " + bytes(size);
}

}  // namespace

std::string Manager::explain(Offset offset) const {
    if (has_small()) {
        const Small::Found found = small_.find(offset);
        if (found.kind == Small::Found::Kind::block) return about(offset, found.start, found.size);
        if (found.kind == Small::Found::Kind::not_live) return "no live block is there";
    }
    const Guard guard(lock_);
    const Size capacity = allocator_.totals().capacity;
    if (offset >= capacity) return "the buffer has " + bytes(capacity);
    const RangeId block = allocator_.covering(offset);
    if (block == no_range || (allocator_[block].state & ranges::kSlab) != 0)
        return "no live block is there";
    const Range& range = allocator_[block];
    if (offset - range.start >= range.asked) return "no live block is there";
    if ((range.state & ranges::kTarget) != 0)
        return "a pass of defragmentation moves a block there";
    const std::string found = about(offset, range.start, range.asked);
    return (range.state & ranges::kMovable) != 0 ? found + ", which is movable" : found;
}

void Manager::refuse(Status status, const char* member, Offset offset, Size size) const {
    const std::string call = std::string(member) + ": ";
    switch (status) {
        case Status::bad_offset:
            throw BadOffset(call + std::to_string(offset) +
                            " is not the offset of a live block: " + explain(offset));
        case Status::outside_block:
            throw OutsideBlock(call + interval(offset, size) + " of " + bytes(size) +
                               " does not lie in one live block: " + explain(offset));
        case Status::no_memory:
            throw NoMemory(call + interval(offset, size) + " of " + bytes(size) +
                           ": the manager is without memory");
        case Status::bad_size:
            throw BadSize(call + interval(offset, size) + " of " + bytes(size) +
                          ": at least one byte, offset and size multiples of " +
                          std::to_string(granularity()));
        case Status::pinned:
            throw Pinned(call + "the block at " + std::to_string(offset) + " of " + bytes(size) +
                         " is pinned");
        default: throw ManagerError(status, call + std::to_string(offset) + ", " + bytes(size));
    }
}

void Manager::refuse(Status status, const char* member, Handle handle) const {
    const std::string name = std::string(member) + ": handle " + std::to_string(handle.value);
    const Moves::Known known = moves_.known(handle);
    if (known.kind != Moves::Known::Kind::live) {
        throw BadHandle(name + " is not that of a live movable block: " +
                        (known.kind == Moves::Known::Kind::freed ? "its block was freed"
                                                                 : "no block ever had it"));
    }
    const std::string block =
        name + " is of the block " + interval(known.start, known.size) + " of " + bytes(known.size);
    if (status != Status::pinned) throw BadHandle(block + ", which is not pinned");
    throw Pinned(block + (known.in_pass ? ", which a pass of defragmentation moves to " +
                                              std::to_string(known.target)
                                        : ", which is pinned"));
}

void Manager::refuse_move(const Move& move) {
    throw BadHandle("end_pass: the move of handle " + std::to_string(move.handle.value) + " from " +
                    interval(move.from, move.size) + " of " + bytes(move.size) + " to " +
                    std::to_string(move.to) + " is not one of this pass, or comes twice");
}

void Manager::refuse_limit(Size limit) const {
    throw BadSize("set_limit: " + bytes(limit) + ": at least the capacity of " + bytes(capacity()) +
                  ", at most " + bytes(highest_) + " are possible");
}

void Manager::refuse_alignment(const char* member, Size size, Size alignment) const {
    throw BadAlignment(std::string(member) + ": " + bytes(size) + " at a multiple of " +
                       std::to_string(alignment) + ", which is not a power of two");
}

}  // namespace ashlar::manager

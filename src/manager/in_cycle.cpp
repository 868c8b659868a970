// What changes blocks or references while a cycle of the collector runs: under the lock, and told to the collector. The fast
// ways of the same members turn to these when they find a cycle at the gate.
#include <algorithm>
#include <cstring>

#include "manager/manager.hpp"

namespace ashlar::manager {

namespace {

// Copied in one go under the lock; a multiple of a word, so that no reference lies across two pieces.
constexpr Size kPiece = 4096;

}  // namespace

Status Manager::deallocate_in_cycle(Offset offset) noexcept {
    for (Collector::Leaving so_far;;) {
        const Guard guard(lock_);
        const Small::Found found = small_.find(offset);
        if (found.kind == Small::Found::Kind::not_small) break;
        if (found.kind == Small::Found::Kind::not_live || found.start != offset) return Status::bad_offset;
        if (!collector_.leaving(offset, found.size, so_far)) continue;
        if (notes_.any()) notes_.erase(offset);
        const Small::Given given = small_.give(thread_number(), offset);
        if (given == Small::Given::given_last) {
            SlabSource source{*this};
            small_.reclaim(false, source);
        }
        return given == Small::Given::not_live ? Status::bad_offset : Status::ok;
    }
    return deallocate_large(offset);
}

// A piece that is empty only looks whether all may be written.
Status Manager::write_in_cycle(Offset start, std::span<const std::byte> data) noexcept {
    if (buffer_.kind() == Buffer::Kind::none) return Status::no_memory;
    Status status = data.empty() ? Status::ok : write_piece(start, {}, data.size());
    for (Size done = 0; status == Status::ok && done < data.size();) {
        const Offset at = start + done;
        const Size length = std::min(data.size() - done, kPiece - at % kPiece);
        status = write_piece(at, data.subspan(done, length), data.size() - done);
        done += length;
    }
    return status;
}

// `length`: so much of the block must follow.
Status Manager::write_piece(Offset start, std::span<const std::byte> data, Size length) noexcept {
    const Guard guard(lock_);
    Offset block = 0;
    Size size = 0;
    if (!live_at(start, block, size) || length > size - (start - block)) return Status::outside_block;
    if (data.empty()) return Status::ok;
    collector_.changing(block, size, start, data.size());
    std::memcpy(buffer_.at(start), data.data(), data.size());
    collector_.changing(block, size, start, data.size());
    return Status::ok;
}

// The live block with that byte.
bool Manager::live_at(Offset offset, Offset& start, Size& size) const noexcept {
    const Small::Found found = small_.find(offset);
    if (found.kind == Small::Found::Kind::block) {
        start = found.start;
        size = found.size;
        return true;
    }
    const RangeId block = found.kind == Small::Found::Kind::not_small ? heap_.covering(offset) : no_range;
    if (block == no_range || (heap_[block].state & ranges::kSlab) != 0) return false;
    start = heap_[block].start;
    size = heap_[block].asked;
    return offset - start < size;
}

// What is cut off takes its references with it. `size` 0: more than there can be.
Status Manager::resize_in_cycle(Offset offset, Size size) noexcept {
    const Guard guard(lock_);
    Offset start = 0;
    Size old = 0;
    if (!live_at(offset, start, old) || start != offset) return Status::bad_offset;
    const Small::Found found = small_.find(offset);
    const RangeId block = found.kind == Small::Found::Kind::block ? no_range : heap_.at(offset);
    if (block != no_range && (heap_[block].state & ranges::kTarget) != 0) return Status::bad_offset;
    if (size == 0 || (block != no_range && moves_.in_pass(heap_[block]))) return Status::no_room;
    if (size < old) collector_.changing(offset, old, offset + size, old - size);
    if (block == no_range) return small_.resize(thread_number(), offset, size) ? Status::ok : Status::no_room;
    return resize_range(block, size) ? Status::ok : Status::no_room;
}

Status Manager::allocate_movable(Size size, Size alignment, Handle& handle) {
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) return shaped;
    const auto take = [&] {
        const RangeId block = heap_.take(size, alignment);
        if (block == no_range) return false;
        collector_.born(block);
        handle = moves_.adopt(block, alignment);
        return true;
    };
    return locked(take) || take_again(size, alignment, take) ? Status::ok : Status::no_room;
}

}  // namespace ashlar::manager

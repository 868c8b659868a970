// Changes of blocks or references while a cycle of the collector runs: under
// the lock, and told to the collector. The fast paths of the same members call
// these when they find a cycle at the gate.
#include <algorithm>
#include <cstring>

#include "manager/engine/manager.hpp"

namespace ashlar::manager {

namespace {

// Copied in one go under the lock; a multiple of a word, so that no reference
// lies across two pieces.
constexpr Size kPiece = 4096;

}  // namespace

Status Manager::deallocate_in_cycle(Offset offset) noexcept {
    for (Collector::Leaving so_far;;) {
        const Guard guard(lock_);
        const Small::Found found = small_.find(offset);
        if (found.kind == Small::Found::Kind::not_small) break;
        if (found.kind == Small::Found::Kind::not_live || found.start != offset)
            return Status::bad_offset;
        if (!collector_.leaving(offset, found.size, so_far)) continue;
        erase_small_annotation(offset);
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
    if (!live_at(start, block, size) || length > size - (start - block))
        return Status::outside_block;
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
    const RangeId block =
        found.kind == Small::Found::Kind::not_small ? allocator_.covering(offset) : no_range;
    if (block == no_range || (allocator_[block].state & ranges::kSlab) != 0) return false;
    start = allocator_[block].start;
    size = allocator_[block].asked;
    return offset - start < size;
}

// References in the part that is cut off are lost. `size` 0: a size that no
// block can have.
Status Manager::resize_in_cycle(Offset offset, Size size) noexcept {
    const Guard guard(lock_);
    Offset start = 0;
    Size old = 0;
    if (!live_at(offset, start, old) || start != offset) return Status::bad_offset;
    const Small::Found found = small_.find(offset);
    const RangeId block =
        found.kind == Small::Found::Kind::block ? no_range : allocator_.at(offset);
    if (block != no_range && (allocator_[block].state & ranges::kTarget) != 0)
        return Status::bad_offset;
    if (size == 0 || (block != no_range && moves_.in_pass(allocator_[block])))
        return Status::no_room;
    if (size < old) collector_.changing(offset, old, offset + size, old - size);
    const bool done = block == no_range ? small_.resize(thread_number(), offset, size)
                                        : resize_range(block, size);
    if (done && wipes() && size > old) wipe_now(offset + old, size - old);
    return done ? Status::ok : Status::no_room;
}

void Manager::wipe_from_now_on() noexcept {
    const bool wanted = options_.wipe != Wipe::never && buffer_.kind() != Buffer::Kind::none;
    if (wanted) extras_.fetch_or(kWipes, base::rlx);  // relaxed: see wipes()
}

void Manager::wipe_now(Offset start, Size size) noexcept {
    std::memset(buffer_.at(start), 0xff, size);
}

void Manager::wipe(Offset start, Size size) noexcept {
    const CycleGate::MutatorScope pass(collector_.gate());
    if (!pass.cycle()) return wipe_now(start, size);
    while (size != 0) {
        const Size piece = std::min(size, kPiece);
        const Guard guard(lock_);
        wipe_now(start, piece);
        start += piece;
        size -= piece;
    }
}

Status Manager::allocate_movable(Size size, Size alignment, Handle& handle) {
    const Status shaped = shape(size, alignment);
    if (shaped != Status::ok) return refused(shaped);
    const auto take = [&] {
        const RangeId block =
            moves_.make_room() && within_budget(size) ? allocator_.take(size, alignment) : no_range;
        if (block == no_range) return false;
        collector_.allocated(block);
        handle = moves_.adopt(block, alignment);
        count_allocation();
        if (wipes()) wipe_now(allocator_[block].start, size);  // under the lock, since it may move
        return true;
    };
    return locked(take) || take_again(size, alignment, take) ? Status::ok : Status::no_room;
}

}  // namespace ashlar::manager

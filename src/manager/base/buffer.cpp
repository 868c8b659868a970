#include "manager/base/buffer.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "base/bits.hpp"
#include "core/region/region.hpp"

namespace ashlar::manager {

namespace {

constexpr Size kMostAlignment = Size{1} << 30;

void release(std::byte* from, std::byte* to) noexcept {
    if (from < to) region::kSystem.release(from, static_cast<std::size_t>(to - from));
}

// A mapping at a multiple of the least power of two that is no smaller;
// nullptr: refused.
std::byte* map_aligned(Size bytes) noexcept {
    const Size page = region::page_size();
    const Size alignment = std::min(std::bit_ceil(std::max(bytes, page)), kMostAlignment);
    bytes = base::round_up(bytes, page);
    auto* const low = static_cast<std::byte*>(region::reserve_uncharged(bytes + alignment - page));
    if (low == nullptr) return nullptr;
    std::byte* const start =
        low + (base::round_up(reinterpret_cast<std::uintptr_t>(low), alignment) -
               reinterpret_cast<std::uintptr_t>(low));
    release(low, start);
    release(start + bytes, low + bytes + alignment - page);
    return start;
}

}  // namespace

Buffer Buffer::own(Size limit, Size size) {
    Buffer made;
    made.first_ = map_aligned(limit);
    if (made.first_ == nullptr) throw std::bad_alloc();
    made.first_size_ = limit;
    made.kind_ = Kind::own;
    if (!made.open(size)) throw std::bad_alloc();
    return made;
}

bool Buffer::open(Offset end) noexcept {
    if (kind_ != Kind::own || end <= opened_) return true;
    if (!region::commit_around(region::kSystem, first_ + opened_, end - opened_)) return false;
    opened_ = end;
    return true;
}

Buffer::Buffer(std::span<std::byte> first) noexcept
    : kind_(Kind::parts), first_(first.data()), first_size_(first.size()) {}

// Only before the manager has it: no other thread looks, so relaxed.
Buffer::Buffer(Buffer&& other) noexcept
    : kind_(std::exchange(other.kind_, Kind::none)), first_(std::exchange(other.first_, nullptr)),
      first_size_(std::exchange(other.first_size_, 0)), opened_(std::exchange(other.opened_, 0)),
      parts_(other.parts_.exchange(0, base::rlx)), chunks_(std::move(other.chunks_)) {}

Buffer::~Buffer() {
    if (kind_ == Kind::own) region::kSystem.release(first_, first_size_);
}

Buffer::Part& Buffer::part(std::uint32_t index) const noexcept {
    const unsigned chunk = base::highest(index + 1);
    return chunks_[chunk][index + 1 - (std::uint32_t{1} << chunk)];
}

// Places at or above a live block's part may change meanwhile, but whatever
// they hold begins above the block.
std::byte* Buffer::find(Offset offset) const noexcept {
    // [E36] acquire, pairs with the release in add(): the parts that are
    // counted.
    std::uint32_t low = 0, high = parts_.load(base::acq);
    while (high - low > 1) {
        const std::uint32_t middle = low + (high - low) / 2;
        (part(middle).start.load(base::rlx) <= offset ? low : high) = middle;
    }
    const Part& found = part(low);
    return found.bytes.load(base::rlx) + (offset - found.start.load(base::rlx));
}

Offset Buffer::offset_of(const void* address, Size capacity) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    // A part ends where the next one begins, which may be one that came after
    // the capacity was read.
    const auto inside = [at, capacity](const std::byte* bytes, Offset start, Offset end) {
        const std::uintptr_t from = at - reinterpret_cast<std::uintptr_t>(bytes);
        return bytes != nullptr && start < end && from < end - start ? start + from : capacity;
    };
    Offset found = inside(first_, 0, std::min(first_size_, capacity));
    // [E36] acquire, pairs with the release in add(): the parts that are
    // counted.
    const std::uint32_t count = parts_.load(base::acq);
    for (std::uint32_t i = 0; i < count && found == capacity; ++i) {
        const Offset next = i + 1 < count ? part(i + 1).start.load(base::rlx) : capacity;
        found = inside(part(i).bytes.load(base::rlx), part(i).start.load(base::rlx),
                       std::min(next, capacity));
    }
    return found;
}

bool Buffer::add(Offset start, std::span<std::byte> bytes) noexcept {
    // Relaxed: only the holder of the growth lock changes it.
    const std::uint32_t index = parts_.load(base::rlx);
    const unsigned chunk = base::highest(index + 1);
    if (chunks_[chunk] == nullptr)
        chunks_[chunk].reset(new (std::nothrow) Part[std::size_t{1} << chunk]());
    if (chunks_[chunk] == nullptr) return false;
    part(index).start.store(start, base::rlx);
    part(index).bytes.store(bytes.data(), base::rlx);
    part(index).size = bytes.size();
    // [E36] release, pairs with the acquire in find(): the part, and the chunk
    // that it lies in.
    parts_.store(index + 1, base::rel);
    return true;
}

Offset Buffer::last_start() const noexcept {
    // Relaxed, both: under the growth lock, as drop_last().
    const std::uint32_t count = parts_.load(base::rlx);
    return count == 0 ? 0 : part(count - 1).start.load(base::rlx);
}

std::span<std::byte> Buffer::drop_last() noexcept {
    // Relaxed, all of it: under the growth lock, as last_start().
    const Part& last = part(parts_.fetch_sub(1, base::rlx) - 1);
    return {last.bytes.load(base::rlx), last.size};
}

bool Buffer::purge(Offset start, Size size) const noexcept {
    if (kind_ != Kind::own) return false;
    const Size page = region::page_size();
    const Offset low = base::round_up(start, page);
    const Offset high = (start + size) & ~(page - 1);
    if (low >= high) return false;
    region::kSystem.purge(first_ + low, high - low);
    return true;
}

}  // namespace ashlar::manager

#include "malloc/process/mapped_blocks.hpp"

#include "base/bits.hpp"
#include "core/region/region.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;
using base::rel;
using base::rlx;

constinit MappedBlocks mapped_blocks{};

namespace {

constexpr std::size_t kMost = std::size_t{1} << 46;

void* at(std::uintptr_t address) noexcept { return reinterpret_cast<void*>(address); }

std::size_t whole_pages(std::size_t size) noexcept {
    return base::round_up(size, region::page_size());
}

// `guard`: bytes before and behind a block that can't be touched.
void* map(std::size_t bytes, std::size_t guard) noexcept {
    return guard == 0 ? region::map(bytes) : region::kSystem.reserve(bytes);
}

// Opens a block between its guards.
bool open(std::uintptr_t start, std::size_t bytes, std::size_t guard) noexcept {
    return guard == 0 || region::kSystem.commit(at(start), bytes);
}

void unmap(std::uintptr_t start, std::size_t bytes, std::size_t guard) noexcept {
    region::unmap(at(start - guard), bytes + 2 * guard);
}

// Returns the end of a block. The first of its pages is the new guard.
void unmap_end(std::uintptr_t start, std::size_t bytes, std::size_t guard) noexcept {
    if (guard != 0) region::forbid(at(start), guard);
    region::unmap(at(start + guard), bytes);
}

}  // namespace

std::uint32_t MappedBlocks::first_place(std::uintptr_t start) noexcept {
    return static_cast<std::uint32_t>((start >> 12) * 0x9e3779b97f4a7c15U >> 40) % kPlaces;
}

// Relaxed: set before the first block, by the same thread or the program's
// hand-over of the block.
std::size_t MappedBlocks::guard_bytes() const noexcept {
    return guarded_.load(rlx) != 0 ? region::page_size() : 0;
}

MappedBlocks::Place* MappedBlocks::find(std::uintptr_t start) noexcept {
    if (start % region::page_size() != 0) return nullptr;
    const std::uint32_t first = first_place(start);
    for (std::uint32_t i = 0; i < kWindow; ++i) {
        Place& place = places_[(first + i) % kPlaces];
        // [E39] acquire, pairs with insert(): the size. Only the holder of the
        // block finds it, and the program orders the holder after insert().
        if (place.start.load(acq) == start) return &place;
    }
    return nullptr;
}

// A place that find() does not match until an address is stored in it. nullptr:
// none is free.
MappedBlocks::Place* MappedBlocks::claim(std::uintptr_t start, std::size_t bytes) noexcept {
    const std::uint32_t first = first_place(start);
    for (std::uint32_t i = 0; i < kWindow; ++i) {
        Place& place = places_[(first + i) % kPlaces];
        std::uintptr_t empty = 0;
        // [E39] acquire: after the last block's holder is done with the place.
        // Relaxed before: the CAS decides.
        if (place.start.load(rlx) != 0 || !place.start.cas(empty, kBusy, acq, rlx)) continue;
        place.bytes.store(bytes, rlx);
        return &place;
    }
    return nullptr;
}

bool MappedBlocks::insert(std::uintptr_t start, std::size_t bytes) noexcept {
    Place* place = claim(start, bytes);
    if (place != nullptr) place->start.store(start, rel);  // [E39] release, pairs with find()
    return place != nullptr;
}

void MappedBlocks::count(std::size_t more, std::size_t less) noexcept {
    // Relaxed, all of it: counters.
    const std::size_t held = held_.fetch_add(more - less, rlx) + more - less;
    std::size_t peak = peak_.load(rlx);
    while (held > peak && !peak_.cas(peak, held, rlx, rlx)) {
    }
}

// Maps up to `alignment` bytes more than needed, and unmaps the excess at both
// ends.
void* MappedBlocks::take(std::size_t size, std::size_t alignment) noexcept {
    const std::size_t page = region::page_size();
    if (size > kMost || alignment > kMost) return nullptr;
    const std::size_t bytes = whole_pages(size > 0 ? size : 1);
    const std::size_t extra = alignment > page ? alignment - page : 0;
    const std::size_t guard = guard_bytes();
    void* mapping = map(bytes + extra + 2 * guard, guard);
    if (mapping == nullptr) return nullptr;
    const auto from = reinterpret_cast<std::uintptr_t>(mapping) + guard;
    const std::uintptr_t start = base::round_up(from, alignment > page ? alignment : page);
    if (start > from) region::unmap(mapping, start - from);
    if (from + extra > start) region::unmap(at(start + bytes + guard), from + extra - start);
    if (!open(start, bytes, guard) || !insert(start, bytes)) {
        unmap(start, bytes, guard);
        return nullptr;
    }
    count(bytes, 0);
    return at(start);
}

std::size_t MappedBlocks::give(void* block) noexcept {
    auto start = reinterpret_cast<std::uintptr_t>(block);
    Place* place = find(start);
    // [E39] acq_rel: of two frees of one block only one succeeds.
    if (place == nullptr || !place->start.cas(start, kBusy, acq_rel, rlx)) return 0;
    const std::size_t bytes = place->bytes.load(rlx);
    unmap(start, bytes, guard_bytes());
    place->start.store(0, rel);  // [E39] release, pairs with the CAS in insert()
    count(0, bytes);
    return bytes;
}

std::size_t MappedBlocks::size_of(const void* block) const noexcept {
    const Place* place =
        const_cast<MappedBlocks*>(this)->find(reinterpret_cast<std::uintptr_t>(block));
    return place == nullptr ? 0 : place->bytes.load(rlx);  // relaxed: the caller holds the block
}

// Relaxed, both: the caller holds the block.
std::size_t MappedBlocks::asked(const void* block) const noexcept {
    const Place* place =
        const_cast<MappedBlocks*>(this)->find(reinterpret_cast<std::uintptr_t>(block));
    return place == nullptr ? 0 : asked_[place - places_].load(rlx);
}

void MappedBlocks::set_asked(const void* block, std::size_t size) noexcept {
    const Place* place = find(reinterpret_cast<std::uintptr_t>(block));
    // Relaxed: the caller holds the block.
    if (place != nullptr) asked_[place - places_].store(size, rlx);
}

// Claims the place of the new address before the pages move, so that nothing
// can fail afterwards. Neither place names an address meanwhile, since the
// system may give either to another thread: the old one once the pages have
// moved, the new one if it refuses.
void* MappedBlocks::move(Place& place, std::uintptr_t start, std::size_t bytes) noexcept {
    const std::size_t guard = guard_bytes();
    void* const reserved = region::kSystem.reserve(bytes + 2 * guard);
    if (reserved == nullptr) return nullptr;
    const auto target = reinterpret_cast<std::uintptr_t>(reserved) + guard;
    void* const to = at(target);
    Place* next = claim(target, bytes);
    std::uintptr_t found = start;
    // [E39] as in give(): another thread that frees the block meanwhile finds
    // none.
    if (next == nullptr || !place.start.cas(found, kBusy, acq_rel, rlx)) {
        if (next != nullptr) next->start.store(0, rel);  // [E39] as in give()
        unmap(target, bytes, guard);
        return nullptr;
    }
    // Relaxed: the caller holds the block.
    const std::size_t before = place.bytes.load(rlx);
    if (!region::remap_to(at(start), before, to, bytes)) {
        // The system may have unmapped the target before it refused, and
        // another thread may have those addresses by now. The rest of the
        // reservation stays reserved.
        next->start.store(0, rel);      // [E39] as in give()
        place.start.store(start, rel);  // [E39] as in insert()
        return nullptr;
    }
    if (guard != 0) {
        region::unmap(at(start - guard), guard);
        region::unmap(at(start + before), guard);
    }
    next->start.store(target, rel);  // [E39] as in insert()
    place.start.store(0, rel);       // [E39] as in give()
    return to;
}

void* MappedBlocks::resize(void* block, std::size_t size) noexcept {
    const auto start = reinterpret_cast<std::uintptr_t>(block);
    Place* place = find(start);
    if (place == nullptr || size > kMost / 4) return nullptr;
    const std::size_t before = place->bytes.load(rlx);  // relaxed: the caller holds the block
    const bool grows = size > before;
    if (!grows && size < kMapMoved / 2) return nullptr;  // too little for a mapping
    // An eighth more than is asked for: most calls of a loop that grows a
    // buffer then make no system call.
    const std::size_t bytes = whole_pages(grows ? size + size / 8 : size);
    void* now = block;
    if (!grows) {
        unmap_end(start + bytes, before - bytes, guard_bytes());
    } else if (!region::remap(block, before, bytes)) {
        now = move(*place, start, bytes);
        if (now == nullptr) return nullptr;
    }
    if (now == block) place->bytes.store(bytes, rlx);
    count(bytes, before);
    return now;
}

void MappedBlocks::describe(inspect::ProcessTables& out) const noexcept {
    out.mapped = reinterpret_cast<std::uintptr_t>(places_);
    out.mapped_count = kPlaces;
    out.mapped_peak = reinterpret_cast<std::uintptr_t>(&peak_);
}

std::size_t MappedBlocks::around(const void* address) const noexcept {
    std::size_t found = 0;
    visit([&](void* block, std::size_t bytes) noexcept {
        if (reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(block) <
            bytes)
            found = bytes;
    });
    return found;
}

}  // namespace ashlar::cache

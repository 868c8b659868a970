#include "shared_fixture.hpp"

#include <sys/mman.h>
#include <algorithm>

namespace interleave {

using ashlar::base::kGeometry;
using ashlar::base::kUnitShift;
using ashlar::base::kUnitSize;
using ashlar::base::rlx;
using ashlar::shared::Block;
using ashlar::shared::Kind;
using ashlar::shared::Record;
using ashlar::shared::Segment;
using ashlar::shared::SlotState;
using ashlar::shared::UnitState;
using Found = ashlar::shared::Blocks::Found;

// ---------------------------------------------------------------------- file

bool ModelFile::commit(std::size_t offset, std::size_t bytes) noexcept {
    if (offset >= units_at_) {
        const std::size_t from = (offset - units_at_) >> kUnitShift;
        const std::size_t to = from + (bytes >> kUnitShift);
        require(to <= kMost, "pages behind the last unit");
        const auto missing =
            static_cast<unsigned>(std::count(now_.has + from, now_.has + to, false));
        if (missing > now_.room) return false;
        now_.room -= missing;
        std::fill(now_.has + from, now_.has + to, true);
    }
    return mprotect(reinterpret_cast<void*>(start_ + offset), bytes, PROT_READ | PROT_WRITE) == 0;
}

bool ModelFile::punch(std::size_t offset, std::size_t bytes) noexcept {
    const std::size_t from = (offset - units_at_) >> kUnitShift;
    const std::size_t to = from + (bytes >> kUnitShift);
    require(offset >= units_at_ && to <= kMost, "pages of the tables are taken out");
    now_.room += static_cast<unsigned>(std::count(now_.has + from, now_.has + to, true));
    std::fill(now_.has + from, now_.has + to, false);
    return madvise(reinterpret_cast<void*>(start_ + offset), bytes, MADV_DONTNEED) == 0;
}

void ModelLives::begin(unsigned threads) {
    for (SlotId slot = 0; slot < kSlots; ++slot) {
        life_[slot] = RobustMutex(slot != 0 && slot <= threads ? slot - 1 : RobustMutex::kNobody);
    }
    recovery_ = RobustMutex();
}

// --------------------------------------------------------------------- set-up

void SharedScenario::set_up() {
    const std::size_t bytes = Segment::file_bytes(units_);
    void* const start =
        mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(start != MAP_FAILED, "the shared range is too small for this scenario");
    const auto at = reinterpret_cast<std::uintptr_t>(start);
    segment_.attach(at, units_, file_);
    file_.attach(at, segment_.address(0) - at);
    require(
        file_.commit(0, Segment::first_bytes(units_)) && segment_.cover_slot(ModelLives::kSlots),
        "no pages");
    segment_.header().slots_in_file.store(ModelLives::kSlots, rlx);
    for (unsigned t = 0; t < threads; ++t)
        me(t).slot.state.store(static_cast<std::uint32_t>(SlotState::attached), rlx);
    last().slot.state.store(static_cast<std::uint32_t>(SlotState::attached), rlx);
    prepare();
    ledger_.remember();
    file_.remember();
    first_held_ = held_;
}

void SharedScenario::begin() {
    ledger_.begin();
    file_.begin();
    lives_.begin(threads);
    held_ = first_held_;
    std::fill(std::begin(giving_), std::end(giving_), Offset{0});
}

void SharedScenario::fill(unsigned thread, std::size_t size, unsigned blocks) {
    for (unsigned i = 0; i < blocks; ++i)
        require(take(thread, size) != 0, "no room for the set-up");
}

void SharedScenario::hint_all() {
    for (UnitId unit = 1; unit < units_; ++unit) segment_.free_units.insert(unit);
}

Offset SharedScenario::make_place(unsigned thread, std::size_t size) {
    const Offset block = take(thread, 32);
    // The ledger writes the first word and the last.
    places_.push_back({block + sizeof(ashlar::base::Word), size});
    return places_.back().block;
}

// ----------------------------------------------------------------- operations

void SharedScenario::hold(Offset block, std::size_t size) {
    const UnitId unit = static_cast<UnitId>((block - blocks_.offset_of(UnitId{0})) >> kUnitShift);
    const auto last_unit =
        static_cast<UnitId>((block + size - 1 - blocks_.offset_of(UnitId{0})) >> kUnitShift);
    for (UnitId each = unit; each <= last_unit; ++each)
        require(file_.has(each), "a block without pages");
    ledger_.take(address(block), size);
    held_.push_back({block, size});
}

void SharedScenario::drop(Offset block) {
    ledger_.give(address(block));
    const auto found = std::find_if(held_.begin(), held_.end(),
                                    [block](const Held& each) { return each.block == block; });
    held_.erase(found);
}

std::size_t SharedScenario::held_size(Offset block) const {
    for (const Held& each : held_) {
        if (each.block == block) return each.size;
    }
    return 0;
}

Offset SharedScenario::take(unsigned thread, std::size_t size) {
    const Offset block = blocks_.allocate(me(thread), size, 16);
    if (block != 0) hold(block, size);
    return block;
}

void SharedScenario::give(unsigned thread, Offset block) {
    drop(block);
    require(give_contested(thread, block), "a live block is not live");
}

bool SharedScenario::give_contested(unsigned thread, Offset block) {
    giving_[thread] = block;
    const Fault fault = blocks_.deallocate(me(thread), block);
    giving_[thread] = 0;
    require(fault == Fault::none || fault == Fault::not_live, "a block has no start");
    return fault == Fault::none;
}

void SharedScenario::take_to(unsigned thread, Offset place, std::size_t size) {
    static_cast<void>(blocks_.allocate_to(me(thread), place, size, 16));
}

bool SharedScenario::give_from(unsigned thread, Offset place) {
    return blocks_.deallocate_from(me(thread), place) == Fault::none;
}

bool SharedScenario::resize(unsigned thread, Offset block, std::size_t size) {
    drop(block);
    giving_[thread] = block;  // live, with one of the two sizes
    const bool done = blocks_.resize(me(thread), block, size) == block;
    giving_[thread] = 0;
    const Found found = blocks_.find(block);
    require(found.fault == Fault::none, "a resized block is not live");
    hold(block, found.size);
    return done;
}

void SharedScenario::recover(unsigned thread) {
    me(thread).note(Record::none());
    static_cast<void>(recovery_.recover(me(thread)));
}

// ---------------------------------------------------------------- at the end

// First beside the living, whose slabs are not to be touched; then after they
// left.
void SharedScenario::recover_all(unsigned stopped) {
    recovery_.recover(last());
    for (unsigned t = 0; t < threads; ++t) {
        if ((stopped >> t & 1U) != 0) continue;
        for (Bin c = 1; c < ashlar::base::kClasses; ++c) {
            const ashlar::shared::Place place{me(t).slot.place[c].load(rlx)};
            require(place.slab() == 0 ||
                        segment_.state(place.slab(), rlx) == UnitState::owned(c, t + 1),
                    "a living thread lost its slab");
        }
        blocks_.slabs().leave_all(me(t));
        me(t).slot.state.store(static_cast<std::uint32_t>(SlotState::free), rlx);
    }
    require(recovery_.recover(last()).later == 0, "a dead thread is not recovered");
    for (unsigned t = 0; t < threads; ++t) {
        const auto& slot = me(t).slot;
        require(slot.state.load(rlx) == 0, "a dead thread is not recovered");
        for (Bin c = 0; c < ashlar::base::kClasses; ++c)
            require(slot.place[c].load(rlx) == 0 && slot.mask[c].load(rlx) == 0,
                    "a slot is not empty");
        for (const auto& spares : slot.spares) require(spares.load(rlx) == 0, "a spare is left");
    }
    const auto again = recovery_.recover(last());
    require(again.threads == 0 && again.later == 0, "a thread is recovered twice");
}

std::vector<Found> SharedScenario::live() const {
    std::vector<Found> found;
    blocks_.visit(
        [](void* context, Offset block, std::size_t bytes) {
            static_cast<std::vector<Found>*>(context)->push_back({block, bytes, Fault::none});
            return true;
        },
        &found);
    return found;
}

bool SharedScenario::in_doubt(Offset block) const {
    for (const auto& entry : segment_.header().doubts) {
        const Record record{entry.load(rlx)};
        if (record == Record::none()) break;
        const Block named{record.unit(), record.number(), record.size_class()};
        if (block == (named.c == 0 ? blocks_.offset_of(named.slab) : blocks_.offset_of(named)))
            return true;
    }
    return false;
}

bool SharedScenario::is_known(const Found& found, unsigned& unknown) const {
    for (const Held& place : places_) {
        if (blocks_.word_at(place.block)->load(rlx) != found.start) continue;
        require(place.size == found.size, "a block has another size");
        return true;
    }
    ++unknown;
    return in_doubt(found.start) ||
           std::find(std::begin(giving_), std::end(giving_), found.start) != std::end(giving_);
}

void SharedScenario::require_blocks(unsigned stopped) {
    const std::vector<Found> found = live();
    unsigned unknown = 0;
    for (const Found& each : found) {
        const std::size_t size = held_size(each.start);
        if (size == 0) {
            require(is_known(each, unknown), "a live block is known to nobody");
        } else {
            require(size == each.size, "a block has another size");
        }
    }
    const auto is_live = [&](Offset block) {
        return std::any_of(found.begin(), found.end(),
                           [block](const Found& each) { return each.start == block; });
    };
    for (const Held& each : held_) require(is_live(each.block), "a held block is not live");
    for (const Held& place : places_) {
        const Offset named = blocks_.word_at(place.block)->load(rlx);
        require(named == 0 || is_live(named), "a place names a block that is not live");
    }
    require(unknown <= static_cast<unsigned>(__builtin_popcount(stopped)),
            "more than one block in doubt for a dead thread");
}

// Every free block of the probe's class is found, and every free unit.
void SharedScenario::require_room() {
    const Bin c = ashlar::base::class_of_size(probe_);
    unsigned expected = 0;
    unsigned free_units = 0;
    UnitId complete = 0;  // end of a complete slab of another class
    for (UnitId unit = 1; unit < units_; ++unit) {
        const UnitState state =
            unit < segment_.covered() ? segment_.state(unit, rlx) : UnitState::free(false);
        const auto& g = kGeometry[state.is_slab() ? state.size_class() : 1];
        if (state.is_slab()) {
            unsigned ones = 0;
            for (std::uint32_t w = 0; w < g.words; ++w)
                ones +=
                    static_cast<unsigned>(__builtin_popcountll(segment_.bits(unit, w).load(rlx)));
            if (state.size_class() == c) expected += ones;
            if (state.size_class() != c && ones == g.blocks) complete = unit + g.units;
        }
        require(state.kind() != Kind::held && state.kind() != Kind::owned,
                "a unit is held by nobody");
        if (state.is_free() || unit < complete) ++free_units;
    }
    require(kGeometry[c].units == 1, "the probe needs slabs of one unit");
    expected += free_units * kGeometry[c].blocks;
    const std::size_t before = live().size();
    unsigned got = 0;
    for (; blocks_.allocate(last(), probe_, 16) != 0;) ++got;
    require(got == expected,
            got < expected ? "free blocks are not found" : "more blocks than there are");
    require(live().size() == before + got, "a live block was handed out");
}

void SharedScenario::free_all() {
    for (const Found& each : live()) {
        require(blocks_.deallocate(last(), each.start) == Fault::none, "a block cannot be freed");
        require(blocks_.deallocate(last(), each.start) == Fault::not_live,
                "a double free was not told");
    }
    blocks_.slabs().leave_all(last());
    require(live().empty(), "freed blocks are live");
    const Offset whole = blocks_.allocate(last(), std::size_t{units_ - 1} * kUnitSize, 16);
    require(whole == blocks_.offset_of(UnitId{1}), "a unit or a block was lost");
}

void SharedScenario::end(unsigned stopped) {
    if (may_freeze && stopped != 0) return;
    recover_all(stopped);
    require_blocks(stopped);
    require_room();
    free_all();
}

}  // namespace interleave

// The account of every byte.
#include <algorithm>
#include <cstring>

#include "shared_session.hpp"

namespace fuzz {

using ashlar::base::kGeometry;
using ashlar::base::kUnitSize;
using ashlar::base::rlx;
using ashlar::shared::Entry;
using ashlar::shared::kBuckets;
using ashlar::shared::Kind;
using ashlar::shared::NameKind;
using ashlar::shared::NameState;
using ashlar::shared::Record;
using ashlar::shared::Segment;
using ashlar::shared::UnitState;

SharedSession::Live SharedSession::live() {
    Live found;
    world_.blocks(thread_).visit(
        [](void* context, Offset block, std::size_t bytes) {
            return static_cast<Live*>(context)->emplace(block, bytes).second;
        },
        &found);
    return found;
}

std::set<Offset> SharedSession::in_doubt() {
    std::set<Offset> found;
    world_.recovery(thread_).doubts().each(
        [&](const Blocks::Found& each) { found.insert(each.start); });
    return found;
}

void SharedSession::know(Live& left, Offset start, std::size_t least, std::size_t most,
                         const char* what) {
    const auto found = left.find(start);
    require(found != left.end() && found->second >= least && found->second <= most, what);
    left.erase(found);
}

SharedSession::Live SharedSession::check() {
    if (world_.damaged) return {};
    for (const Held& each : held_) look(each);
    if (world_.is_cut()) return {};
    Live left = live();
    know(left, table_, 0, kUnitSize, "the table is lost");
    for (const Held& each : held_) know(left, each.start, each.size, each.size, "a block is lost");
    check_places(left);
    check_names(left);
    check_limbo(left);
    const std::set<Offset> doubts = in_doubt();
    for (const auto& [start, size] : left)
        require(doubts.count(start) != 0, "a live block is known to nobody");
    require(left.size() <= unknown_, "more blocks in doubt than allocations were cut");
    unknown_ = left.size();
    return left;
}

void SharedSession::check_places(Live& left) {
    for (std::size_t i = 0; i < kPlaces; ++i) {
        const Word named = word(place(i));
        places_[i].storing = places_[i].unsure = false;
        if (named != 0)
            know(left, named, places_[i].size, places_[i].size, "a place names no live block");
    }
}

void SharedSession::check_names(Live& left) {
    std::size_t ready = 0;
    for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
        world_.names(thread_).each_entry(bucket, [&](const Entry& entry, Offset at) {
            know(left, at, sizeof(Entry), kUnitSize, "an entry is not live");
            const NameState state{entry.state.load(rlx)};
            const Offset object = entry.object.load(rlx);
            require(state.kind() == NameKind::absent || state.kind() == NameKind::ready,
                    "a name of a dead thread");
            require((state.kind() == NameKind::ready) == (object != 0), "a name without an object");
            if (object == 0) return true;
            const Word size = entry.size.load(rlx);
            know(left, object, size, size, "a name's object is not live");
            ++ready;
            return true;
        });
    }
    std::size_t least = 0;
    std::size_t most = 0;
    for (Name& each : names_) {
        least += each.known == Known::ready ? 1 : 0;
        most += each.known != Known::absent ? 1 : 0;
    }
    require(least <= ready && ready <= most, "a name is lost");
    for (SlotId slot = 1; slot <= SharedWorld::kThreads; ++slot)
        require(world_.me(slot).slot.entry.load(rlx) == 0, "an entry is not linked");
}

// A block whose free was cut is the program's again, or free, or was handed out
// since.
void SharedSession::check_limbo(Live& left) {
    for (const Limbo& each : limbo_) {
        const auto found = left.find(each.start);
        if (found == left.end()) continue;
        require(unknown_ != 0 || found->second == each.size || found->second == each.other_size,
                "a block has a size that nobody asked for");
        held_.push_back({each.start, found->second, 0, false});
        left.erase(found);
    }
    limbo_.clear();
}

// ----------------------------------------------------------------- at the end

void SharedSession::end() {
    cut_ = 0;
    for (SlotId slot = 1; slot < SharedWorld::kThreads; ++slot) {
        thread_ = slot;
        if (world_.life(slot) == Life::running) leave();
        if (world_.life(slot) == Life::stopped) world_.kill(slot);
    }
    thread_ = SharedWorld::kLast;
    const Owner me = world_.me(thread_);
    me.note(Record::none());
    const auto done = world_.recovery(thread_).recover(me);
    require(done.later == 0 && !world_.is_cut(), "a dead thread is not recovered");
    check();
    world_.room = SharedWorld::kUnits;
    require_room();
    free_all();
}

// Every free block of a class is found, and every free unit.
void SharedSession::require_room() {
    Blocks& blocks = world_.blocks(thread_);
    const Owner me = world_.me(thread_);
    Segment& segment = world_.segment(thread_);
    blocks.slabs().leave_all(me);
    blocks.slabs().retire(me, ~0U);
    const ashlar::base::Bin c = ashlar::base::class_of_size(8192);
    std::size_t expected = 0;
    for (UnitId unit = 1; unit < SharedWorld::kUnits; ++unit) {
        const UnitState state =
            unit < segment.covered() ? segment.state(unit, rlx) : UnitState::free(false);
        require(state.kind() != Kind::held && state.kind() != Kind::owned,
                "a unit is held by nobody");
        if (state.is_free()) expected += kGeometry[c].blocks;
        if (!state.is_slab() || state.size_class() != c) continue;
        for (std::uint32_t w = 0; w < kGeometry[c].words; ++w)
            expected +=
                static_cast<std::size_t>(__builtin_popcountll(segment.bits(unit, w).load(rlx)));
    }
    std::size_t got = 0;
    for (; blocks.allocate(me, 8192, 16) != 0; ++got) {
    }
    require(got == expected, "free blocks are not found, or handed out twice");
}

void SharedSession::free_all() {
    Blocks& blocks = world_.blocks(thread_);
    const Owner me = world_.me(thread_);
    for (const auto& [start, size] : live()) {
        require(blocks.deallocate(me, start) == Fault::none, "a block cannot be freed");
        require(blocks.deallocate(me, start) != Fault::none, "a double free is done");
    }
    blocks.slabs().leave_all(me);
    require(live().empty(), "freed blocks are live");
    const Offset whole = blocks.allocate(me, std::size_t{SharedWorld::kUnits - 1} * kUnitSize, 16);
    require(whole == blocks.offset_of(UnitId{1}), "a unit or a block is lost");
}

// Only: no access outside, and an end.
void SharedSession::end_of_damaged() {
    thread_ = SharedWorld::kLast;
    for (SlotId slot = 1; slot < SharedWorld::kThreads; ++slot) world_.kill(slot);
    const Owner me = world_.me(thread_);
    me.note(Record::none());
    for (int i = 0; i < 2; ++i) world_.recovery(thread_).recover(me);
    const Live found = live();
    static_cast<void>(in_doubt());
    world_.names(thread_).visit([](void*, const ashlar::shared::NameView&) { return true; },
                                nullptr);
    for (const auto& [start, size] : found) {
        require(start < world_.bytes() && size <= world_.bytes() - start,
                "a block outside the file");
        static_cast<void>(world_.blocks(thread_).deallocate(me, start));
    }
    world_.blocks(thread_).slabs().leave_all(me);
}

}  // namespace fuzz

#include "survivor.hpp"

#include <algorithm>
#include <map>
#include <sstream>

namespace kills {
namespace {

using ashlar::base::kGeometry;
using ashlar::base::rlx;
using ashlar::shared::Doubts;
using ashlar::shared::Fault;
using ashlar::shared::Kind;
using ashlar::shared::Record;
using ashlar::shared::UnitState;

constexpr std::size_t kUnit = std::size_t{1} << ashlar::base::kUnitShift;

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    throw Failure(text.str());
}

}  // namespace

Survivor::Survivor(View& view, Lives& lives, Owner me, const Notes& notes,
                   const Operation& operation, std::uint64_t seed)
    : view_(view), blocks_(view.blocks()), lives_(lives), me_(me), notes_(notes),
      operation_(operation), random_(seed), noted_(notes.live, notes.live + notes.count) {}

// ------------------------------------------------------------------------ work

// A block's first word is its offset, so that a block with two users is found.
Known Survivor::take(std::size_t size) {
    const Offset at = blocks_.allocate(me_, size, 16);
    if (at == 0) return {0, 0};
    view_.word(at) = at;
    return {at, size};
}

void Survivor::check_content(Known block) {
    if (view_.word(block.at) != block.at) fail("block ", block.at, " was handed out twice");
}

void Survivor::free(Known block) {
    const auto found = blocks_.find(block.at);
    if (found.fault != Fault::none || found.start != block.at)
        fail("block ", block.at, " is not live");
    if (found.size != block.size)
        fail("block ", block.at, " has ", found.size, " bytes instead of ", block.size);
    if (blocks_.deallocate(me_, block.at) != Fault::none)
        fail("block ", block.at, " could not be freed");
}

void Survivor::free_noted() {
    if (noted_.size() <= 1) return;
    std::swap(noted_[random_.below(noted_.size())], noted_.back());
    free(noted_.back());
    noted_.pop_back();
}

void Survivor::step() {
    constexpr std::size_t kMostOwn = 10;
    const std::uint32_t kind = random_.below(16);
    if (kind == 0) return free_noted();
    if (own_.size() < kMostOwn && kind < 10) {
        const std::size_t size = kind < 8 ? operation_.size : kind < 9 ? kUnit - 100 : 2 * kUnit;
        const Known got = take(size);
        if (got.at != 0) return own_.push_back(got);
        if (!operation_.tight) fail("no room for ", size, " bytes");
    }
    if (own_.empty()) return;
    std::swap(own_[random_.below(own_.size())], own_.back());
    check_content(own_.back());
    free(own_.back());
    own_.pop_back();
}

void Survivor::work() {
    for (int i = 0; i < 40; ++i) step();
    if (random_.below(4) == 0) blocks_.slabs().retire(me_, ~0U);
    if (random_.below(4) == 0) blocks_.slabs().leave_all(me_);
}

void Survivor::hold() {
    for (std::uint32_t left = random_.below(4); left > 0; --left) {
        const Known got = take(operation_.size);
        if (got.at != 0) own_.push_back(got);
    }
}

void Survivor::check_own_slabs() const {
    for (std::uint32_t c = ashlar::shared::kFirstClass; c < ashlar::base::kClasses; ++c) {
        const UnitId slab = ashlar::shared::Place{me_.slot.place[c].load(rlx)}.slab();
        if (slab == ashlar::base::kNoUnit) continue;
        if (view_.segment().state(slab, rlx) != UnitState::owned(c, me_.id))
            fail("slab ", slab, " was taken from its owner");
    }
}

void Survivor::release() {
    check_own_slabs();
    for (const Known block : own_) {
        check_content(block);
        free(block);
    }
    own_.clear();
    blocks_.slabs().leave_all(me_);
}

void Survivor::note_to(Notes& notes) const {
    std::vector<Known> all = noted_;
    all.insert(all.end(), own_.begin(), own_.end());
    notes.count = static_cast<std::uint32_t>(all.size());
    std::copy(all.begin(), all.end(), notes.live);
}

void Survivor::recover(std::uint32_t dead, Survivor& holder) {
    Recovery recovery(blocks_, lives_);
    me_.note(Record::none());
    auto done = recovery.recover(me_);
    if (done.threads + done.later != dead)
        fail("recovery found ", done.threads + done.later, " dead threads");
    if (done.later != 0) {
        blocks_.slabs().leave_all(me_);
        holder.release();
        const std::uint32_t left = done.later;
        done = recovery.recover(me_);
        if (done.threads != left || done.later != 0)
            fail("recovery leaves ", done.later, " dead threads");
    }
    check_own_slabs();
    recover_in_vain();
}

void Survivor::recover_in_vain() {
    Recovery recovery(blocks_, lives_);
    me_.note(Record::none());
    const auto done = recovery.recover(me_);
    if (done.threads != 0 || done.later != 0)
        fail("recovery found a dead thread where there is none");
}

// ------------------------------------------------------------------ accounting

// The target is as before the operation or as after it. `unknown`: the number
// of blocks that may be live although the program does not know them.
void Survivor::expect_target(bool died, std::vector<Known>& expected, std::uint32_t& unknown) {
    const Known target = notes_.target;
    const auto found =
        target.size != 0 ? blocks_.find(target.at) : Blocks::Found{0, 0, Fault::not_live};
    // The survivor may have allocated the freed block, or others in its place.
    const auto is_target = [&](Known block) { return block.at == target.at; };
    const bool again = std::any_of(own_.begin(), own_.end(), is_target) ||
                       std::any_of(noted_.begin(), noted_.end(), is_target);
    const bool live = found.fault == Fault::none && found.start == target.at && !again;
    const Offset stored = notes_.place != 0 ? view_.word(notes_.place) : 0;
    switch (operation_.effect) {
        case Effect::none: break;
        case Effect::takes: unknown = 1; break;
        case Effect::takes_to:
            if (stored != 0) expected.push_back({stored, notes_.size});
            if (stored == 0 && !died) fail("the place has no block");
            break;
        case Effect::frees:
            if (live && died) expected.push_back(target);
            break;
        case Effect::frees_from:
            if (stored != (live ? target.at : 0))
                fail("the block is ", live ? "live" : "free", ", the place holds ", stored);
            if (live && died) expected.push_back(target);
            break;
        case Effect::resizes:
            if (found.size != target.size && found.size != notes_.size)
                fail("the target has ", found.size, " bytes");
            expected.push_back({target.at, found.size});
            break;
        case Effect::moves:
            unknown = 1;
            if (live && died) expected.push_back(target);
            break;
    }
}

// Blocks that the program does not know are in doubt.
void Survivor::check_doubts(const std::vector<Known>& extra) {
    std::vector<Offset> doubts;
    Doubts(blocks_).each([&](const Blocks::Found& found) { doubts.push_back(found.start); });
    for (const Known block : extra) {
        if (std::find(doubts.begin(), doubts.end(), block.at) == doubts.end())
            fail("block ", block.at, " is live without a doubt");
    }
}

void Survivor::check_live(bool died) {
    std::vector<Known> expected = noted_;
    expected.insert(expected.end(), own_.begin(), own_.end());
    std::uint32_t unknown = 0;
    if (notes_.pinned.size != 0) expected.push_back(notes_.pinned);
    expect_target(died, expected, unknown);
    std::sort(expected.begin(), expected.end());
    live_.clear();
    blocks_.visit(
        [](void* live, Offset at, std::size_t size) {
            static_cast<std::vector<Known>*>(live)->push_back({at, size});
            return true;
        },
        &live_);
    std::vector<Known> extra;
    std::set_difference(live_.begin(), live_.end(), expected.begin(), expected.end(),
                        std::back_inserter(extra));
    if (live_.size() != expected.size() + extra.size())
        fail("a live block was lost: ", live_.size(), " of ", expected.size());
    for (std::size_t i = 0, j = 0; i < expected.size(); ++i, ++j) {
        while (!(live_[j] == expected[i])) {
            if (++j == live_.size() || expected[i].at < live_[j].at)
                fail("block ", expected[i].at, " has another size");
        }
    }
    if (extra.size() > unknown)
        fail(extra.size(), " blocks are live that nobody knows, the first at ", extra[0].at);
    if (died) check_doubts(extra);
}

// No free block of the class is hidden.
void Survivor::check_full(std::uint32_t size_class) const {
    const Segment& segment = view_.segment();
    for (UnitId unit = 1; unit < segment.end(); ++unit) {
        const UnitState state = segment.state(unit, rlx);
        if (state.is_free() && kGeometry[size_class].units == 1)
            fail("unit ", unit, " is free, but was not found");
        if (state.kind() == Kind::held) fail("unit ", unit, " is held by slot ", state.slot());
        if (!state.is_slab() || state.size_class() != size_class) continue;
        for (std::uint32_t word = 0; word < kGeometry[size_class].words; ++word) {
            if (segment.bits(unit, word).load(rlx) != 0)
                fail("slab ", unit, " has free blocks that were not found");
        }
    }
}

// Allocates all blocks of a size, none of which may be live already.
void Survivor::fill(std::size_t size) {
    std::vector<Known> taken;
    const std::size_t first = blocks_.offset_of(UnitId{0});
    constexpr std::size_t kGranule = 32;
    std::vector<bool> used((std::size_t{view_.segment().end()} * kUnit) / kGranule);
    for (const Known block : live_) used[(block.at - first) / kGranule] = true;
    if (notes_.half.size != 0 && !half_done_) used[(notes_.half.at - first) / kGranule] = true;
    while (const Offset at = blocks_.allocate(me_, size, 16)) {
        if (used[(at - first) / kGranule]) fail("block ", at, " is handed out twice");
        used[(at - first) / kGranule] = true;
        taken.push_back({at, size});
    }
    check_full(ashlar::base::class_of_size(size));
    for (const Known block : taken) free(block);
    blocks_.slabs().leave_all(me_);
    blocks_.slabs().retire(me_, ~0U);
}

void Survivor::empty() {
    for (const Known block : live_) free(block);
    live_.clear();
    Doubts(blocks_).each(
        [](const Blocks::Found& found) { fail("block ", found.start, " is free, but in doubt"); });
    blocks_.slabs().leave_all(me_);
    blocks_.slabs().retire(me_, ~0U);
    std::vector<Known> taken;
    while (const Offset at = blocks_.allocate(me_, kUnit, 16)) taken.push_back({at, kUnit});
    if (taken.size() != view_.segment().end() - 1) {
        fail(view_.segment().end() - 1 - taken.size(), " units of an empty heap are not free");
    }
    for (const Known block : taken) free(block);
}

// The living thread goes on with its free.
void Survivor::finish_half() {
    if (notes_.half.size == 0) return;
    const Record record = blocks_.record_of(ashlar::shared::Step::freed, notes_.half.at);
    blocks_.slabs().finish(me_, {record.unit(), record.number(), record.size_class()});
    half_done_ = true;
}

void Survivor::account(bool died) {
    check_live(died);
    fill(operation_.size);
    finish_half();
    empty();
    fill(operation_.size);
}

}  // namespace kills

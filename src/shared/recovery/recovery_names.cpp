// Recovery of names, the last step for each dead thread.
#include "shared/recovery/recovery.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::rlx;

// Frees a block as the dead thread would have, by its record and its mark: the
// next recovery goes on with these. False: the free is completed later.
bool Recovery::free_from(Owner me, Owner dead, Atomic<Word>& source) noexcept {
    Word block = source.load(acq);  // [E46]
    const Record record = blocks_.record_of(Step::clearing, block);
    dead.note(Record::none());  // the argument belongs to the next record
    dead.slot.argument.store(segment_.offset(reinterpret_cast<std::uintptr_t>(&source)), rlx);
    dead.note(record);
    bool done = true;
    if (record != Record::none()) {
        // [E46] as Blocks::deallocate_from().
        source.cas(block, mark_of(block, dead.id), acq_rel, rlx);
        if (record.size_class() == 0) free_large(dead, record.unit());
        done = recover_record(me, dead);
    }
    source.store(0, rlx);  // relaxed: for a damaged segment; else it is 0
    return done;
}

void Recovery::free_large(Owner dead, UnitId start) noexcept {
    clear_large(dead, start);
    const UnitState state = segment_.state(start, acq);  // [E46]
    if (state.kind() != Kind::held || state.slot() != dead.id || state.units() == 0) return;
    if (state.units() > segment_.covered() - start) return;
    segment_.punch(start, state.units());  // nobody knows which of them have pages
    blocks_.runs().give(dead.id, start, state.units(), false);
}

// An entry that the dead thread made and did not link.
bool Recovery::recover_entry(Owner me, Owner dead) noexcept {
    const Offset entry = dead.slot.entry.load(rlx);  // relaxed: [E43]
    if (entry == 0) return true;
    if (names_.is_linked(entry)) {
        dead.slot.entry.store(0, rlx);
        return true;
    }
    return free_from(me, dead, dead.slot.entry);
}

// Names whose objects the dead thread constructed or destroyed become absent.
bool Recovery::recover_names(Owner me, Owner dead) noexcept {
    for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
        const bool done = names_.each_entry(bucket, [&](Entry& entry, Offset) noexcept {
            const NameState state{entry.state.load(acq)};  // [E50]
            if (!state.is_held_by(dead.id)) return true;
            if (entry.object.load(acq) != 0 && !free_from(me, dead, entry.object)) return false;
            Word expected = state.raw;
            // [E50] as Names::end().
            entry.state.cas(expected, state.next(NameKind::absent).raw, acq_rel, rlx);
            return true;
        });
        if (!done) return false;
    }
    return true;
}

}  // namespace ashlar::shared

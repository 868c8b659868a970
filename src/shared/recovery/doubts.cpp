#include "shared/recovery/doubts.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::kClasses;
using base::kGeometry;
using base::kNoUnit;
using base::rel;
using base::rlx;

// Of a tag or a state only this bit of information changes; a free that comes
// first wins.
bool Doubts::change(Record record, Change change) const noexcept {
    const UnitId unit = record.unit();
    const Bin c = record.size_class();
    if (record.step() != Step::allocating || unit == kNoUnit || unit >= segment_.covered())
        return false;
    UnitState state = segment_.state(unit, acq);  // [E46]
    if (c == 0) {
        if (state.kind() != Kind::large || (state.slot() != 0 && state.slot() != kInDoubt))
            return false;
        const SlotId wanted = change == Change::look   ? state.slot()
                              : change == Change::mark ? kInDoubt
                                                       : 0;
        const UnitState changed = UnitState::large(state.units(), state.slack(), wanted);
        // [E46]
        const bool kept =
            changed == state || segment_.state_word(unit).cas(state.raw, changed.raw, acq_rel, rlx);
        return kept && wanted == kInDoubt;
    }
    if (c < kFirstClass || c >= kClasses || record.number() >= kGeometry[c].blocks) return false;
    if (!state.is_slab() || state.size_class() != c) return false;
    Atomic<Tag>& tag = segment_.tag(unit, record.number());
    Tag seen = tag.load(rlx);  // relaxed: the CAS decides
    if (!is_live(seen) || is_pending(seen)) return false;
    const Tag wanted = change == Change::look   ? seen
                       : change == Change::mark ? doubt_of(seen)
                                                : settled(seen);
    return (wanted == seen || tag.cas(seen, wanted, acq_rel, rlx)) && is_in_doubt(wanted);  // [E46]
}

Blocks::Found Doubts::find(Record record) const noexcept {
    if (!change(record, Change::look)) return {0, 0, Fault::not_live};
    const Bin c = record.size_class();
    return blocks_.find(c == 0 ? blocks_.offset_of(record.unit())
                               : blocks_.offset_of(Block{record.unit(), record.number(), c}));
}

void Doubts::note(Record record) noexcept {
    if (!change(record, Change::mark)) return;
    Atomic<Word>* room = nullptr;
    for (Atomic<Word>& entry : segment_.header().doubts) {
        const Record noted{entry.load(rlx)};  // relaxed: only the recovering thread adds entries
        if (noted == record) return;
        if (room == nullptr && !change(noted, Change::look)) room = &entry;
    }
    if (room != nullptr) room->store(record.raw, rel);  // [none: an entry is one word]
}

bool Doubts::settle(Offset block) noexcept {
    for (const Atomic<Word>& entry : segment_.header().doubts) {
        const Record noted{entry.load(acq)};  // [none: an entry is one word]
        const Blocks::Found found = find(noted);
        if (found.fault != Fault::none || found.start != block) continue;
        static_cast<void>(change(noted, Change::settle));
        return true;
    }
    return false;
}

}  // namespace ashlar::shared

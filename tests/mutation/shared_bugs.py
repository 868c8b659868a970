"""Mutations and weakened orders of the shared heap; the same tables as in bugs.py and edges.py."""
from bugs import Bug
from edges import weaker

SLABS = "src/shared/blocks/slabs.cpp"
SLABS_HEADER = "src/shared/blocks/slabs.hpp"
RUNS = "src/shared/blocks/runs.cpp"
PAGES = "src/shared/blocks/runs_pages.cpp"
BLOCKS = "src/shared/blocks/blocks.cpp"
RECOVERY = "src/shared/recovery/recovery.cpp"

HANDS = (
    Bug("shared_mask_after_the_bits", SLABS,
        "        me.slot.mask[c].store(seen, rlx);\n        compiler_fence();\n"
        "        // [E47] acquire, pairs with set_bit(): the blocks' last users are done\n        // with them.\n"
        "        word.fetch_and(~seen, acq);",
        "        word.fetch_and(~seen, acq);\n        me.slot.mask[c].store(seen, rlx);", "shared.pairs shared.refill"),
    Bug("shared_mask_cleared_before_the_tag", SLABS_HEADER,
        "    const Record taken = Place{mine.place[c].load(base::rlx)}.record(step, base::lowest(left));\n",
        "    const Record taken = Place{mine.place[c].load(base::rlx)}.record(step, base::lowest(left));\n"
        "    mine.mask[c].store(left & (left - 1), base::rlx);\n",
        "shared.pairs shared.refill"),
    Bug("shared_mask_cleared_before_it_is_given_back", SLABS,
        "    const Word left = mine.mask[c].load(rlx);\n",
        "    const Word left = mine.mask[c].load(rlx);\n    mine.mask[c].store(0, rlx);\n", "shared.leave_some"),
    Bug("shared_bit_set_while_freeing", SLABS,
        "    me.note(freed);\n    const bool completed = set_bit({freed.unit(), freed.number(), freed.size_class()});\n",
        "    const bool completed = set_bit({freed.unit(), freed.number(), freed.size_class()});\n    me.note(freed);\n",
        "shared.remote shared.one_word"),
    Bug("shared_freed_without_a_record", SLABS_HEADER, "    me.note(freeing);\n", "", "shared.pairs shared.remote"),
    Bug("shared_tag_by_load_and_store", SLABS_HEADER,
        "        if (tag.cas(seen, freed_tag(me.id), base::acq_rel, base::rlx)) return true;\n",
        "        tag.store(freed_tag(me.id), base::rel);\n        return true;\n", "shared.freed_twice"),
    Bug("shared_last_free_sets_no_hint", SLABS, "return (old == 0 || full) && reindex", "return old == 0 && reindex",
        "shared.remote shared.retire"),
    Bug("shared_first_free_sets_no_hint", SLABS, "return (old == 0 || full) && reindex", "return full && reindex",
        "shared.remote shared.one_word"),
    Bug("shared_bits_loaded_before_the_publish", SLABS,
        "    segment_.state_word(slab).store(UnitState::shared(c).raw, seq_cst);\n    reindex(slab, c);",
        "    const bool any = segment_.bits(slab, 0).load(seq_cst) != 0;\n"
        "    segment_.state_word(slab).store(UnitState::shared(c).raw, seq_cst);\n    if (any) reindex(slab, c);",
        "shared.leave"),
    Bug("shared_retire_without_a_claim", SLABS, "c >= kClasses || !claim(me, slab, c))\n"
        "            continue;", "c >= kClasses) continue;",
        "shared.retire"),
    Bug("shared_retire_without_a_check", SLABS, "        if (!is_complete(slab, c)) {", "        if (false) {",
        "shared.pairs shared.retire"),
    Bug("shared_failed_retire_is_not_published", SLABS, "            publish(slab, c);\n            continue;",
        "            continue;",
        "shared.pairs shared.retire"),
    Bug("shared_retired_without_a_holder", SLABS,
        "        segment_.state_word(slab).store(UnitState::held(me.id, units).raw, rlx);  // relaxed: ours\n", "",
        "shared.long_slab"),
    Bug("shared_claim_of_any_class", SLABS, "    UnitState expected = UnitState::shared(c);\n",
        "    UnitState expected = segment_.state(slab, seq_cst);\n    if (expected.kind() != Kind::shared) return false;\n",
        "shared.created_again"),
)

SPARES = (
    Bug("shared_spare_without_a_record", SLABS_HEADER,
        "        const std::uint32_t spares = mine.spares[c].load(base::rlx);\n        if (spares >= kSpares) return false;\n",
        "        const std::uint32_t spares = mine.spares[c].load(base::rlx);\n        if (spares >= kSpares) return false;\n"
        "        me.note(Record::none());\n", "shared.spares"),
    Bug("shared_spare_uncounted_before_the_tag", SLABS_HEADER,
        "    const std::uint32_t spares = c < kSpareClasses ? mine.spares[c].load(base::rlx) : 0;\n"
        "    if (spares == 0) return take_kept(me, c, tag, step);\n",
        "    const std::uint32_t spares = c < kSpareClasses ? mine.spares[c].load(base::rlx) : 0;\n"
        "    if (spares == 0) return take_kept(me, c, tag, step);\n    mine.spares[c].store(spares - 1, base::rlx);\n",
        "shared.spares"),
    Bug("shared_spare_left_without_a_record", SLABS,
        "            me.note(spare.with(Step::freed));\n            mine.spares[c].store(spares - 1, rlx);\n",
        "            mine.spares[c].store(spares - 1, rlx);\n", "shared.spares_left"),
    Bug("shared_spare_left_with_its_bit", SLABS,
        "            mine.spares[c].store(spares - 1, rlx);\n"
        "            if (is_block(spare, c)) finish_bit(me, spare.with(Step::freed));\n",
        "            if (is_block(spare, c)) finish_bit(me, spare.with(Step::freed));\n"
        "            mine.spares[c].store(spares - 1, rlx);\n", "shared.spares_left"),
    Bug("shared_spares_are_not_taken_over", RECOVERY,
        "        blocks_.slabs().take_over_spares(me, owner(slot));\n", "", "shared.spares"),
    Bug("shared_spare_that_was_handed_out", SLABS,
        "            if (segment_.tag(spare).cas(tag, freed_tag(me.id), base::acq_rel, rlx))\n",
        "            static_cast<void>(tag);\n", "shared.spares"),
    Bug("shared_spare_taken_over_without_a_record", SLABS,
        "            me.note(spare.with(Step::freed));\n            Tag tag", "            Tag tag", "shared.noted_spare"),
)

DEAD = (
    Bug("shared_dead_mask_gives_live_blocks", SLABS, "if (!is_live(segment_.tag(slab, number).load(rlx)))\n"
        "                        back", "back",
        "shared.pairs"),
    Bug("shared_dead_mask_is_not_given_back", SLABS, "                if (back != 0) segment_",
        "                if (false) segment_",
        "shared.pairs"),
    Bug("shared_dead_mask_cleared_first", SLABS, "                Word back = 0;\n",
        "                Word back = 0;\n                dead.slot.mask[c].store(0, rlx);\n", "shared.pairs"),
    Bug("shared_dead_slab_published_before_its_mask", SLABS,
        "                if (back != 0) segment_.bits(slab, place.word()).fetch_or(back, seq_cst);  // [E47]\n",
        "                publish(slab, c);\n"
        "                if (back != 0) segment_.bits(slab, place.word()).fetch_or(back, seq_cst);\n", "shared.pairs"),
    Bug("shared_dead_slab_of_another_owner", SLABS, "if (segment_.state(slab, acq) == owned_by(c, dead.id)) {",
        "if (segment_.state(slab, acq).is_slab()) {", "shared.recovered_between"),
    Bug("shared_claimed_slab_is_not_found", RECOVERY, "state.kind() == Kind::owned && of_dead) {", "false) {", "shared.refill"),
    Bug("shared_hint_of_a_slab_is_not_found", RECOVERY, "state.kind() == Kind::shared) {", "false) {", "shared.refill"),
    Bug("shared_held_run_is_not_found", RECOVERY, "if (state.kind() == Kind::held && of_dead) {", "if (false) {",
        "shared.large"),
    Bug("shared_held_run_of_the_living", RECOVERY, "if (state.kind() == Kind::held && of_dead) {",
        "if (state.kind() == Kind::held) {", "shared.large"),
    Bug("shared_hint_of_a_unit_is_not_found", RECOVERY, "            blocks_.runs().find_again(unit);\n", "", "shared.large"),
    Bug("shared_recovery_of_the_living", RECOVERY, "is_attached(segment_.slot(slot)) && lives_.take_dead(slot);",
        "is_attached(segment_.slot(slot));", "shared.large"),
    Bug("shared_recovery_without_a_claim", RECOVERY, "if (!mine && !slabs.claim(me, block.slab, block.c)) return false;",
        "", "shared.in_a_mask"),
    Bug("shared_recovery_overlooks_its_own_mask", RECOVERY, "    if (is_free && !in_mask) word.fetch_or",
        "    if (is_free) word.fetch_or",
        "shared.in_its_mask"),
    Bug("shared_recovery_trusts_the_tag_before_its_claim", RECOVERY, "    if (is_free && !in_mask) word.fetch_or",
        "    if (!in_mask) word.fetch_or", "shared.in_its_mask"),
    Bug("shared_recovery_gives_the_mask_before_it_decides", RECOVERY,
        "void Recovery::recover_slot(Owner dead) noexcept {\n",
        "void Recovery::recover_slot(Owner dead) noexcept {\n    blocks_.slabs().leave_dead(dead);\n",
        "shared.kept_again"),
    Bug("shared_recovery_decides_no_free", RECOVERY,
        "    return tag == freed_tag(dead.id) ? block.record(Step::freed) : Record::none();\n",
        "    return tag == freed_tag(dead.id) ? freeing : Record::none();\n", "shared.recovered_between"),
    Bug("shared_recovery_forgets_what_is_for_later", RECOVERY,
        "            if (block && !finish(me, dead, block)) return false;\n            break;\n        default",
        "            if (block && !finish(me, dead, block)) break;\n            break;\n        default",
        "shared.to_from shared.retire"),
    Bug("shared_recovery_leaves_the_slab_owned", RECOVERY, "    if (!mine) slabs.publish(block.slab, block.c);\n", "",
        "shared.refill shared.remote"),
    Bug("shared_doubt_is_not_noted", RECOVERY, "            doubts_.note(record);\n", "", "shared.pairs"),
)

MEMORY = (
    Bug("shared_head_after_the_inside", RUNS,
        "        segment_.state_word(start).store(UnitState::held(slot, units).raw, rlx);  // relaxed: ours\n"
        "        base::compiler_fence();  // before the others: a death then frees the whole run\n"
        "        for (std::uint32_t i = 1; i < units; ++i)\n"
        "            segment_.state_word(start + i).store(UnitState::inside(start).raw, rlx);\n",
        "        for (std::uint32_t i = 1; i < units; ++i)\n"
        "            segment_.state_word(start + i).store(UnitState::inside(start).raw, rlx);\n"
        "        segment_.state_word(start).store(UnitState::held(slot, units).raw, rlx);\n", "shared.large"),
    Bug("shared_head_freed_first", RUNS, "    const Word freed = UnitState::free(backed).raw;\n",
        "    const Word freed = UnitState::free(backed).raw;\n    segment_.state_word(start).store(freed, rel);\n",
        "shared.large"),
    Bug("shared_hints_are_not_given_back", RUNS, "    if (claimed.units != 0) give_hints(start, claimed.units);\n", "",
        "shared.large"),
    Bug("shared_hints_of_the_rest_are_not_given_back", RUNS,
        "    if (claimed.units + skipped < units)\n        give_hints(", "    if (false) give_hints(", "shared.large"),
    Bug("shared_unit_claimed_by_load_and_store", RUNS,
        "        } while (!word.cas(found.raw, UnitState::held(slot, found.is_backed() ? 1 : 0).raw, acq_rel,\n"
        "                           rlx));\n",
        "            word.store(UnitState::held(slot, found.is_backed() ? 1 : 0).raw, acq_rel);\n        } while (false);\n",
        "shared.large shared.growth"),
    Bug("shared_unit_that_ages_is_not_claimed", RUNS,
        "        } while (!word.cas(found.raw, UnitState::held(slot, found.is_backed() ? 1 : 0).raw, acq_rel,\n"
        "                           rlx));\n",
        "            if (!word.cas(found.raw, UnitState::held(slot, found.is_backed() ? 1 : 0).raw, acq_rel, rlx))\n"
        "                return claimed;\n        } while (false);\n",
        "shared.age"),
    Bug("shared_unit_ages_by_a_store", PAGES,
        "                segment_.state_word(unit).cas(found.raw, UnitState::aged().raw, rlx, rlx);\n",
        "                segment_.state_word(unit).store(UnitState::aged().raw, rlx);\n", "shared.age"),
    Bug("shared_unit_is_punched_without_a_claim", PAGES,
        "        if (!runs_.segment_.state_word(unit).cas(seen.raw, UnitState::held(slot_, 0).raw, acq_rel,\n"
        "                                                 rlx))\n            return false;\n",
        "        static_cast<void>(seen);\n        static_cast<void>(slot_);\n", "shared.age shared.punch"),
    Bug("shared_run_without_pages", RUNS, "(bare == 0 || segment_.commit(start + claimed.bare, bare))", "(bare <= units)",
        "shared.large"),
    Bug("shared_run_without_pages_is_backed", RUNS, "    give(dead, start, left, false);", "    give(dead, start, left, true);",
        "shared.large"),
    Bug("shared_pages_of_others_are_taken", RUNS, "    segment_.punch(start, left);\n", "    segment_.punch(start, units);\n",
        "shared.shrink_hinted shared.large_hinted"),
    Bug("shared_units_covered_before_their_hints", RUNS,
        "    give_hints(first, to - first);\n    segment_.raise_covered(to);\n",
        "    segment_.raise_covered(to);\n    give_hints(first, to - first);\n", "shared.growth_stopped"),
    Bug("shared_hint_only_if_it_is_missing", PAGES, "        runs_.give_hints(first_, units_);\n",
        "        for (UnitId unit = first_; unit < first_ + units_; ++unit)\n"
        "            runs_.segment_.free_units.insert(unit);\n", "shared.punch"),
    Bug("shared_tail_without_a_record", RUNS, "    mine.record.store(Record::tail(start, to).raw, rlx);\n", "",
        "shared.shrink"),
    Bug("shared_tail_from_the_front", RUNS,
        "    for (UnitId unit = to; grows && done && unit-- > end;)\n        segment_.state_word(unit)",
        "    for (UnitId unit = end; grows && done && unit < to; ++unit) segment_.state_word(unit)", "shared.grow"),
    Bug("shared_tail_is_not_freed", RUNS, "        if (grows != done && kept < to) give_tail(slot, kept, to);\n", "",
        "shared.shrink"),
    Bug("shared_tail_that_the_head_reaches", RUNS,
        "        if (unit - start < length(segment_.state(start, acq))) continue;  ", "", "shared.shrink_freed"),
    Bug("shared_large_free_by_load_and_store", RUNS,
        "        if (segment_.state_word(start).cas(found.raw, UnitState::held(slot, units).raw, acq_rel,\n"
        "                                           rlx))\n            return units;\n",
        "        segment_.state_word(start).store(UnitState::held(slot, units).raw, rel);\n        return units;\n",
        "shared.freed_twice_large"),
)

PLACES = (
    Bug("shared_pending_tag_stays", BLOCKS,
        "    segment_.tag(block.slab, block.number)\n"
        "        .cas(pending, live_tag(kGeometry[c].size, size), acq_rel, rlx);\n", "",
        "shared.to"),
    Bug("shared_stored_before_the_tag_is_pending", BLOCKS, "pending_tag(me.id), Step::storing);",
        "live_tag(kGeometry[c].size, size), Step::storing);", "shared.to"),
    Bug("shared_stored_block_is_freed", RECOVERY,
        "names(destination->load(acq), blocks_.offset_of(block))) {", "false) {", "shared.to"),
    Bug("shared_block_that_is_not_stored_stays", RECOVERY,
        "names(destination->load(acq), blocks_.offset_of(block))) {", "true) {", "shared.to"),
    Bug("shared_source_without_a_mark", BLOCKS,
        "    if (!word->cas(offset, mark, acq_rel, rlx)) {\n",
        "    mark = offset;\n    if (false) {\n", "shared.from"),
    Bug("shared_clearing_without_the_mark", RECOVERY,
        "    if (source == nullptr || source->load(acq) != mark) return;  // [E46]\n    static_cast",
        "    if (source == nullptr) return;\n    static_cast", "shared.from"),
    Bug("shared_large_stored_block_is_ended_as_found", RECOVERY, "        hold_large(dead, start, state);\n    }\n",
        "        static_cast<void>(blocks_.runs().end_large(dead.id, start));\n    }\n", "shared.to_taken_large"),
    Bug("shared_mark_stays", RECOVERY,
        "    static_cast<void>(blocks_.slabs().end(dead, block));\n    source->cas(mark, 0, acq_rel, rlx);  // [E46]\n",
        "    static_cast<void>(blocks_.slabs().end(dead, block));\n", "shared.from"),
)

ORDERS = (
    weaker("E45", "unit_claimed", RUNS, "is_backed() ? 1 : 0).raw, <acq_rel>,", "acq_rel", "rlx",
        "shared.large_hinted"),
    weaker("E45", "unit_freed", RUNS, "    segment_.state_word(start).store(freed, <rel>);  // [E45]\n", "rel", "rlx",
        "shared.large_hinted"),
    weaker("E46", "freed_by_one", SLABS_HEADER,
           "if (tag.cas(seen, freed_tag(me.id), base::<acq_rel>, base::rlx)) return true;", "acq_rel", "rlx", ""),
    weaker("E46", "slab_created", SLABS, "store(owned_by(c, me.id).raw, <rel>);", "rel", "rlx", ""),
    weaker("E46", "stored_at_the_destination", BLOCKS, "word->store(offset_of(block), <rel>);  // [E46]\n", "rel", "rlx",
        "shared.to_from"),
    weaker("E46", "loaded_from_the_source", BLOCKS, "Word offset = word->load(<acq>);  // [E46]", "acq", "rlx", ""),
    weaker("E47", "owner_takes", SLABS, "word.fetch_and(~seen, <acq>);", "acq", "rlx", "shared.remote"),
    weaker("E47", "bit_set", SLABS, "fetch_or(block.bit(), <seq_cst>);\n"
        "    const bool full", "seq_cst", "rlx", "shared.remote"),
    weaker("E48", "bit_set", SLABS, "fetch_or(block.bit(), <seq_cst>);\n"
        "    const bool full", "seq_cst", "base::acq_rel", "shared.leave shared.one_word"),
    weaker("E48", "state_loaded", SLABS, "if (segment_.state(slab, <seq_cst>) != UnitState::shared(c)) return false;",
        "seq_cst",
           "acq", "shared.leave shared.one_word"),
    weaker("E48", "state_stored", SLABS, "UnitState::shared(c).raw, <seq_cst>);\n"
        "    reindex", "seq_cst", "rel", "shared.leave shared.one_word"),
    weaker("E48", "bits_loaded", SLABS, "const Word word = segment_.bits(slab, w).load(<seq_cst>);  // [E48]", "seq_cst", "acq",
           "shared.leave shared.one_word"),
    weaker("E48", "claim", SLABS, "owned_by(c, me.id).raw, <seq_cst, seq_cst>);", "seq_cst, seq_cst", "base::acq_rel, acq",
        ""),
)

SHARED = HANDS + SPARES + DEAD + MEMORY + PLACES + ORDERS

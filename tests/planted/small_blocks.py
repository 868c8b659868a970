"""Planted bugs and weakened orders of the MemoryManager's small blocks; the same table as in bugs.py and edges.py."""
from bugs import ATOMIC, INDEX, Bug
from edges import weaker

SLABS = "src/manager/slabs.cpp"
SMALL = "src/manager/small.cpp"
SMALL_INLINE = "src/manager/small_inline.hpp"
MARKS = "src/manager/marks.cpp"

BUGS = (
    Bug("small_hint_taken_out_after_the_look", SLABS, "    index_[c].remove(slab);\n    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {\n",
        "    bool any = false;\n    for (std::uint32_t w = 0; w < shape_.words(c); ++w) any |= bits(slab)[w].load(sc) != 0;\n"
        "    if (any) return;\n    index_[c].remove(slab);\n    for (std::uint32_t w = 0; false; ++w) {\n", "slabs"),
    Bug("small_hint_put_in_before_the_bits", SLABS, "    const Word old = bits(slab)[w].fetch_or(mask, sc);\n",
        "    const bool hint = bits(slab)[w].load(sc) == 0;\n    if (hint) index_[c].insert(slab);\n"
        "    Word old = bits(slab)[w].fetch_or(mask, sc);\n    if (old == 0) old = ~mask & 1;\n", "slabs"),
    Bug("small_hint_of_another_class_is_believed", SLABS, "if (n == 0 && got != 0 && class_of(slab) != c) {", "if (false) {",
        "slabs.reborn"),
    Bug("small_bits_of_another_class_are_dropped", SLABS, "            give_word(slab, class_of(slab), w, got);\n            return 0;",
        "            return 0;", "slabs.reborn"),
    Bug("small_retired_with_a_look_alone", SLABS, "        if (got == shape_.full(c, w)) continue;",
        "        if (got == shape_.full(c, w) || w == 0) continue;", "slabs.retire"),
    Bug("small_retire_forgets_what_it_claimed", SLABS, "            if (got != 0) give_word(slab, c, back, got);", "", "slabs small"),
    Bug("small_born_without_a_hint", SLABS, "    index_[c].insert(slab);\n    return Place::of(slab, 0);", "    return Place::of(slab, 0);",
        "slabs small"),
    Bug("small_bits_before_the_class", SLABS, "    page.store(slab << kClassBits | c, rlx);\n    count_->store",
        "    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {\n        bits(slab)[w].store(shape_.full(c, w) & ~Word{w == 0}, sc);\n    }\n"
        "    page.store(slab << kClassBits | c, rlx);\n    count_->store", "slabs.reborn"),
    Bug("small_last_giver_looks_first", SLABS, "    const Word old = bits(slab)[w].fetch_or(mask, sc);\n",
        "    bool others = true;\n    for (std::uint32_t i = 0; i < shape_.words(c); ++i) {\n"
        "        if (i != w && bits(slab)[i].load(sc) != shape_.full(c, i)) others = false;\n    }\n"
        "    const Word old = bits(slab)[w].fetch_or(mask, sc);\n    if (!others) {\n        if (old == 0) index_[c].insert(slab);\n"
        "        return false;\n    }\n", "slabs"),
    Bug("small_spare_changes_without_a_look_back", SLABS, "    if (old != 0 && complete(old, c)) complete_.insert(old);\n", "",
        "slabs.spares"),
    Bug("small_freed_by_load_and_store", SMALL, "slabs_.tag(at.place).exchange(0, sc);",
        "slabs_.tag(at.place).load(sc);\n    slabs_.tag(at.place).store(0, sc);", "small.freed_twice"),
    Bug("small_late_double_free_is_believed", SMALL, "if (!slabs_.still(offset, at.c)) [[unlikely]] {", "if (false) {", "small.freed_late"),
    Bug("small_shard_is_not_exclusive", SMALL, "if (shard.busy.exchange(1, acq) == 0) return &shard;",
        "shard.busy.store(1, sc);\n        return &shard;", "small.shared"),
    Bug("small_flush_of_a_busy_shard", SMALL, "if (shard.busy.exchange(1, acq) != 0) continue;", "shard.busy.exchange(1, acq);",
        "small.flushed"),
    Bug("small_freed_in_a_cycle_stays_white", SMALL, "        slabs_.mark_word(at.place).fetch_or(at.place.bit(), sc);", "        {}",
        "small.cycle"),
    Bug("small_swept_without_a_second_look", MARKS, "        if ((slabs_.mark_word(place).load(rlx) & place.bit()) != 0) {  // relaxed: see the tag\n",
        "        if (false) {\n", "small.swept"),
    Bug("small_whitened_before_the_cycle_begins", MARKS, "    cycle_->store(1, sc);", "    static_cast<void>(sc);", "small.cycle"),
)

EDGES = (
    weaker("E20", "giver_sets_bits", SLABS, "bits(slab)[w].fetch_or(mask, <sc>);", "sc", "base::ar", "slabs"),
    weaker("E20", "birth_sets_bits", SLABS, ": shape_.full(c, w), <sc>);", "sc", "base::rel", "slabs"),
    weaker("E20", "forgetter_takes_the_hint_out", INDEX, "leaf(id / kWordBits).fetch_and(~own, <sc>) == own", "sc", "ar", "slabs"),
    weaker("E20", "forgetter_looks", SLABS, "if (bits(slab)[w].load(<sc>) == 0) continue;", "sc", "acq", "slabs"),
    weaker("E21", "giver_releases", SLABS, "bits(slab)[w].fetch_or(mask, <sc>);", "sc", "acq", "slabs"),
    weaker("E21", "taker_acquires", SLABS, "word.fetch_and(~wanted, <acq>)", "acq", "rlx", "slabs small"),
    weaker("E21", "retirer_acquires", SLABS, "bits(slab)[w].exchange(0, <ar>);", "ar", "rlx", "slabs"),
    weaker("E22", "birth_releases", SLABS, ": shape_.full(c, w), <sc>);", "sc", "rlx", "slabs"),
    weaker("E23", "taker_writes_the_tag", SMALL_INLINE, "- size), base::<rel>);\n    return slabs_.offset_of(", "rel", "rlx", "small.freed_late"),
    weaker("E23", "giver_reads_the_tag", SMALL, "slabs_.tag(at.place).exchange(0, <sc>);", "sc", "rlx", "small.freed_late small.cycle"),
    weaker("E23", "sweep_looks_at_the_tag", MARKS, "const std::uint32_t seen = slabs_.tag(place).load(<acq>);", "acq", "rlx", "small.swept"),
    weaker("E23", "sweep_takes_the_tag", MARKS, "slabs_.tag(place).exchange(0, <acq>);", "acq", "rlx", "small.swept"),
    weaker("E24", "last_giver_looks", SLABS, "if (bits(slab)[w].load(<sc>) != shape_.full(c, w)) return false;", "sc", "acq", "slabs"),
    weaker("E24", "last_giver_looks_at_the_spare", SLABS, "if (spare_[c].load(<sc>) == slab) return false;", "sc", "acq", "slabs.spare"),
    weaker("E24", "keep_changes_the_spare", SLABS, "spare_[c].store(slab, <sc>);", "sc", "base::rel", "slabs.spare"),
    weaker("E24", "retirer_releases", SLABS, "bits(slab)[w].exchange(0, <ar>);", "ar", "acq", "slabs.spare_in_use"),
    weaker("E26", "enter_acquires", SMALL, "if (shard.busy.exchange(1, <acq>) == 0) return &shard;", "acq", "rlx", "small.shared"),
    weaker("E26", "leave_releases", SMALL, "shard.busy.store(0, <rel>);", "rel", "rlx", "small.shared"),
    weaker("E26", "flush_acquires", SMALL, "if (shard.busy.exchange(1, <acq>) != 0) continue;", "acq", "rlx", "small.flushed"),
    weaker("E27", "giver_looks_at_the_cycle", SMALL, "if (cycle_->load(<sc>) != 0)", "sc", "acq", "small.cycle"),
    weaker("E27", "cycle_begins", MARKS, "cycle_->store(1, <sc>);", "sc", "rel", "small.cycle"),
    weaker("E27", "giver_takes_the_tag", SMALL, "slabs_.tag(at.place).exchange(0, <sc>);", "sc", "base::ar", "small.cycle"),
    weaker("E27", "giver_marks", SMALL, "slabs_.mark_word(at.place).fetch_or(at.place.bit(), <sc>);", "sc", "rlx", ""),
    weaker("E27", "whitener_whitens", MARKS, "slabs_.mark_word(first).store(0, <sc>);", "sc", "rlx", ""),
    weaker("E27", "whitener_looks_at_the_tags", MARKS, "if (slabs_.tag({first.raw + i}).load(<sc>) == 0)", "sc", "acq", "small.cycle"),
    weaker("E34", "leaver_releases", ATOMIC, "void leave() noexcept { held_.store(0, <rel>); }", "rel", "rlx", "slabs.two_births"),
    weaker("E34", "next_holder_acquires", ATOMIC, "held_.exchange(1, <ar>) == 0", "ar", "rel", "slabs.two_births"),
)

SMALL_BLOCKS = BUGS + EDGES

"""Mutations and weakened orders of the MemoryManager's small blocks; the same tables as in bugs.py and edges.py."""
from bugs import ATOMIC, INDEX, Bug
from edges import weaker

SLABS = "src/manager/slabs/slabs.cpp"
SMALL = "src/manager/slabs/small.cpp"
SMALL_INLINE = "src/manager/slabs/small_inline.hpp"
MARKS = "src/manager/slabs/small_marks.cpp"

BUGS = (
    Bug("small_hint_removed_after_the_check", SLABS,
        "    index_[c].remove(slab);\n    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {\n",
        "    bool any = false;\n"
        "    for (std::uint32_t w = 0; w < shape_.words(c); ++w) any |= bits(slab)[w].load(seq_cst) != 0;\n"
        "    if (any) return;\n    index_[c].remove(slab);\n    for (std::uint32_t w = 0; false; ++w) {\n", "slabs"),
    Bug("small_hint_inserted_before_the_bits", SLABS, "    const Word old = bits(slab)[w].fetch_or(mask, seq_cst);\n",
        "    const bool hint = bits(slab)[w].load(seq_cst) == 0;\n    if (hint) index_[c].insert(slab);\n"
        "    Word old = bits(slab)[w].fetch_or(mask, seq_cst);\n    if (old == 0) old = ~mask & 1;\n", "slabs"),
    Bug("small_hint_of_another_class_is_believed", SLABS, "if (n == 0 && got != 0 && class_of(slab) != c) {", "if (false) {",
        "slabs.created_again"),
    Bug("small_bits_of_another_class_are_dropped", SLABS,
        "            give_word(slab, class_of(slab), w, got);\n            return 0;",
        "            return 0;", "slabs.created_again"),
    Bug("small_retired_after_a_check_alone", SLABS, "        if (got == shape_.full(c, w)) continue;",
        "        if (got == shape_.full(c, w) || w == 0) continue;", "slabs.retire"),
    Bug("small_retire_loses_its_claim", SLABS, "            if (got != 0) give_word(slab, c, back, got);", "",
        "slabs small"),
    Bug("small_created_without_a_hint", SLABS, "    index_[c].insert(slab);\n    return Place::of(slab, 0);",
        "    return Place::of(slab, 0);",
        "slabs small"),
    Bug("small_bits_before_the_class", SLABS, "    page.store(slab << kClassBits | c, rlx);\n    count_->store",
        "    for (std::uint32_t w = 0; w < shape_.words(c); ++w) {\n"
        "        bits(slab)[w].store(shape_.full(c, w) & ~Word{w == 0}, seq_cst);\n    }\n"
        "    page.store(slab << kClassBits | c, rlx);\n    count_->store", "slabs.created_again"),
    Bug("small_last_free_checks_first", SLABS, "    const Word old = bits(slab)[w].fetch_or(mask, seq_cst);\n",
        "    bool others = true;\n    for (std::uint32_t i = 0; i < shape_.words(c); ++i) {\n"
        "        if (i != w && bits(slab)[i].load(seq_cst) != shape_.full(c, i)) others = false;\n    }\n"
        "    const Word old = bits(slab)[w].fetch_or(mask, seq_cst);\n    if (!others) {\n"
        "        if (old == 0) index_[c].insert(slab);\n"
        "        return false;\n    }\n", "slabs"),
    Bug("small_spare_changes_without_a_second_check", SLABS,
        "    if (old != 0 && complete(old, c)) complete_.insert(old);\n", "", "slabs.spares"),
    Bug("small_freed_by_load_and_store", SMALL, "slabs_.tag(at.place).exchange(0, seq_cst);",
        "slabs_.tag(at.place).load(seq_cst);\n    slabs_.tag(at.place).store(0, seq_cst);", "small.freed_twice"),
    Bug("small_late_double_free_is_believed", SMALL, "if (!slabs_.still(offset, at.c)) [[unlikely]] {", "if (false) {",
        "small.freed_late"),
    Bug("small_shard_is_not_exclusive", SMALL, "if (shard.busy.exchange(1, acq) == 0) return &shard;",
        "shard.busy.store(1, seq_cst);\n        return &shard;", "small.shared"),
    Bug("small_flush_of_a_busy_shard", SMALL, "if (shard.busy.exchange(1, acq) != 0) continue;", "shard.busy.exchange(1, acq);",
        "small.flushed"),
    Bug("small_freeze_misses_calls_without_a_shard", SMALL,
        "    for (Backoff calls; calls_->load(seq_cst) != 0;) calls.wait();\n", "", "small.frozen"),
    Bug("small_freeze_misses_a_busy_shard", SMALL, "shards_[i].busy.exchange(1, acq) != 0;) holder.wait();",
        "shards_[i].busy.exchange(1, acq) > 1;) holder.wait();", "small.frozen"),
    Bug("small_freed_in_a_cycle_stays_white", SMALL, "        slabs_.mark_word(at.place).fetch_or(at.place.bit(), seq_cst);",
        "        {}",
        "small.cycle"),
    Bug("small_swept_without_a_second_check", MARKS,
        "        if ((slabs_.mark_word(place).load(rlx) & place.bit()) != 0) {  // relaxed: see the tag\n",
        "        if (false) {\n", "small.swept"),
    Bug("small_whitened_before_the_cycle_begins", MARKS, "    cycle_->fetch_or(kCycle, seq_cst);",
        "    static_cast<void>(seq_cst);",
        "small.cycle"),
)

EDGES = (
    weaker("E20", "giver_sets_bits", SLABS, "bits(slab)[w].fetch_or(mask, <seq_cst>);", "seq_cst", "base::acq_rel", "slabs"),
    weaker("E20", "creation_sets_bits", SLABS, ": shape_.full(c, w), <seq_cst>);", "seq_cst", "base::rel", "slabs"),
    weaker("E20", "forgetter_removes_the_hint", INDEX, "const Word old = leaf(id / kWordBits).fetch_and(~own, <seq_cst>);",
           "seq_cst",
           "acq_rel", "slabs"),
    weaker("E20", "forgetter_loads_the_bits", SLABS, "if (bits(slab)[w].load(<seq_cst>) == 0) continue;",
            "seq_cst", "acq", "slabs"),
    weaker("E21", "giver_releases", SLABS, "bits(slab)[w].fetch_or(mask, <seq_cst>);", "seq_cst", "acq", "slabs"),
    weaker("E21", "taker_acquires", SLABS, "word.fetch_and(~wanted, <acq>)", "acq", "rlx", "slabs small"),
    weaker("E21", "retirer_acquires", SLABS, "bits(slab)[w].exchange(0, <acq_rel>);", "acq_rel", "rlx", "slabs"),
    weaker("E22", "creation_releases", SLABS, ": shape_.full(c, w), <seq_cst>);", "seq_cst", "rlx", "slabs"),
    weaker("E23", "taker_writes_the_tag", SMALL_INLINE, "- size), base::<rel>);\n    return slabs_.offset_of(", "rel", "rlx",
           "small.freed_late"),
    weaker("E23", "giver_reads_the_tag", SMALL, "slabs_.tag(at.place).exchange(0, <seq_cst>);", "seq_cst", "rlx",
           "small.freed_late small.cycle"),
    weaker("E23", "sweep_loads_the_tag", MARKS, "const std::uint32_t seen = slabs_.tag(place).load(<acq>);", "acq", "rlx",
           "small.swept"),
    weaker("E23", "sweep_takes_the_tag", MARKS, "slabs_.tag(place).exchange(0, <acq>);", "acq", "rlx", "small.swept"),
    weaker("E24", "last_giver_loads_the_bits", SLABS,
            "if (bits(slab)[w].load(<seq_cst>) != shape_.full(c, w)) return false;", "seq_cst", "acq",
           "slabs"),
    weaker("E24", "last_giver_loads_the_spare", SLABS, "if (spare_[c].load(<seq_cst>) == slab) return false;", "seq_cst",
           "acq",
           "slabs.spare"),
    weaker("E24", "keep_changes_the_spare", SLABS, "spare_[c].store(slab, <seq_cst>);", "seq_cst", "base::rel", "slabs.spare"),
    weaker("E24", "retirer_releases", SLABS, "bits(slab)[w].exchange(0, <acq_rel>);", "acq_rel", "acq", "slabs.spare_in_use"),
    weaker("E26", "enter_acquires", SMALL, "if (shard.busy.exchange(1, <acq>) == 0) return &shard;", "acq", "rlx",
           "small.shared"),
    weaker("E26", "leave_releases", SMALL, "shard.busy.store(0, <rel>);", "rel", "rlx", "small.shared"),
    weaker("E26", "flush_acquires", SMALL, "if (shard.busy.exchange(1, <acq>) != 0) continue;", "acq", "rlx", "small.flushed"),
    weaker("E41", "call_is_counted", SMALL, "calls_->fetch_add(1, <seq_cst>);", "seq_cst", "rlx", "small.frozen"),
    weaker("E41", "call_loads_frozen", SMALL, "if (frozen_->load(<seq_cst>) == 0) return;", "seq_cst", "acq",
           "small.frozen"),
    weaker("E41", "call_ends", SMALL, "calls_->fetch_sub(1, <rel>);", "rel", "rlx", "small.frozen"),
    weaker("E41", "freeze_is_stored", SMALL, "frozen_->store(1, <seq_cst>);", "seq_cst", "rel", "small.frozen"),
    weaker("E41", "freeze_loads_calls", SMALL, "calls_->load(<seq_cst>) != 0;", "seq_cst", "acq", "small.frozen"),
    weaker("E27", "giver_loads_the_cycle", SMALL, "if (cycle_->load(<seq_cst>) != 0)", "seq_cst", "acq", "small.cycle"),
    weaker("E27", "cycle_begins", MARKS, "cycle_->fetch_or(kCycle, <seq_cst>);", "seq_cst", "rel", "small.cycle"),
    weaker("E27", "giver_takes_the_tag", SMALL, "slabs_.tag(at.place).exchange(0, <seq_cst>);", "seq_cst", "base::acq_rel",
           "small.cycle"),
    weaker("E27", "giver_marks", SMALL, "slabs_.mark_word(at.place).fetch_or(at.place.bit(), <seq_cst>);", "seq_cst", "rlx",
           ""),
    weaker("E27", "whitener_whitens", MARKS, "slabs_.mark_word(first).store(0, <seq_cst>);", "seq_cst", "rlx", ""),
    weaker("E27", "whitener_loads_the_tags", MARKS, "if (slabs_.tag({first.raw + i}).load(<seq_cst>) == 0)", "seq_cst",
           "acq",
           "small.cycle"),
    weaker("E34", "leaver_releases", ATOMIC, "void leave() noexcept { held_.store(0, <rel>); }", "rel", "rlx",
           "slabs.two_creations"),
    weaker("E34", "next_holder_acquires", ATOMIC, "held_.exchange(1, <acq_rel>) == 0", "acq_rel", "rel", "slabs.two_creations"),
)

SMALL_BLOCKS = BUGS + EDGES

"""The planted bugs: for each a file, a text in it, what it becomes, and the scenarios of tests/interleave of which one must fail.

`edge`: the row of src/ORDERING.md that is weakened. Where the text occurs more than once, `at` says which (from 0).
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    file: str
    old: str
    new: str
    caught_by: str  # names of scenarios, or beginnings of names, by spaces
    edge: str = ""
    at: int = 0


ARENA = "src/arena/arena.cpp"
INDEX = "src/base/index.cpp"
INDEX_H = "src/base/index.hpp"
ATOMIC = "src/base/atomic.hpp"
SPANS = "src/spans/spans.cpp"
LARGE = "src/spans/large.cpp"
PURGE = "src/spans/purge.cpp"
DEPOT = "src/depot/depot.cpp"
CACHE = "src/cache/cache.cpp"
CORE = "src/cache/core.cpp"
UPKEEP = "src/cache/upkeep.cpp"
INSPECT = "src/arena/inspect.cpp"
REGISTRY = "src/cache/registry.cpp"

SLABS = (
    Bug("look_at_state_before_the_bits", ARENA,
        "        pending.note(*this, place.slab(), c, give_word(place, c, mask));",
        "        const bool shared = spans_->state(place.slab(), sc) == State::of(Kind::shared, c);\n"
        "        const bool full = give_word(place, c, mask);\n"
        "        if (shared) pending.note(*this, place.slab(), c, full);",
        "arena.give_publish arena.all_publish"),
    Bug("look_at_bits_before_the_publish", ARENA,
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);\n    settle(slab, c, true);",
        "    const bool any = words(slab)[0].load(sc) != 0;\n"
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);\n    if (any) settle(slab, c, true);",
        "arena.give_publish"),
    Bug("publish_looks_for_any_not_for_all", ARENA, "            if (all) {\n", "            if (all && !any) {\n",
        "arena.all_publish arena.late_giver arena.last_givers arena.spares"),
    Bug("no_second_look_under_ownership", ARENA, "if (complete(slab, c, acq)) return keep(slab, c);", "return keep(slab, c);",
        "arena"),
    Bug("retire_without_a_claim", ARENA,
        "if (!spans_->state_word(slab).cas(expected, State::of(Kind::owned, c).raw, sc, rlx)) return;", "(void)expected;",
        "arena"),
    Bug("failed_second_look_is_not_repeated", ARENA,
        "// [E1] published again: look again\n                continue;", "\n                return;", "arena"),
    Bug("claim_does_not_compare_the_class", ARENA,
        "    std::uint32_t expected = State::of(Kind::shared, c).raw;\n    // [E3]",
        "    std::uint32_t expected = State::of(Kind::shared, spans_->state(slab, rlx).value()).raw;\n    // [E3]", "arena.reborn"),
    Bug("hint_removed_after_the_claim", ARENA,
        "            if (claim(slab, c)) cur.store(slab, rlx);  // after the claim\n",
        "            index_[c].insert(slab);\n            if (claim(slab, c)) cur.store(slab, rlx);\n"
        "            index_[c].remove(slab);\n", "arena.hints arena.late_giver"),
    Bug("units_given_before_the_hint_is_removed", ARENA,
        "    index_[c].remove(slab);\n    spans_->mark(slab, kGeometry[c].units, 0);\n"
        "    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own\n"
        "    spans_->give(slab, kGeometry[c].units);",
        "    spans_->mark(slab, kGeometry[c].units, 0);\n    spans_->state_word(slab).store(State::none().raw, rel);\n"
        "    spans_->give(slab, kGeometry[c].units);\n    index_[c].remove(slab);", "arena"),
    Bug("record_written_after_the_units_are_given", ARENA,
        "    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own\n"
        "    spans_->give(slab, kGeometry[c].units);",
        "    spans_->give(slab, kGeometry[c].units);\n    spans_->state_word(slab).store(State::none().raw, rel);", "arena"),
    Bug("map_written_after_the_units_are_given", ARENA,
        "    spans_->mark(slab, kGeometry[c].units, 0);\n    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is "
        "the units' own\n    spans_->give(slab, kGeometry[c].units);",
        "    spans_->state_word(slab).store(State::none().raw, rel);\n    spans_->give(slab, kGeometry[c].units);\n"
        "    spans_->mark(slab, kGeometry[c].units, 0);", "arena"),
    Bug("spare_kept_by_load_and_store", ARENA, "const UnitId old = spare_[c].slab.exchange(slab, ar);",
        "const UnitId old = spare_[c].slab.load(acq);\n    spare_[c].slab.store(slab, rel);", "arena.spares arena.spare_pushed_out"),
    Bug("spare_taken_by_load_and_store", ARENA, "? spare_[c].slab.exchange(kNoUnit, ar) : kNoUnit;",
        "? spare_[c].slab.load(acq) : kNoUnit;\n        spare_[c].slab.store(kNoUnit, rel);", "arena.spare_pushed_out"),
    Bug("purge_without_a_claim", INSPECT, "if (!claim(slab, c)) return false;", "", "arena.purge"),
    Bug("a_giver_forgets_the_hint", ARENA, "        index_[c].insert(slab);  // [E3] after `unit`\n",
        "        if (look) index_[c].insert(slab);\n", "arena"),
    Bug("take_by_load_and_store", ARENA, "        word.fetch_and(~mine, acq);", "        word.store(seen & ~mine, rlx);", "arena"),
)

INDEXES = (
    Bug("no_second_look_at_the_child", INDEX, "        if (at(level - 1, child).load(sc) != 0) summary.fetch_or(some, sc);\n", "",
        "index"),
    Bug("busy_is_not_respected", INDEX, "        if ((summary.fetch_or(busy, sc) & busy) != 0) return;\n",
        "        summary.fetch_or(busy, sc);\n", "index"),
    Bug("insert_stops_at_a_filled_leaf", INDEX,
        "    if ((word.load(sc) & own) == 0) word.fetch_or(own, sc);\n    raise(",
        "    if ((word.load(sc) & own) == 0 && word.fetch_or(own, sc) != 0) return;\n    raise(", "index"),
    Bug("insert_stops_at_the_first_level_set", INDEX, "        if ((summary.load(sc) & some) == 0) summary.fetch_or(some, sc);",
        "        if ((summary.load(sc) & some) != 0) return;\n        summary.fetch_or(some, sc);", "index"),
    Bug("clear_without_busy", INDEX, "        if ((summary.fetch_or(busy, sc) & busy) != 0) return;\n", "        (void)busy;\n",
        "index"),
    Bug("insert_goes_up_only_from_zero", INDEX, "    raise(id / kWordBits);\n}",
        "    if ((word.load(sc) & ~own) == 0) raise(id / kWordBits);\n}", "index"),
    Bug("take_starts_again_at_the_top", INDEX, "            clear(level, child);\n            continue;",
        "            clear(level, child);\n            return take_in(level, word);", "index"),
    Bug("take_leaf_by_load_and_store", INDEX, "const Word old = leaf(word).fetch_and(~own, sc);",
        "const Word old = leaf(word).load(sc);\n        leaf(word).store(old & ~own, sc);", "index"),
)

BUGS = SLABS + INDEXES

"""The planted bugs: for each a file, a text in it, what it becomes, and the scenarios of tests/interleave of which one must fail.

`caught_by` empty: no scenario can tell; tests/interleave/README.md says why.
`edge`: the row of src/ORDERING.md that it breaks.
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


ARENA = "src/arena/arena.cpp"
INDEX = "src/base/index.cpp"
INDEX_H = "src/base/index.hpp"
ATOMIC = "src/base/atomic.hpp"
GATE = "src/manager/gate.cpp"
GATE_H = "src/manager/gate.hpp"
NUMBERS_H = "src/manager/thread_numbers.hpp"
SPANS = "src/spans/spans.cpp"
LARGE = "src/spans/large.cpp"
PURGE = "src/spans/purge.cpp"
DEPOT = "src/depot/depot.cpp"
CACHE = "src/cache/cache.cpp"
THREAD_CACHE = "src/cache/thread_cache.hpp"
CORE = "src/cache/core.cpp"
UPKEEP = "src/cache/upkeep.cpp"
INSPECT = "src/arena/inspect.cpp"
REGISTRY = "src/cache/registry.cpp"

SLABS = (
    Bug("look_at_state_before_the_bits", ARENA,
        "        const Word old = give_word(place, c, mask);\n        const bool complete = (old | mask) == valid;",
        "        const bool shared = spans_->state(place.slab(), sc) == State::of(Kind::shared, c);\n"
        "        const Word old = give_word(place, c, mask);\n        const bool complete = (old | mask) == valid;\n"
        "        if (!shared) continue;",
        "arena.give_publish arena.all_publish"),
    Bug("look_at_bits_before_the_publish", ARENA,
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);\n    settle(slab, c, true);",
        "    const bool any = words(slab)[0].load(sc) != 0;\n"
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);\n    if (any) settle(slab, c, true);",
        "arena.give_publish"),
    Bug("publish_looks_for_any_not_for_all", ARENA, "noted = all && ripe_.insert(slab);", "noted = all && !any && ripe_.insert(slab);",
        "arena.all_publish arena.late_giver arena.last_givers arena.ripen"),
    Bug("no_second_look_under_ownership", ARENA, "        if (complete(slab, c, acq)) {", "        if (c != 0) {", "arena"),
    Bug("retire_without_a_claim", ARENA, "        if (!claim(slab, c)) continue;", "", "arena"),
    Bug("failed_second_look_is_not_repeated", ARENA,
        "            publish(slab, c);\n        }\n    }\n    return looked;",
        "            spans_->state_word(slab).store(State::of(Kind::shared, c).raw, sc);\n        }\n    }\n    return looked;", "arena"),
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
    Bug("look_at_the_bits_before_the_ripe_hint_is_taken", ARENA,
        "        const UnitId slab = ripe_.take_lowest();\n        if (slab == Index::kNone) break;\n",
        "        UnitId slab = 1;\n        while (slab < spans_->frontier() && !ripe_.contains(slab)) ++slab;\n"
        "        if (slab == spans_->frontier()) break;\n"
        "        const State before = spans_->state(slab, sc);\n"
        "        const bool was = before.kind() == Kind::shared && complete(slab, before.value(), sc);\n"
        "        ripe_.remove(slab);\n        if (!was) continue;\n", "arena"),
    Bug("purge_without_a_claim", INSPECT, "if (!claim(slab, c)) return false;", "", "arena.purge"),
    Bug("a_giver_forgets_the_hint", ARENA, "    index_[c].insert(slab);  // [E3] after `unit`\n",
        "    if (look) index_[c].insert(slab);\n", "arena"),
    Bug("take_by_load_and_store", ARENA, "        word.fetch_and(~mine, acq);", "        word.store(seen & ~mine, rlx);", "arena"),
)

INDEXES = (
    Bug("no_second_look_at_the_child", INDEX, "        if (at(level - 1, child).load(sc) != 0) summary.fetch_or(some, sc);\n", "",
        "index"),
    Bug("busy_is_not_respected", INDEX, "        if ((summary.fetch_or(busy, sc) & busy) != 0) return;\n",
        "        summary.fetch_or(busy, sc);\n", "index"),
    Bug("insert_stops_at_a_filled_leaf", INDEX,
        "    const bool missing = (word.load(sc) & own) == 0 && (word.fetch_or(own, sc) & own) == 0;\n    raise(",
        "    const bool set = (word.load(sc) & own) != 0;\n    const Word old = set ? own : word.fetch_or(own, sc);\n"
        "    const bool missing = (old & own) == 0;\n    if (!set && old != 0) return missing;\n    raise(", "index"),
    Bug("insert_stops_at_the_first_level_set", INDEX, "        if ((summary.load(sc) & some) == 0) summary.fetch_or(some, sc);",
        "        if ((summary.load(sc) & some) != 0) return;\n        summary.fetch_or(some, sc);", "index"),
    Bug("clear_without_busy", INDEX, "        if ((summary.fetch_or(busy, sc) & busy) != 0) return;\n", "        (void)busy;\n",
        "index"),
    Bug("insert_goes_up_only_from_zero", INDEX, "    raise(id / kWordBits);\n    return missing;",
        "    if ((word.load(sc) & ~own) == 0) raise(id / kWordBits);\n    return missing;", "index"),
    Bug("take_starts_again_at_the_top", INDEX, "            clear(level, child);\n            continue;",
        "            clear(level, child);\n            return find_in(level, word, look);", "index"),
    Bug("take_leaf_by_load_and_store", INDEX, "const Word old = leaf(word).fetch_and(~own, sc);",
        "const Word old = leaf(word).load(sc);\n        leaf(word).store(old & ~own, sc);", "index"),
)

RUNS = (
    Bug("no_look_after_the_unlock", SPANS,
        "    while (look_.any()) {\n        if (!lock_.try_lock()) return;\n        drain();\n        lock_.unlock();\n    }",
        "    if (!look_.any() || !lock_.try_lock()) return;\n    drain();\n    lock_.unlock();", "spans"),
    Bug("stale_hole_is_dropped", SPANS, "        rescan(start, start + length);  // a stale hole is never just dropped",
        "        holes_.erase(start);\n        (void)length;", "spans.stale_hole"),
    Bug("no_hint_after_a_rollback", SPANS, "            free_.give_mask(word, got);\n            look_.insert(word);",
        "            free_.give_mask(word, got);", "spans.rollback"),
    Bug("a_failing_claim_keeps_what_it_had", SPANS, "            free_.give_mask(word, got);\n            look_.insert(word);",
        "            look_.insert(word);", "spans.rollback"),
    Bug("the_child_of_a_fork_keeps_the_lock", SPANS, "    lock_.reset();\n    const UnitId", "    const UnitId", "fork.runs"),
    Bug("partial_claim_is_not_put_back", SPANS, "    if (held_end > start) release(start, held_end - start);\n", "",
        "spans.overlap"),
    Bug("frontier_by_load_and_store", SPANS, "        if (frontier_.cas(start, start + units, sc, rlx)) return start;",
        "        frontier_.store(start + units, rlx);\n        return start;", "spans.frontier"),
    Bug("frontier_goes_past_the_end", SPANS, "        if (frontier_.cas(start, start + units, sc, rlx)) return start;",
        "        start = frontier_.fetch_add(units, rlx);\n        if (units <= region_.end - start) return start;", "spans.frontier"),
    Bug("no_scan_of_the_bits_when_the_lock_is_taken", SPANS, "    if (start == kNoUnit) start = take_scan(units);\n", "",
        "spans.stopped"),
    Bug("large_free_by_load_and_store", LARGE, "    if (!state_[start].cas(found, UnitState::none().raw, ar, rlx)) return false;",
        "    state_[start].store(UnitState::none().raw, rel);", "spans.double_free"),
    Bug("large_map_written_after_the_units_are_given", LARGE, "    mark(start, 1, 0);\n    give(start, state.value());",
        "    give(start, state.value());\n    mark(start, 1, 0);", "spans.large cache.runs"),
    Bug("large_record_written_after_the_units_are_given", LARGE,
        "    if (!state_[start].cas(found, UnitState::none().raw, ar, rlx)) return false;\n    mark(start, 1, 0);\n"
        "    give(start, state.value());",
        "    mark(start, 1, 0);\n    give(start, state.value());\n"
        "    if (!state_[start].cas(found, UnitState::none().raw, ar, rlx)) return false;", "spans.large spans.double_free"),
    Bug("recent_by_load_and_store", SPANS, "? recent_[units].exchange(kNoUnit, ar) : kNoUnit;",
        "? recent_[units].load(base::acq) : kNoUnit;\n        recent_[units].store(kNoUnit, rel);", "spans.recent"),
    Bug("units_are_purged_without_a_claim", PURGE, "    const Word got = free_.take_mask(word, wanted);",
        "    const Word got = free_.leaf_word(word) & wanted;\n    static_cast<void>(free_.take_mask(word, got));",
        "spans.purge_take"),
    Bug("dirt_is_cleaned_after_the_units_are_given", PURGE,
        "    young_[word].fetch_and(~clean, rlx);\n    aged_[word].fetch_and(~clean, rlx);\n"
        "    dirty_.fetch_sub(base::count(dirty), rlx);\n    if (free_.give_mask(word, got) != 0) {",
        "    dirty_.fetch_sub(base::count(dirty), rlx);\n    const bool twice = free_.give_mask(word, got) != 0;\n"
        "    young_[word].fetch_and(~clean, rlx);\n    aged_[word].fetch_and(~clean, rlx);\n    if (twice) {",
        "spans.purge"),
    Bug("hint_at_the_look_only_acquires", INDEX_H, "return leaf(word).load(sc); }\n    // The first leaf",
        "return leaf(word).load(acq); }\n    // The first leaf", "spans.take_give spans.give_give", edge="E9"),
    Bug("the_map_ends_at_an_old_frontier", SPANS, "    const UnitId last = region_.end;", "    const UnitId last = frontier_.load(rlx);",
        "spans.frontier_give"),
)

CACHES = (
    Bug("magazine_owned_by_load_and_store", DEPOT, "const Word old = list.fetch_and(~bit(chosen), acq);",
        "const Word old = list.load(acq);\n        list.store(old & ~bit(chosen), rlx);", "depot"),
    Bug("magazine_published_before_it_is_filled", DEPOT,
        "        mine.count = n;\n        std::memcpy(mine.blocks, blocks, n * sizeof(void*));",
        "        publish(class_[c].shelves[s].full, which);\n        mine.count = n;\n"
        "        std::memcpy(mine.blocks, blocks, n * sizeof(void*));",
        "depot"),
    Bug("magazine_emptied_before_it_is_read", DEPOT, "    const std::uint32_t n = mine.count;\n",
        "    publish(class_[c].shelves[s].empty, which);\n    const std::uint32_t n = mine.count;\n", "depot"),
    Bug("shared_cache_by_load_and_store", CORE, "cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0",
        "cache.busy.load(acq) != 0 || (cache.busy.store(1, rlx), false)", "cache.shared"),
    Bug("cache_given_before_it_is_flushed", CORE, "    cache->exit_rounds = 0;\n    idle_.insert(static_cast<std::uint32_t>(cache - caches_));",
        "    idle_.insert(static_cast<std::uint32_t>(cache - caches_));\n    cache->exit_rounds = 0;", "cache.passed"),
    Bug("registry_without_the_second_look", REGISTRY, "        if (place.ticket.load(rlx) != ticket) continue;\n", "", "cache.registered"),
)

FORKS = (
    Bug("flush_gives_before_top", CACHE,
        "    top[bin] = at;  // they are out of the bin before they are anywhere else\n    base::compiler_fence();\n"
        "    core->arena.give(bin, at, n);", "    core->arena.give(bin, at, n);\n    base::compiler_fence();\n    top[bin] = at;", "fork"),
    Bug("flush_of_runs_gives_before_top", CACHE,
        "            top[bin] = at + left - 1;\n            base::compiler_fence();\n            core->give_large(block);",
        "            core->give_large(block);\n            base::compiler_fence();\n            top[bin] = at + left - 1;", "fork.runs"),
    Bug("overflow_gives_before_top", CACHE, "        top[bin] = newest;\n        base::compiler_fence();\n",
        "        core->arena.give(bin, newest, n);\n        base::compiler_fence();\n        top[bin] = newest;\n"
        "        *top[bin]++ = block;\n        if (n > 0) return;\n", "fork"),
    Bug("the_first_free_into_a_word_looks_after_nothing", ARENA, "        if (old == 0 || complete) pending",
        "        if (complete) pending", "arena"),
    Bug("the_last_free_into_a_word_looks_after_nothing", ARENA, "        if (old == 0 || complete) pending",
        "        if (old == 0) pending", "arena"),
    Bug("refill_raises_top_before_it_has_the_blocks", CACHE, "    std::uint32_t n = core->depot.take(bin, at, way_);\n",
        "    top[bin] = at + 2;\n    base::compiler_fence();\n    std::uint32_t n = core->depot.take(bin, at, way_);\n", "fork"),
    Bug("push_raises_top_before_the_slot", THREAD_CACHE,
        "        *at = block;\n        base::compiler_fence();  // the slot, then the top: a fork may cut between\n"
        "        base::opaque(bin);\n        ++top[bin];",
        "        ++top[bin];\n        base::compiler_fence();\n        base::opaque(bin);\n        *at = block;", "fork.push"),
    Bug("current_slab_is_cleared_after_the_publish", ARENA,
        "    cur.store(kNoUnit, rlx);  // before the publish\n    base::compiler_fence();\n    publish(slab, c);",
        "    publish(slab, c);\n    base::compiler_fence();\n    cur.store(kNoUnit, rlx);", "fork.two_threads"),
    Bug("magazine_in_flight_is_adopted", DEPOT,
        "            shelf.empty.store(valid(c) & ~full, rlx);",
        "            shelf.full.store(valid(c) & ~shelf.empty.load(rlx), rlx);", "fork.depot"),
    Bug("adoption_reads_through_the_limit", CACHE, "        while (void* block = top[bin][-1]) {",
        "        if (limit[bin] > top[bin] && bin < base::kClasses) top[bin] = limit[bin];\n        while (void* block = top[bin][-1]) {",
        "fork"),
    Bug("adoption_gives_before_it_lowers_top", CACHE,
        "            --top[bin];\n            base::compiler_fence();\n            if (base::is_run(bin)) {\n"
        "                static_cast<void>(core->spans.give_large(core->region().unit(reinterpret_cast<std::uintptr_t>(block))));\n"
        "            } else {\n                core->arena.adopt(bin, block);\n            }",
        "            if (base::is_run(bin)) {\n"
        "                static_cast<void>(core->spans.give_large(core->region().unit(reinterpret_cast<std::uintptr_t>(block))));\n"
        "            } else {\n                core->arena.adopt(bin, block);\n            }\n            --top[bin];",
        "fork.adopting"),
)

GATES = (
    Bug("the_gate_closes_without_a_barrier", GATE, "    if (barriers_) membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);  // [E30]\n", "",
        "gate.owner"),
    Bug("the_gate_has_owners_without_a_barrier", GATE, "if (barriers_ && slot.owner.cas", "if (slot.owner.cas", "gate.no_barriers"),
    Bug("a_guest_does_not_look_again", GATE, "        if (now == runs) {", "        if (now <= 1) {", "gate.guests"),
    Bug("the_gate_closes_after_its_look", GATE, "    runs_->exchange(1, base::sc);  // [E30] seq_cst: before drain() looks into the slots\n"
        "    drain(false);", "    drain(false);\n    runs_->exchange(1, base::sc);", "gate"),
    Bug("a_number_is_given_twice", NUMBERS_H, "seen = taken_[w].fetch_or(bit, base::acq);",
        "seen = taken_[w].load(base::acq);\n                taken_[w].store(seen | bit, base::rlx);", "gate.numbers"),
)

BUGS = SLABS + INDEXES + RUNS + CACHES + FORKS + GATES

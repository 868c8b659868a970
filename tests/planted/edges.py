"""The orders of src/ORDERING.md made weaker, one at a time; the same table as in bugs.py.

`caught_by` empty: no scenario can tell, for the reason given in tests/interleave/README.md; run.py checks that this is so too.
"""
import re

from bugs import (ARENA, ATOMIC, CORE, DEPOT, INDEX, INDEX_H, INSPECT, LARGE, REGISTRY, SPANS, UPKEEP, Bug)


def weaker(edge, name, file, old, order, new, caught_by):
    """`old` has the one order that is replaced between angle brackets: load(<sc>)."""
    before, strong, after = re.fullmatch(r"(.*)<((?:rlx|acq|rel|ar|sc)(?:, \w+)?)>(.*)", old, re.S).groups()
    assert strong == order, name
    return Bug(f"{edge}_{name}", file, before + strong + after, before + new + after, caught_by, edge)


EDGES = (
    weaker("E1", "giver_sets_bits", ARENA, "[place.word()].fetch_or(mask, <sc>)", "sc", "base::ar", "arena"),
    weaker("E1", "giver_looks_at_state", ARENA, "if (spans_->state(slab, <sc>) != State::of(Kind::shared, c)) return false;", "sc", "acq",
           "arena"),
    weaker("E1", "publisher_stores_state", ARENA, "State::of(Kind::shared, c).raw, <sc>);\n    settle(", "sc", "rel", "arena"),
    weaker("E1", "publisher_looks_at_bits", ARENA, "= words(slab)[w].load(<sc>);  // [E1] [E2]", "sc", "acq", "arena"),
    weaker("E3", "insert_tests_the_leaf", INDEX, "= (word.load(<sc>) & own) == 0 && (word.fetch_or(own, sc) & own) == 0;", "sc", "acq", "arena spans"),
    weaker("E3", "insert_sets_the_leaf", INDEX, "= (word.load(sc) & own) == 0 && (word.fetch_or(own, <sc>) & own) == 0;", "sc", "ar", "arena index"),
    weaker("E3", "take_leaf", INDEX, "= leaf(word).fetch_and(~own, <sc>);", "sc", "ar", "arena"),
    weaker("E3", "claim", ARENA, "State::of(Kind::owned, c).raw, <sc, sc>);", "sc, sc", "base::ar, acq", "arena"),
    weaker("E3", "claim_that_fails", ARENA, "State::of(Kind::owned, c).raw, sc, <sc>);", "sc", "acq", "arena"),
    weaker("E4", "raise_tests", INDEX, "if ((summary.load(<sc>) & some) == 0) summary.fetch_or(some, sc);", "sc", "acq", "index"),
    weaker("E4", "raise_sets", INDEX, "if ((summary.load(sc) & some) == 0) summary.fetch_or(some, <sc>);", "sc", "ar", "index"),
    weaker("E4", "clear_takes_busy", INDEX, "summary.fetch_or(busy, <sc>) & busy", "sc", "ar", ""),
    weaker("E4", "clear_puts_some_off", INDEX, "        summary.fetch_and(~some, <sc>);", "sc", "ar", "index"),
    weaker("E4", "clear_looks_at_the_child", INDEX, "if (at(level - 1, child).load(<sc>) != 0)", "sc", "acq", "index"),
    weaker("E4", "clear_restores", INDEX, "!= 0) summary.fetch_or(some, <sc>);\n        if ((summary", "sc", "rel", ""),
    weaker("E4", "clear_leaves_busy", INDEX, "summary.fetch_and(~busy, <sc>) & ~busy", "sc", "ar", ""),
    weaker("E4", "give_mask", INDEX_H, "leaf(word).fetch_or(ids, <sc>);", "sc", "ar", "index spans"),
    weaker("E4", "next_word", INDEX, "maybe(at(1, word / kFan).load(<sc>))", "sc", "acq", "spans.unheard"),
    weaker("E5", "giver_releases", ARENA, "[place.word()].fetch_or(mask, <sc>)", "sc", "acq", "arena"),
    weaker("E5", "taker_acquires", ARENA, "word.fetch_and(~mine, <acq>);", "acq", "rlx", "arena"),
    weaker("E5", "purger_acquires", INSPECT, "bits[w] = words(slab)[w].load(<acq>);", "acq", "rlx", "arena.purge"),
    weaker("E6", "second_look_acquires", ARENA, "if (complete(slab, c, <acq>)) {", "acq", "rlx", "arena"),
    weaker("E7", "publisher_releases", ARENA, "State::of(Kind::shared, c).raw, <sc>);\n    settle(", "sc", "rlx", "arena"),
    weaker("E7", "claimer_acquires", ARENA, "State::of(Kind::owned, c).raw, <sc, sc>);", "sc, sc", "rlx, rlx", "arena"),
    weaker("E8", "take_mask_acquires", INDEX_H, "leaf(word).fetch_and(~ids, <acq>);", "acq", "rlx", "index spans"),
    weaker("E8", "give_mask_releases", INDEX_H, "leaf(word).fetch_or(ids, <sc>);", "sc", "acq", "index spans"),
    weaker("E9", "try_lock_acquires", ATOMIC, "held_.exchange(1, <ar>) == 0", "ar", "rel", "spans"),
    weaker("E9", "try_lock_releases", ATOMIC, "held_.exchange(1, <ar>) == 0", "ar", "acq", ""),
    weaker("E9", "unlock_acquires", ATOMIC, "void unlock() noexcept { held_.exchange(0, <ar>); }", "ar", "rel", ""),
    weaker("E9", "unlock_releases", ATOMIC, "void unlock() noexcept { held_.exchange(0, <ar>); }", "ar", "acq", "spans"),
    Bug("E9_unlock_is_a_store", ATOMIC, "held_.exchange(0, ar); }", "held_.store(0, rel); }", "", "E9"),
    weaker("E9", "any", INDEX, "const Word here = at(level, word).load(<sc>);", "sc", "acq", ""),
    weaker("E10", "owner_acquires", DEPOT, "fetch_and(~bit(chosen), <acq>)", "acq", "rlx", "depot"),
    weaker("E10", "publisher_releases", DEPOT, "list.fetch_or(bit(which), <rel>)", "rel", "rlx", "depot"),
    weaker("E11", "with_shared_acquires", CORE, "cache.busy.exchange(1, <acq>)", "acq", "rlx", "cache.shared"),
    weaker("E11", "with_shared_releases", CORE, "cache.busy.store(0, <rel>);  // [E11]", "rel", "rlx", "cache.shared"),
    weaker("E11", "flush_shared_acquires", UPKEEP, "cache.busy.exchange(1, <acq>)", "acq", "rlx", "cache.shared"),
    weaker("E11", "flush_shared_releases", UPKEEP, "cache.busy.store(0, base::<rel>);", "rel", "rlx", "cache.shared"),
    weaker("E12", "enroll_takes_the_place", REGISTRY, "place.ticket.cas(empty, 1, <acq>, rlx)", "acq", "rlx", ""),
    weaker("E12", "enroll_writes_start", REGISTRY, "place.start.store(core.region().base, <rel>);", "rel", "rlx", ""),
    weaker("E12", "enroll_writes_bytes", REGISTRY, "<< base::kUnitShift, <rel>);", "rel", "rlx", "cache.registered"),
    weaker("E12", "enroll_writes_core", REGISTRY, "place.core.store(&core, <rel>);", "rel", "rlx", ""),
    weaker("E12", "enroll_writes_ticket", REGISTRY, "tickets_.fetch_add(1, rlx) + 2, <rel>);", "rel", "rlx", "cache.registered"),
    weaker("E12", "reader_takes_ticket", REGISTRY, "const std::uint64_t ticket = place.ticket.load(<acq>);", "acq", "rlx",
           "cache.registered"),
    weaker("E12", "reader_takes_start", REGISTRY, "const std::uintptr_t start = place.start.load(<acq>);", "acq", "rlx",
           ""),
    weaker("E12", "reader_takes_bytes", REGISTRY, "const std::uintptr_t bytes = place.bytes.load(<acq>);", "acq", "rlx",
           "cache.registered"),
    weaker("E12", "reader_takes_core", REGISTRY, "Core* core = place.core.load(<acq>);", "acq", "rlx", ""),
    weaker("E14", "keeper_releases", SPANS, "recent_[units].cas(none, start, <rel>, rlx)", "rel", "rlx", "spans.recent arena"),
    weaker("E14", "taker_acquires", SPANS, "? recent_[units].exchange(kNoUnit, <ar>) : kNoUnit;", "ar", "rlx", "spans.recent arena"),
    weaker("E14", "give_recent_acquires", SPANS, "const UnitId start = recent_[units].exchange(kNoUnit, <ar>);", "ar", "rlx",
           "spans.recent arena"),
    weaker("E15", "first_look", ARENA, "|| !complete(slab, c, <sc>)) continue;", "sc", "acq", "arena"),
    weaker("E16", "large_free", LARGE, "UnitState::none().raw, <ar, rlx>)", "ar, rlx", "rlx, rlx", ""),
    weaker("E17", "birth_releases", ARENA, "State::of(Kind::owned, c).raw, <rel>);  // [E17]", "rel", "rlx", ""),
    weaker("E17", "retire_releases", ARENA, "State::none().raw, <rel>);", "rel", "rlx", ""),
    weaker("E19", "scan_reads_the_frontier", SPANS, "const UnitId frontier = frontier_.load(<sc>);", "sc", "rlx", "spans.unheard"),
    weaker("E19", "take_raises_the_frontier", SPANS, "frontier_.cas(start, start + units, <sc, rlx>)", "sc, rlx", "ar, rlx",
           "spans.unheard"),
    weaker("E19", "growth_raises_the_frontier", SPANS, "frontier_.cas(expected, end + more, <sc, rlx>)", "sc, rlx", "ar, rlx",
           "spans.unheard_growth"),
)

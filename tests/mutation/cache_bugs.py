"""Mutations of collecting from caches; the same table as in bugs.py, and edges E54 to E56 weakened one at a time."""
from bugs import Bug
from edges import weaker

BARRIER = "src/base/barrier.hpp"
CACHE_H = "src/malloc/cache/cache.hpp"
COLLECT = "src/malloc/cache/cache_collect.cpp"

COLLECTIONS = (
    Bug("a_collector_does_not_look_for_the_owner_inside", COLLECT,
        "    if (inside_.load(acq) != 0) return false;\n", "", "collect."),
    Bug("a_collector_looks_for_the_owner_without_a_barrier", COLLECT,
        "if (base::put_barriers()) {  // [E54]", "{", "collect."),
    Bug("an_owner_enters_beside_a_collector", CACHE_H, "    leave();\n    return false;", "    return true;", "collect."),
    Bug("a_mark_without_an_exchange", COLLECT,
        "own.marks[c] = {newest - 1, base::owned_exchange<void>(newest[-1], nullptr)};",
        "own.marks[c] = {newest - 1, base::owned_load(newest[-1])};\n        base::owned_store<void*>(newest[-1], nullptr);",
        "collect."),
    Bug("tops_are_read_without_a_barrier", COLLECT, "const bool first = any && base::put_barriers();  // [E56]",
        "const bool first = any;", "collect."),
    Bug("marks_are_read_without_a_barrier", COLLECT, "const bool second = first && base::put_barriers();  // [E56]",
        "const bool second = first;", "collect."),
    Bug("the_top_is_not_compared_with_the_mark", COLLECT,
        "own.marks[c].block != nullptr && base::owned_load(top[c]) > own.marks[c].slot + 1", "own.marks[c].block != nullptr",
        "collect."),
    Bug("a_mark_that_was_pushed_over_counts_as_sure", COLLECT,
        "if (!own.sure[c] || !ordered || base::owned_load(*mark) != nullptr) {", "if (!own.sure[c] || !ordered) {", "collect."),
    Bug("a_block_in_doubt_is_forgotten", COLLECT,
        "if (top[bin] > doubt.slot && *doubt.slot == nullptr) *doubt.slot = doubt.block;", "", "collect."),
    Bug("a_block_in_doubt_is_always_put_back", COLLECT,
        "if (top[bin] > doubt.slot && *doubt.slot == nullptr) *doubt.slot = doubt.block;",
        "if (top[bin] > doubt.slot) *doubt.slot = doubt.block;", "collect."),
    Bug("an_owner_ends_beside_a_collector", COLLECT, "const bool own = seen != kCollecting;", "const bool own = true;",
        "collect.ends"),
    Bug("an_abandoned_cache_is_forgotten", COLLECT, "        return Collected::ended;", "        return Collected::nothing;",
        "collect.ends"),
    Bug("runs_are_collected_as_if_hits_popped_none_but_the_top_moves", COLLECT,
        "        for (void** slot = bottom(bin) + own.runs[bin - base::kClasses]; slot > bottom(bin);) {",
        "        for (void** slot = base::owned_load(top[bin]) + 1; slot > bottom(bin);) {", "collect.runs"),
    Bug("runs_are_collected_without_a_barrier", COLLECT, "            if (each.done) each.cache->mark(each);\n",
        "            if (each.done) each.cache->mark(each), each.cache->collect_runs(each);\n", "collect.runs"),
)

EDGES = (
    weaker("E54", "owner_leaves", BARRIER, "static_cast<int>(step < 0 ? <rel> : rlx)", "rel", "rlx", "collect."),
    weaker("E54", "collector_loads", COLLECT, "inside_.load(<acq>) != 0", "acq", "rlx", "collect."),
    weaker("E55", "owner_acquires", CACHE_H, "std::uint32_t seen = state_.load(base::<acq>);", "acq", "rlx", ""),
    weaker("E55", "collector_acquires", COLLECT, "if (!state_.cas(seen, kCollecting, <acq>, rlx))", "acq", "rlx", ""),
    weaker("E55", "collector_releases", COLLECT, "state_.exchange(own.done ? kCollected : own.before, <acq_rel>)", "acq_rel",
           "rlx", ""),
    weaker("E55", "owner_ends", COLLECT, "state_.cas(seen, own ? kUnused : kAbandoned, <acq_rel, rlx>)", "acq_rel, rlx",
           "rlx, rlx", ""),
)

BUGS = COLLECTIONS + EDGES

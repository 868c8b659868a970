"""Mutations of the protocol. Each entry has a file, a text in it, the replacement, and scenarios of tests/model.

`caught_by`: at least one of these scenarios must fail; empty if none can, as docs/orderings.md argues.
`edge`: the section of docs/orderings.md that the entry breaks.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    file: str
    old: str
    new: str
    caught_by: str  # names of scenarios or their beginnings, separated by spaces
    edge: str = ""


ARENA = "src/core/arena/arena.cpp"
ARENA_COMPLETE = "src/core/arena/arena_complete.cpp"
INDEX = "src/base/bitmap_index.cpp"
INDEX_H = "src/base/bitmap_index.hpp"
ATOMIC = "src/base/atomic.hpp"
GATE = "src/manager/collector/cycle_gate.cpp"
GATE_H = "src/manager/collector/cycle_gate.hpp"
NUMBERS_H = "src/manager/base/thread_numbers.hpp"
COMMITTED = "src/core/region/committed.cpp"
COMMITTED_H = "src/core/region/committed.hpp"
SPANS = "src/core/spans/spans.cpp"
LARGE = "src/core/spans/spans_large.cpp"
PURGE = "src/core/spans/spans_purge.cpp"
DEPOT = "src/malloc/depot/depot.cpp"
CACHE = "src/malloc/cache/cache.cpp"
THREAD_CACHE = "src/malloc/cache/thread_cache.hpp"
CORE = "src/malloc/heap/heap.cpp"
CORE_H = "src/malloc/heap/heap.hpp"
MAPPED = "src/malloc/process/mapped_blocks.cpp"
MAPPED_H = "src/malloc/process/mapped_blocks.hpp"
UPKEEP = "src/malloc/heap/heap_upkeep.cpp"
ARENA_PURGE = "src/core/arena/arena_purge.cpp"
REGISTRY = "src/malloc/process/registry.cpp"

SLABS = (
    Bug("state_loaded_before_the_bits_are_set", ARENA,
        "        const Word old = give_word(place, c, mask);\n        const bool complete = (old | mask) == valid;",
        "        const bool shared = spans_->state(place.slab(), seq_cst) == State::of(Kind::shared, c);\n"
        "        const Word old = give_word(place, c, mask);\n        const bool complete = (old | mask) == valid;\n"
        "        if (!shared) continue;", "arena.give_publish arena.all_publish"),
    Bug("bits_loaded_before_the_publish", ARENA,
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, seq_cst);\n    return reindex(slab, c, true);",
        "    const bool any = words(slab)[0].load(seq_cst) != 0;\n"
        "    spans_->state_word(slab).store(State::of(Kind::shared, c).raw, seq_cst);\n"
        "    return any && reindex(slab, c, true);", "arena.give_publish"),
    Bug("publish_checks_for_any_not_for_all", ARENA, "noted = all && reclaimable_.insert(slab);",
        "noted = all && !any && reclaimable_.insert(slab);",
        "arena.all_publish arena.late_giver arena.last_givers arena.becomes_reclaimable"),
    Bug("no_second_check_under_ownership", ARENA_COMPLETE, "        if (complete(slab, c, acq)) {", "        if (c != 0) {",
        "arena"),
    Bug("retire_without_a_claim", ARENA_COMPLETE, "        if (!claim(slab, c)) continue;", "", "arena"),
    Bug("failed_second_check_is_not_repeated", ARENA_COMPLETE,
        "            publish(slab, c);\n        }\n    }\n    return looked;",
        "            spans_->state_word(slab).store(State::of(Kind::shared, c).raw, seq_cst);\n        }\n"
        "    }\n    return looked;", "arena"),
    Bug("claim_does_not_compare_the_class", ARENA,
        "    std::uint32_t expected = State::of(Kind::shared, c).raw;\n    // [E3]",
        "    std::uint32_t expected = State::of(Kind::shared, spans_->state(slab, rlx).value()).raw;\n"
        "    // [E3]", "arena.created_again"),
    Bug("hint_removed_after_the_claim", ARENA,
        "            if (claim(slab, c)) {\n                cur.store(slab, rlx);              // after the claim\n",
        "            index_[c].insert(slab);\n            if (claim(slab, c)) {\n                cur.store(slab, rlx);\n"
        "                index_[c].remove(slab);\n", "arena.hints arena.late_giver"),
    Bug("two_frees_at_once_both_change_the_state", "src/core/arena/block_states.hpp",
        "        if (base::single_threaded()) return entry.cas_alone(before, to);\n"
        "        return entry.cas(before, to, base::rlx, base::rlx);",
        "        if (before == to) return false;\n        entry.store(to, base::rlx);\n        return true;", "arena.state"),
    Bug("units_given_before_the_hint_is_removed", ARENA_COMPLETE,
        "    index_[c].remove(slab);\n    spans_->mark(slab, kGeometry[c].units, 0);\n"
        "    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own\n"
        "    spans_->give(slab, kGeometry[c].units);",
        "    spans_->mark(slab, kGeometry[c].units, 0);\n    spans_->state_word(slab).store(State::none().raw, rel);\n"
        "    spans_->give(slab, kGeometry[c].units);\n    index_[c].remove(slab);", "arena"),
    Bug("record_written_after_the_units_are_given", ARENA_COMPLETE,
        "    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is the units' own\n"
        "    spans_->give(slab, kGeometry[c].units);",
        "    spans_->give(slab, kGeometry[c].units);\n    spans_->state_word(slab).store(State::none().raw, rel);", "arena"),
    Bug("map_written_after_the_units_are_given", ARENA_COMPLETE,
        "    spans_->mark(slab, kGeometry[c].units, 0);\n"
        "    spans_->state_word(slab).store(State::none().raw, rel);  // [E8] is "
        "the units' own\n    spans_->give(slab, kGeometry[c].units);",
        "    spans_->state_word(slab).store(State::none().raw, rel);\n    spans_->give(slab, kGeometry[c].units);\n"
        "    spans_->mark(slab, kGeometry[c].units, 0);", "arena"),
    Bug("bits_loaded_before_the_reclaimable_hint_is_taken", ARENA_COMPLETE,
        "        const UnitId slab = reclaimable_.take_lowest();\n        if (slab == BitmapIndex::kNone) break;\n",
        "        UnitId slab = 1;\n        while (slab < spans_->frontier() && !reclaimable_.contains(slab)) ++slab;\n"
        "        if (slab == spans_->frontier()) break;\n"
        "        const State before = spans_->state(slab, seq_cst);\n"
        "        const bool was = before.kind() == Kind::shared && complete(slab, before.value(), seq_cst);\n"
        "        reclaimable_.remove(slab);\n        if (!was) continue;\n", "arena"),
    Bug("purge_without_a_claim", ARENA_PURGE, "if (!claim(slab, c)) {\n        wanted = {};\n        return 0;\n    }\n", "",
        "arena.purge arena.purge_idle"),
    Bug("a_purge_without_a_claim_is_told", ARENA_PURGE, "        wanted = {};\n", "", "arena.purge_told"),
    Bug("magazines_are_purged_without_a_claim", DEPOT, "shard.empty.cas(empty, 0, acq, rlx)", "empty != 0",
        "depot.purge_idle"),
    Bug("a_free_inserts_no_hint", ARENA, "    index_[c].insert(slab);  // [E3] after the state\n",
        "    if (look) index_[c].insert(slab);\n", "arena"),
    Bug("take_by_load_and_store", ARENA, "        word.fetch_and(~mine, acq);", "        word.store(seen & ~mine, rlx);",
        "arena"),
)

INDEXES = (
    Bug("no_second_check_of_the_child", INDEX,
        "        if (at(level - 1, child).load(seq_cst) != 0) summary.fetch_or(some, seq_cst);\n",
        "", "index"),
    Bug("busy_is_not_respected", INDEX, "        if ((summary.fetch_or(busy, seq_cst) & busy) != 0) return;\n",
        "        summary.fetch_or(busy, seq_cst);\n", "index"),
    Bug("insert_stops_at_a_filled_leaf", INDEX,
        "    const bool missing =\n"
        "        (word.load(seq_cst) & own) == 0 && (word.fetch_or(own, seq_cst) & own) == 0;\n    raise(",
        "    const bool set = (word.load(seq_cst) & own) != 0;\n    const Word old = set ? own : word.fetch_or(own, seq_cst);\n"
        "    const bool missing = (old & own) == 0;\n    if (!set && old != 0) return missing;\n    raise(", "index"),
    Bug("insert_stops_at_the_first_level_set", INDEX,
        "        if ((summary.load(seq_cst) & some) == 0) summary.fetch_or(some, seq_cst);",
        "        if ((summary.load(seq_cst) & some) != 0) return;\n        summary.fetch_or(some, seq_cst);", "index"),
    Bug("clear_without_busy", INDEX, "        if ((summary.fetch_or(busy, seq_cst) & busy) != 0) return;\n",
        "        (void)busy;\n", "index"),
    Bug("insert_goes_up_only_from_zero", INDEX, "    raise(id / kWordBits);\n    return missing;",
        "    if ((word.load(seq_cst) & ~own) == 0) raise(id / kWordBits);\n    return missing;", "index"),
    Bug("take_starts_again_at_the_top", INDEX, "            clear(level, child);\n            continue;",
        "            clear(level, child);\n            return find_in(level, word, look);", "index"),
    Bug("take_leaf_by_load_and_store", INDEX, "const Word old = leaf(word).fetch_and(~own, seq_cst);",
        "const Word old = leaf(word).load(seq_cst);\n        leaf(word).store(old & ~own, seq_cst);", "index"),
)

RUNS = (
    Bug("no_check_after_the_unlock", SPANS,
        "    while (pending_words_.any()) {\n        if (!lock_.try_lock()) return;\n"
        "        sync_holes_locked();\n        lock_.unlock();\n    }",
        "    if (!pending_words_.any() || !lock_.try_lock()) return;\n    sync_holes_locked();\n    lock_.unlock();", "spans"),
    Bug("stale_hole_is_dropped", SPANS,
        "        rescan(start, start + length);  // a stale hole is rescanned: a part may be free",
        "        holes_.erase(start);\n        (void)length;", "spans.stale_hole"),
    Bug("no_hint_after_a_rollback", SPANS, "            free_.give_mask(word, got);\n            pending_words_.insert(word);",
        "            free_.give_mask(word, got);", "spans.rollback"),
    Bug("a_failed_claim_keeps_its_units", SPANS,
        "            free_.give_mask(word, got);\n            pending_words_.insert(word);",
        "            pending_words_.insert(word);", "spans.rollback"),
    Bug("the_child_of_a_fork_keeps_the_lock", SPANS, "    lock_.reset();\n    committed_", "    committed_", "fork.runs"),
    Bug("partial_claim_is_not_put_back", SPANS, "    if (held_end > start) release(start, held_end - start);\n", "",
        "spans.overlap"),
    Bug("frontier_by_load_and_store", SPANS, "        if (frontier_.cas(start, start + before + units, seq_cst, rlx)) {",
        "        frontier_.store(start + before + units, rlx);\n        {", "spans.frontier"),
    Bug("frontier_goes_past_the_end", SPANS, "        if (frontier_.cas(start, start + before + units, seq_cst, rlx)) {",
        "        start = frontier_.fetch_add(before + units, rlx);\n        if (before + units <= region_.end - start) {",
        "spans.frontier"),
    Bug("the_pad_before_an_aligned_run_is_lost", SPANS, "            if (before != 0) release(start, before);\n", "",
        "spans.aligned"),
    Bug("a_run_grows_beyond_what_it_claims", SPANS, "|| !claim(end, below))) return false;",
        "|| !claim(end, 1))) return false;", "spans.grow spans.grow_across"),
    Bug("the_claim_of_a_failed_growth_is_lost", SPANS, "        if (below != 0) release(end, below);\n", "",
        "spans.grow_across"),
    Bug("growth_raises_the_frontier_by_a_store", SPANS, "frontier_.cas(frontier, frontier + above, seq_cst, rlx)))",
        "(frontier_.store(frontier + above, seq_cst), true)))", "spans.frontier_grow spans.grow_across"),
    Bug("no_scan_of_the_bits_when_the_lock_is_taken", SPANS, "    if (start == kNoUnit) start = take_scan(units, align);\n", "",
        "spans.stopped"),
    Bug("large_free_by_load_and_store", LARGE,
        "    if (!state_[start].cas(found, UnitState::none().raw, acq_rel, rlx)) return false;",
        "    state_[start].store(UnitState::none().raw, rel);", "spans.double_free"),
    Bug("large_map_written_after_the_units_are_given", LARGE,
        "    mark(start, 1, 0);\n    closed ? give_closed(start, state.value()) : give(start, state.value());",
        "    closed ? give_closed(start, state.value()) : give(start, state.value());\n    mark(start, 1, 0);",
        "spans.large cache.runs"),
    Bug("large_record_written_after_the_units_are_given", LARGE,
        "    if (!state_[start].cas(found, UnitState::none().raw, acq_rel, rlx)) return false;\n    mark(start, 1, 0);\n"
        "    closed ? give_closed(start, state.value()) : give(start, state.value());",
        "    mark(start, 1, 0);\n    closed ? give_closed(start, state.value()) : give(start, state.value());\n"
        "    if (!state_[start].cas(found, UnitState::none().raw, acq_rel, rlx)) return false;",
        "spans.large spans.double_free"),
    Bug("recent_by_load_and_store", SPANS, "    const UnitId kept = recent_[units].exchange(kNoUnit, acq_rel);",
        "    const UnitId kept = recent_[units].load(base::acq);\n    recent_[units].store(kNoUnit, rel);", "spans.recent"),
    Bug("a_kept_run_that_is_not_aligned_is_lost", SPANS,
        "    put_free(kept, units);  // another thread has replaced the run\n", "", "spans.recent_aligned"),
    Bug("units_are_purged_without_a_claim", PURGE,
        "        for (Word left = wanted != 0 ? spans_.free_.take_mask(word, wanted) : 0; left != 0;) {",
        "        static_cast<void>(spans_.free_.take_mask(word, wanted));\n        for (Word left = wanted; left != 0;) {",
        "spans.purge_take"),
    Bug("units_are_given_before_they_are_purged", PURGE,
        "        if (units >= least_) purge(units);\n        spans_.release(start_, units);\n",
        "        spans_.release(start_, units);\n        if (units >= least_) purge(units);\n",
        "spans.purge_take spans.purge_dirty"),
    Bug("units_are_marked_clean_after_they_are_given", PURGE,
        "            const std::uint32_t dirty = spans_.clean(start_, units);\n"
        "            spans_.dirty_units_.fetch_sub(dirty, rlx);  // relaxed: a counter\n"
        "            purged_ += dirty;\n        }\n"
        "        made_ += 1 + spans_.committed_.discard(start_, end_);\n    }\n"
        "    void flush() noexcept {\n        if (start_ == end_) return;\n"
        "        const std::uint32_t units = end_ - start_;\n"
        "        if (units >= least_) purge(units);\n        spans_.release(start_, units);\n",
        "        }\n        made_ += 1 + spans_.committed_.discard(start_, end_);\n    }\n"
        "    void flush() noexcept {\n        if (start_ == end_) return;\n"
        "        const std::uint32_t units = end_ - start_;\n"
        "        if (units >= least_) purge(units);\n        spans_.release(start_, units);\n"
        "        const std::uint32_t dirty = spans_.clean(start_, units);\n"
        "        spans_.dirty_units_.fetch_sub(dirty, rlx);\n        purged_ += dirty;\n", "spans.purge spans.dirty_again"),
    Bug("a_refused_purge_counts_as_clean", PURGE, "        if (spans_.region_.purge(start_, units)) {\n",
        "        spans_.region_.purge(start_, units);\n        {\n", "spans.purge_refused"),
    Bug("a_long_run_that_was_not_purged_counts_as_clean", PURGE, " || !region_.purge(start, units))\n        return false;",
        ") return false;\n    region_.purge(start, units);", "spans.purge_long_refused"),
    Bug("a_long_run_is_given_before_it_is_purged", PURGE,
        " || !region_.purge(start, units))\n        return false;\n    clean(start, units);\n"
        "    if (units >= kDiscardedAtOnce) committed_.discard(start, start + units);\n"
        "    note_purged(units);\n    held_.fetch_sub(units, rlx);  // relaxed: a counter\n    release(start, units);\n",
        ")\n        return false;\n    held_.fetch_sub(units, rlx);\n    "
        "release(start, units);\n    region_.purge(start, units);\n"
        "    clean(start, units);\n    committed_.discard(start, start + units);\n    note_purged(units);\n",
        "spans.purge_long"),
    Bug("the_bitmaps_of_held_units_are_discarded", COMMITTED,
        "base::round_up(table.entry(from), page);\n        const std::uintptr_t high = table.entry(to) & ~(page - 1);",
        "table.entry(from) & ~(page - 1);\n        const std::uintptr_t high = base::round_up(table.entry(to), page);",
        "arena.discard"),
    Bug("hint_load_only_acquires", INDEX_H, "return leaf(word).load(seq_cst);\n    }\n    // The first leaf",
        "return leaf(word).load(acq); }\n    // The first leaf", "spans.take_give spans.give_give", edge="E9"),
    Bug("the_map_ends_at_an_old_frontier", SPANS, "    const UnitId last = region_.end;",
        "    const UnitId last = frontier_.load(rlx);", "spans.frontier_give"),
)

COMMITS = (
    Bug("done_is_raised_before_the_commit", COMMITTED, "    UnitId to = reach_of(seen);\n",
        "    UnitId to = reach_of(seen);\n    raise(to);\n", "region.cover"),
    Bug("a_commit_in_progress_counts_as_done", COMMITTED, "    if (from >= end) return true;\n",
        "    if (from >= end || (from != 0 && reach_of(seen) > end)) return true;\n", "region.cover region.cover_stopped"),
    Bug("the_units_are_committed_without_their_tables", COMMITTED,
        "    for (std::uint32_t i = 0; i < tables_.count; ++i) {\n"
        "        const Table& table = tables_.list[i];\n        const std::uintptr_t low = from",
        "    for (std::uint32_t i = 0; i < tables_.count && from == 0; ++i) {\n        const Table& table = tables_.list[i];\n"
        "        const std::uintptr_t low = from", "region.cover"),
    Bug("the_tables_end_with_the_last_unit", COMMITTED,
        "        const UnitId last = region_.end - unit > kSlack ? unit + kSlack : region_.end;",
        "        const UnitId last = unit;", "region.cover"),
    Bug("units_being_committed_are_shed", COMMITTED, "    if (any) release(reach_of(seen), limit_of(seen));",
        "    if (any) release(done_.load(rlx), limit_of(seen));", "region.shed"),
    Bug("shed_units_may_still_be_committed", COMMITTED,
        "    while (limit_of(seen) != reach_of(seen) &&\n"
        "           !reach_.cas(seen, pack(reach_of(seen), reach_of(seen)), rlx, rlx)) {",
        "    while (false) {", "region.shed"),
    Bug("the_tables_are_shed_without_slack", COMMITTED,
        "    if (any) release(reach_of(seen), limit_of(seen));",
        "    if (any) release(reach_of(seen) > kSlack ? reach_of(seen) - kSlack : 1, limit_of(seen));", "region.shed"),
    Bug("shed_while_another_reserves", COMMITTED, "    if (!tables_.own_pages || !reserving_.try_lock()) return false;\n",
        "    if (!tables_.own_pages) return false;\n", "region.reserve_more"),
    Bug("the_limit_rises_before_it_is_reserved", COMMITTED,
        "        done = spares(to) && reserve(limit, to);\n"
        "        // [E40] release, pairs with the load in extend(): addresses are ours.\n"
        "        if (done) reach_.fetch_add(pack(to - limit, 0), rel);\n",
        "        reach_.fetch_add(pack(to - limit, 0), rel);\n        done = reserve(limit, to);\n", "region.reserve"),
    Bug("the_child_cannot_reserve", COMMITTED, "    reserving_.reset();\n", "", "region.reserve_cut"),
    Bug("the_child_keeps_a_cut_reservation", COMMITTED,
        "    if (to > limit) release_parts(limit, to, reserved_parts_.load(rlx));\n", "", "region.reserve_cut"),
    Bug("a_refused_reservation_keeps_its_parts", COMMITTED, "    if (!all) {\n", "    if (false) {\n",
        "region.reserve_refused"),
    Bug("a_cache_is_used_before_it_is_committed", CORE, "            if (!commit(&caches_[id], 1)) return nullptr;\n",
        "", "cache.passed"),
    Bug("spare_caches_are_shed", CORE, "caches_ + most, caches_ + most_of(seen));",
        "caches_ + most - kSpare, caches_ + most_of(seen));", "cache.shed"),
    Bug("shared_caches_are_used_before_they_are_committed", CORE,
        "        if (!commit(shared_, kShared)) return false;\n        shared_committed_.store(1, rel);",
        "        shared_committed_.store(1, rel);\n        if (!commit(shared_, kShared)) return false;", "cache.shared"),
    Bug("magazines_are_listed_before_they_are_committed", DEPOT,
        "    if (!region::commit_around(*source_, &magazine(c, s, 0),\n"
        "                               kMagazineParameters[c].magazines * sizeof(Magazine)))\n        return;\n"
        "    // [E10] release, pairs with the acquire in own(): the pages are accessible.\n"
        "    // Relaxed before: only one thread gets here.\n"
        "    if (shard.ready.exchange(1, rlx) == 0) shard.empty.fetch_or(valid(c), rel);",
        "    if (shard.ready.exchange(1, rlx) == 0) shard.empty.fetch_or(valid(c), rel);\n"
        "    region::commit_around(*source_, &magazine(c, s, 0), kMagazineParameters[c].magazines * "
        "sizeof(Magazine));", "depot"),
    Bug("magazines_are_listed_by_two", DEPOT, "    if (shard.ready.exchange(1, rlx) == 0) shard.empty.fetch_or(valid(c), rel);",
        "    shard.ready.store(1, rlx);\n    shard.empty.fetch_or(valid(c), rel);", "depot"),
)

FRESH = (
    Bug("blocks_of_a_batch_stay_fresh", ARENA, "    if ((taken & before) != 0) word.store(before & ~taken, rlx);",
        "    if ((taken & before) != 0 && base::count(taken) == 1) word.store(before & ~taken, rlx);", "arena.fresh_batch"),
    Bug("blocks_of_dirty_units_are_fresh", ARENA, "run.zero ? base::full_word(g, w) : 0, rlx);", "base::full_word(g, w), rlx);",
        "arena.fresh_batch"),
    Bug("a_block_that_was_used_is_fresh", ARENA, "    fresh = (taken & ~before) == 0;", "    fresh = before != 0;",
        "arena.fresh"),
)

MAPPINGS = (
    Bug("mapped_given_without_the_cas", MAPPED,
        "    if (place == nullptr || !place->start.cas(start, kBusy, acq_rel, rlx)) return 0;",
        "    if (place == nullptr) return 0;\n    place->start.store(kBusy, rlx);", "mapped.give_twice"),
    Bug("mapped_place_taken_without_the_cas", MAPPED,
        "        if (place.start.load(rlx) != 0 || !place.start.cas(empty, kBusy, acq, rlx)) continue;",
        "        if (place.start.load(rlx) != empty) continue;\n        place.start.store(kBusy, rlx);", "mapped.places"),
    Bug("mapped_address_before_the_sizes", MAPPED, "        place.bytes.store(bytes, rlx);\n        return &place;",
        "        place.start.store(start, rel);\n        place.bytes.store(bytes, rlx);\n        return &place;",
        "mapped.asked"),
    Bug("mapped_pages_unmapped_before_the_place_is_claimed", MAPPED,
        "    if (place == nullptr || !place->start.cas(start, kBusy, acq_rel, rlx)) return 0;\n"
        "    const std::size_t bytes = place->bytes.load(rlx);\n    unmap(start, bytes, guard_bytes());\n",
        "    if (place == nullptr) return 0;\n    const std::size_t bytes = place->bytes.load(rlx);\n"
        "    unmap(start, bytes, guard_bytes());\n    if (!place->start.cas(start, kBusy, acq_rel, rlx)) return 0;\n",
        "mapped.again"),
    Bug("mapped_move_keeps_the_old_address", MAPPED, "!place.start.cas(found, kBusy, acq_rel, rlx)", "found != start",
        "mapped.move"),
    Bug("mapped_target_is_unmapped_after_a_refusal", MAPPED,
        "        next->start.store(0, rel);      // [E39]", "        region::unmap(to, bytes);\n"
        "        next->start.store(0, rel);  // [E39]", "mapped.move_refused"),
    Bug("mapped_target_is_named_before_the_move", MAPPED,
        "    Place* next = claim(target, bytes);\n",
        "    Place* next = claim(target, bytes);\n    if (next != nullptr) next->start.store(target, rel);\n",
        "mapped.move_refused"),
)

CACHES = (
    Bug("magazine_owned_by_load_and_store", DEPOT, "const Word old = list.fetch_and(~bit(chosen), acq);",
        "const Word old = list.load(acq);\n        list.store(old & ~bit(chosen), rlx);", "depot"),
    Bug("magazine_published_before_it_is_filled", DEPOT,
        "        mine.count = n;\n        std::memcpy(mine.blocks, blocks, n * sizeof(void*));",
        "        publish(class_[c].shards[s].full, which);\n        mine.count = n;\n"
        "        std::memcpy(mine.blocks, blocks, n * sizeof(void*));", "depot"),
    Bug("magazine_emptied_before_it_is_read", DEPOT, "    const std::uint32_t n = mine.count;\n",
        "    publish(class_[c].shards[s].empty, which);\n    const std::uint32_t n = mine.count;\n", "depot"),
    Bug("shared_cache_by_load_and_store", CORE, "cache.busy.load(rlx) != 0 || cache.busy.exchange(1, acq) != 0",
        "cache.busy.load(acq) != 0 || (cache.busy.store(1, rlx), false)", "cache.shared"),
    Bug("cache_given_before_it_is_flushed", CORE,
        "    cache->exit_rounds = 0;\n    if (id >= kIdleResident) drop(*cache);\n    idle_.insert(id);",
        "    if (id >= kIdleResident) drop(*cache);\n    idle_.insert(id);\n    cache->exit_rounds = 0;", "cache.passed"),
    Bug("a_cache_is_dropped_after_it_is_idle", CORE, "    if (id >= kIdleResident) drop(*cache);\n    idle_.insert(id);",
        "    idle_.insert(id);\n    if (id >= kIdleResident) drop(*cache);", "cache.dropped"),
    Bug("registry_without_the_second_check", REGISTRY, "        if (place.ticket.load(rlx) != ticket) continue;\n", "",
        "cache.registered"),
)

FORKS = (
    Bug("flush_gives_before_top", CACHE,
        "    top[bin] = at;  // they leave the bin before another thread can get them\n    base::compiler_fence();\n"
        "    heap->arena.give(bin, at, n);", "    heap->arena.give(bin, at, n);\n    base::compiler_fence();\n"
        "    top[bin] = at;", "fork"),
    Bug("flush_of_runs_gives_before_top", CACHE,
        "            move_top(bin, -1);\n            base::compiler_fence();\n            heap->give_run(block);",
        "            heap->give_run(block);\n            base::compiler_fence();\n            move_top(bin, -1);", "fork.runs"),
    Bug("overflow_gives_before_top", CACHE, "    top[bin] = newest;\n    base::compiler_fence();\n",
        "    heap->arena.give(bin, newest, n);\n    base::compiler_fence();\n    top[bin] = newest;\n"
        "    if (n > 0) return;\n", "fork"),
    Bug("the_first_free_into_a_word_updates_no_index", ARENA, "        if (old == 0 || complete) pending",
        "        if (complete) pending", "arena"),
    Bug("the_last_free_into_a_word_updates_no_index", ARENA, "        if (old == 0 || complete) pending",
        "        if (old == 0) pending", "arena"),
    Bug("refill_raises_top_before_it_has_the_blocks", CACHE,
        "    std::uint32_t n = quiet_ != 0 ? 0 : heap->depot.take(bin, at, depot_handle_);\n",
        "    top[bin] = at + 2;\n    base::compiler_fence();\n"
        "    std::uint32_t n = heap->depot.take(bin, at, depot_handle_);\n", "fork"),
    Bug("push_raises_top_before_the_slot", THREAD_CACHE,
        "        base::owned_store(*at, block);\n"
        "        base::compiler_fence();  // the slot, then the top: a fork may cut between\n"
        "        base::opaque(bin);\n        base::owned_step<1>(top[bin]);",
        "        base::owned_step<1>(top[bin]);\n        base::compiler_fence();\n        base::opaque(bin);\n"
        "        base::owned_store(*at, block);", "fork.push"),
    Bug("current_slab_is_cleared_after_the_publish", ARENA,
        "    cur.store(kNoUnit, rlx);  // before the publish\n    base::compiler_fence();\n"
        "    if (publish(slab, c)) bound_reclaimable(c);",
        "    if (publish(slab, c)) bound_reclaimable(c);\n    base::compiler_fence();\n"
        "    cur.store(kNoUnit, rlx);", "fork.two_threads"),
    Bug("magazine_in_flight_is_adopted", DEPOT,
        "            if (shard.ready.load(rlx) != 0) shard.empty.store(valid(c) & ~full, rlx);",
        "            if (shard.ready.load(rlx) != 0) shard.full.store(valid(c) & ~shard.empty.load(rlx), rlx);", "fork.depot"),
    Bug("a_child_lists_magazines_that_are_not_committed", DEPOT,
        "            if (shard.ready.load(rlx) != 0) shard.empty.store(",
        "            shard.empty.store(", "fork"),
    Bug("an_idle_cache_that_was_dropped_is_adopted", UPKEEP, "|| !caches_[i].attached()) continue;", ") continue;",
        "fork.drop"),
    Bug("adoption_reads_through_the_limit", CACHE, "        while (void* block = top[bin][-1]) {",
        "        if (limit[bin] > top[bin] && bin < base::kClasses) top[bin] = limit[bin];\n"
        "        while (void* block = top[bin][-1]) {", "fork"),
    Bug("adoption_gives_before_it_lowers_top", CACHE,
        "            --top[bin];\n            base::compiler_fence();\n            if (base::is_run(bin)) {\n"
        "                static_cast<void>(heap->give_large(reinterpret_cast<std::uintptr_t>(block)));\n"
        "            } else {\n                heap->arena.adopt(bin, block);\n            }",
        "            if (base::is_run(bin)) {\n"
        "                static_cast<void>(heap->give_large(reinterpret_cast<std::uintptr_t>(block)));\n"
        "            } else {\n                heap->arena.adopt(bin, block);\n            }\n            --top[bin];",
        "fork.adopting"),
)

GATES = (
    Bug("the_gate_closes_without_a_barrier", GATE, "    if (barriers_) base::put_barriers();  // [E30]\n", "", "gate.owner"),
    Bug("the_gate_has_owners_without_a_barrier", GATE, "if (barriers_ && slot.owner.", "if (slot.owner.", "gate.no_barriers"),
    Bug("a_guest_does_not_check_again", GATE, "        if (now == runs) {", "        if (now <= 1) {", "gate.guests"),
    Bug("the_gate_closes_after_its_check", GATE,
        "    runs_->exchange(1, base::seq_cst);  // [E30] seq_cst: before drain() looks into the slots\n"
        "    drain(false);", "    drain(false);\n    runs_->exchange(1, base::seq_cst);", "gate"),
    Bug("a_number_is_given_twice", NUMBERS_H, "seen = taken_[w].fetch_or(bit, base::acq);",
        "seen = taken_[w].load(base::acq);\n                taken_[w].store(seen | bit, base::rlx);", "gate.numbers"),
)

BUGS = SLABS + INDEXES + RUNS + COMMITS + FRESH + MAPPINGS + CACHES + FORKS + GATES

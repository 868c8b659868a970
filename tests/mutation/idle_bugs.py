"""Mutations of what goes back by age, and of signal handlers; the same table as in programs.py."""
from programs import Mutation

PURGE = "src/core/arena/arena_purge.cpp"
DEPOT = "src/malloc/depot/depot.cpp"
DEPOT_H = "src/malloc/depot/depot.hpp"
SIGACTION = "src/malloc/api/sigaction.cpp"
RECORDED = "src/malloc/process/recorded_stacks.cpp"

TEST = "unit_arena.PurgeIdle."
IN_DEPOT = "unit_depot.DepotTest."
SIGNALS = "ashlar signal_actions"

ARENAS = (
    Mutation("idle_pages_go_back_too_soon", PURGE, "kLeastLooks = 4;", "kLeastLooks = 2;", "unit_arena",
             TEST + "ReturnsPagesOfASlabThatNoThreadTakesFrom"),
    Mutation("pages_that_just_became_free_count_as_idle", PURGE, "free.of(i) & noted & ~gone;", "free.of(i) & ~gone;",
             "unit_arena", TEST + "ReturnsPagesThatBecomeFreeLater"),
    Mutation("slabs_in_use_count_as_idle", PURGE, "    if (taken) {\n        if (returned",
             "    if (false) {\n        if (returned", "unit_arena", TEST + "LeavesSlabsAloneThatAreTakenFrom"),
    Mutation("returned_pages_count_as_gone_for_ever", PURGE, "(taken ? 0 : gone & free.of(i))", "(gone & free.of(i))",
             "unit_arena", TEST + "ReturnsPagesAgainAfterTheirUse"),
    Mutation("pages_that_are_wanted_back_go_as_soon_again", PURGE, "patience < kMostPatience) ++patience;",
             "patience > kMostPatience) ++patience;", "unit_arena", TEST + "WaitsTwiceAsLongForPagesThatWereWantedBackSoon"),
    Mutation("complete_slabs_are_purged", PURGE, "    if (all) return 0;  // it will be retired\n",
             "    static_cast<void>(all);\n", "unit_arena", TEST + "LeavesCompleteSlabsToBeRetired"),
    Mutation("refused_pages_count_as_returned", PURGE,
             "            for (std::size_t kept = at; kept < end; kept += page) pages.remove(kept);\n", "", "unit_arena",
             TEST + "TriesAgainWhatTheSystemRefuses"),
    Mutation("idle_pages_go_back_without_a_bound", PURGE, "left > 0 && calls < most &&",
             "left > 0 && calls < 1000 * most &&", "unit_arena", TEST + "MakesABoundedNumberOfCallsAndGoesOn"),
    Mutation("bitmaps_of_free_units_stay", PURGE,
             "calls += discard_bits(unit / base::kWordBits - 1);", "calls += 0;", "unit_arena",
             "unit_arena.PurgeIdleBits.ReturnsTheBitmapsOfFreeUnits"),
    Mutation("bitmaps_go_back_at_each_look", PURGE, "bool used = false;\n        // Relaxed: a choice",
             "bool used = true;\n        // Relaxed: a choice", "unit_arena",
             "unit_arena.PurgeIdleBits.ReturnsTheBitmapsOfFreeUnits"),
)

DEPOTS = (
    Mutation("new_magazines_count_as_idle", DEPOT_H, "shard.full.load(base::rlx) & shard.before.load(base::rlx);",
             "shard.full.load(base::rlx);", "unit_depot", IN_DEPOT + "TakeIdleReturnsHalfOfWhatLayThereAtTwoCalls"),
    Mutation("all_idle_magazines_go_back", DEPOT_H, "(base::count(idle) + 1) / 2;", "base::count(idle);", "unit_depot",
             IN_DEPOT + "TakeIdleReturnsHalfOfWhatLayThereAtTwoCalls"),
    Mutation("the_newest_idle_magazine_goes_back_first", DEPOT_H, "take_from(s, c, blocks, End::lowest);",
             "take_from(s, c, blocks, End::highest);", "unit_depot", IN_DEPOT + "TakeIdleReturnsHalfOfWhatLayThereAtTwoCalls"),
    Mutation("magazines_are_returned_at_the_first_look", DEPOT, "return was && is && shard", "return (was || is) && shard",
             "unit_depot", IN_DEPOT + "PurgeIdleReturnsThePagesOfEmptyMagazinesOnce"),
    Mutation("full_magazines_count_as_idle", DEPOT, "const bool is = shard.full.load(rlx) == 0;", "const bool is = true;",
             "unit_depot", IN_DEPOT + "PurgeIdleReturnsThePagesOfEmptyMagazinesOnce",
             also=(("return was && is && shard.empty.cas(empty, 0, acq, rlx);",
                    "empty = shard.empty.load(rlx);\n    return was && is && shard.empty.cas(empty, 0, acq, rlx);"),)),
    Mutation("magazines_are_returned_again", DEPOT, "        class_[c].shards[s].used.store(0, rlx);\n", "", "unit_depot",
             IN_DEPOT + "PurgeIdleReturnsThePagesOfEmptyMagazinesOnce"),
    Mutation("returned_magazines_stay_owned", DEPOT, "shards[i].empty.fetch_or(valid(c), rel);",
             "shards[i].empty.fetch_or(0, rel);", "unit_depot", IN_DEPOT + "PurgeIdleReturnsThePagesOfEmptyMagazinesOnce"),
)

HANDLERS = (
    Mutation("a_query_returns_the_wrapper", SIGACTION,
             "    if (result == 0 && before != nullptr) before->sa_handler = unwrap(number, before->sa_handler);\n", "",
             SIGNALS, "signals.actions"),
    Mutation("signal_returns_the_wrapper", SIGACTION, "return is_handler(before) ? unwrap(number, before) : before;",
             "return before;", SIGNALS, "signals.actions"),
    Mutation("handlers_are_not_wrapped", SIGACTION,
             "    return cast<Plain>((informed ? kWrappers.informed : kWrappers.plain)[slot]);",
             "    return informed ? own : handler;", SIGNALS, "signals.actions"),
    Mutation("a_wrapper_changes_errno", SIGACTION, "    cache::leave_handler(code);\n    errno = before;",
             "    cache::leave_handler(code);\n    static_cast<void>(before);", SIGNALS, "signals.actions"),
    Mutation("the_seventeenth_handler_is_lost", SIGACTION, "if (slot == kSlots) return own;",
             "if (slot == kSlots) return nullptr;", SIGNALS, "signals.actions"),
    Mutation("a_handler_without_the_setting_is_wrapped", SIGACTION,
             "    if (!wanted()) return next(number, action, before);\n", "", SIGNALS, "signals.actions_unwrapped"),
)

RECORDS = (
    Mutation("a_record_of_two_calls_is_found", RECORDED, "if (check == record.check.load(rlx) && number < before)",
             "if ((check == record.check.load(rlx) || check != 0) && number < before)", "unit_cache",
             "unit_cache.RecordedStacks.ARecordOfTwoCallsIsNotFound"),
)

BUGS = ARENAS + DEPOTS + HANDLERS + RECORDS

"""Bugs of the MemoryManager that no schedule is needed for; the same table as in programs.py."""
from programs import Planted

BUFFER = "src/manager/buffer.cpp"
COLLECTOR = "src/manager/collector.cpp"
CYCLE = "src/manager/cycle.cpp"
GATE = "src/manager/gate.cpp"
GROWTH = "src/manager/growth.cpp"
LOCK = "src/manager/lock.cpp"
LOST = "src/manager/lost.hpp"
MANAGER_CPP = "src/manager/manager.cpp"
MANAGER_HPP = "src/manager/manager.hpp"
MOVES = "src/manager/moves.cpp"
NUMBERS = "src/manager/thread_numbers.cpp"
SMALL = "src/manager/small.cpp"
SMALL_INLINE = "src/manager/small_inline.hpp"

PARTS = "unit_small_threads.BufferTest.IsSearchedWhilePartsCome"
LEAVES = "manager_collector.LeavingInAPass.IsNotDroppedWhenItIsPinnedMeanwhile"

MANAGER = (
    Planted("a_waiter_goes_on_without_the_lock", LOCK, "        if (!word_->looks_taken() && word_->try_lock()) break;\n",
            "        if ((!word_->looks_taken() && word_->try_lock()) || waits > 2 * kWaits) break;\n", "unit_small_threads",
            "unit_small_threads.LockTest.KeepsOthersWaiting unit_small_threads.LockTest.TakenAgainIsOneThreadsAllTheSame"),
    Planted("who_has_waited_still_does", LOCK, "    waiting_.fetch_sub(1, base::rlx);\n", "", "unit_small_threads",
            "unit_small_threads.LockTest.IsWantedWhileSomebodyWaits"),
    Planted("anybody_may_take_the_lock_again", LOCK, "    if (again_.load(base::rlx) == &this_thread) {",
            "    if (again_.load(base::rlx) != nullptr) {", "unit_small_threads", "unit_small_threads.LockTest.TakenAgainIsOneThreadsAllTheSame"),
    Planted("a_growth_for_nothing_stays", GROWTH, "            if (grown) heap_.shrink(added);\n", "", "manager_blocks",
            "manager_blocks.Growth.IsUndoneWhereTheBlockCanNotBeHad"),
    Planted("room_that_a_callback_made_is_not_seen", GROWTH, "            return take(taker);\n", "            return false;\n", "manager_blocks",
            "manager_blocks.Growth.CallbackMayMakeRoomInstead"),
    Planted("a_callback_is_asked_beyond_the_limit", GROWTH, "if (needed == before || needed > limit_ - capacity) return false;",
            "if (needed == before) return false;", "manager_blocks", "manager_blocks.Growth.AsksForNothingBeyondTheLimit"),
    Planted("small_blocks_that_a_callback_freed_are_not_seen", GROWTH, "            reclaim(true);  // the callback", "            // the callback",
            "manager_blocks", "manager_blocks.Growth.CallbackMayFreeSmallBlocksInstead"),
    Planted("a_part_without_a_record_is_dropped", GROWTH, "if (!part.empty()) hand_back(buffer_.drop_last());",
            "if (!part.empty()) buffer_.drop_last();", "manager_blocks", "manager_blocks.Growth.LosesNoPartOfTheCallers"),
    Planted("trim_keeps_parts_to_itself", GROWTH, "    hand_back(part);\n    return lost;", "    return lost;", "manager_blocks",
            "manager_blocks.Growth.LosesNoPartOfTheCallers"),
    Planted("the_gate_waits_for_who_comes_later", GATE, "while (slot.guests[cycle ? 1 : 0].load(base::sc) != 0)",
            "while (slot.guests[cycle ? 1 : 0].load(base::sc) + slot.guests[cycle ? 0 : 1].load(base::sc) != 0)", "unit_small_threads",
            "unit_small_threads.GateTest.ClosesThoughSomebodyIsInsideAtEveryMoment"),
    Planted("the_gate_waits_for_no_guest", GATE, "        while (slot.guests[cycle ? 1 : 0].load(base::sc) != 0) sched_yield();\n",
            "        static_cast<void>(cycle);\n", "unit_small_threads", "unit_small_threads.GateTest.WaitsForWhoEnteredBefore"),
    Planted("the_gate_waits_for_no_owner", GATE, "        while (seen % 2 != 0 && slot.turns.load(base::acq) == seen) sched_yield();\n",
            "        static_cast<void>(seen);\n", "unit_small_threads", "unit_small_threads.GateTest.WaitsForWhoEnteredBefore"),
    Planted("numbers_of_threads_that_ended_are_gone", NUMBERS, "if (armed && number != 0) give_thread_number(number);",
            "static_cast<void>(number);", "unit_small_threads", "unit_small_threads.ThreadNumbers.OfThreadsThatEndedGoToNewOnes"),
    Planted("what_is_lost_twice_is_linked_twice", LOST, "if (ranges_[range] == 0) link(", "link(", "unit_small",
            "unit_small.LostTest.YieldsEachOnce"),
    Planted("what_finds_no_room_is_forgotten", LOST, "                if (most-- == 0) return;\n",
            "                if (most == 0) continue;\n                --most;\n", "unit_small", "unit_small.LostTest.YieldsEachOnce"),
    Planted("a_cycle_that_failed_leaves_what_it_lost", CYCLE, "while (forgotten < cycle.budget && lost_.forget_one()) ++forgotten;",
            "static_cast<void>(forgotten);", "manager_collector", "manager_collector.CollectorCost.NothingIsLeftOfACycleThatFailed"),
    Planted("E33_a_cycle_ends", CYCLE, "state_->turn.exchange(0, base::ar);", "state_->turn.exchange(0, base::acq);", "manager_collector",
            "manager_collector.CollectorThreads.CyclesTakeTurns", preset="tsan"),
    Planted("E33_the_next_one_begins", CYCLE, "state_->turn.exchange(1, base::ar) != 0", "state_->turn.exchange(1, base::rel) != 0",
            "manager_collector", "manager_collector.CollectorThreads.CyclesTakeTurns", preset="tsan"),
    Planted("E36_a_part_comes", BUFFER, "parts_.store(index + 1, base::rel);", "parts_.store(index + 1, base::rlx);", "unit_small_threads", PARTS,
            preset="tsan"),
    Planted("E36_parts_by_offset", BUFFER, "high = parts_.load(base::acq);", "high = parts_.load(base::rlx);", "unit_small_threads", PARTS,
            preset="tsan"),
    Planted("E36_parts_by_address", BUFFER, "count = parts_.load(base::acq);", "count = parts_.load(base::rlx);", "unit_small_threads", PARTS,
            preset="tsan"),
    Planted("a_dropped_block_is_looked_at_in_one_go", MOVES, "leaving(range.start, range.asked, so_far)) return false;",
            "leaving(range.start, range.asked, so_far)) return settle(place, outcome, so_far, done);", "manager_collector", LEAVES),
    Planted("pieces_of_an_earlier_cycle_count", COLLECTOR, "    if (so_far.cycle != cycle) so_far = {0, cycle};\n", "    so_far.cycle = cycle;\n",
            "manager_collector", "manager_collector.LeavingTwoCycles.IsLookedAtAnewInTheSecond"),
    Planted("one_thread_gets_slabs_unasked", MANAGER_CPP, "many ? kMostSmall : 0;", "kMostSmall;", "manager_blocks fuzz_manager_replay",
            "manager_blocks.SmallLimit.IsByThreadsWhereNoneIsNamed fuzz.manager_replay"),
    Planted("one_thread_gets_no_slabs", MANAGER_CPP, "Shape::of(limit_, options_.small_limit,", "Shape::of(limit_, many ? options_.small_limit : 0,",
            "manager_blocks", "manager_blocks.SmallLimit.IsByThreadsWhereNoneIsNamed"),
    Planted("one_thread_leaves_the_tag", SMALL_INLINE, "    tag.store(0, base::rlx);\n", "", "unit_small manager_model",
            "unit_small.SmallMisuse.ChangesNothing/Alone* manager_model.Policies/Model.SlabsInAMebibyte/Tlsf*"),
    Planted("one_thread_frees_inner_offsets", SMALL_INLINE, "at.within != 0 || ", "", "unit_small", "unit_small.SmallMisuse.ChangesNothing/Alone*"),
    Planted("one_thread_fills_its_cache_beyond_its_end", SMALL_INLINE, " || cached == cached_[at.c]) return false;", ") return false;", "unit_small",
            "unit_small.SmallSlabs.OneEmptySlabOfAClassIsKept/Alone*"),
    Planted("one_thread_does_not_count", SMALL_INLINE, "    note(*alone_, 1, size);\n", "", "unit_small manager_model",
            "unit_small.SmallSlabs.TheStateHoldsNoAddresses/Alone* manager_model.Policies/Model.SlabsInAMebibyte/Tlsf*"),
    Planted("one_thread_keeps_notes_of_what_it_frees", MANAGER_HPP, " && !notes_.any() && small_.give_alone(offset);", " && small_.give_alone(offset);",
            "manager_blocks manager_model", "manager_blocks.Threads/Blocks.HaveNamesAndUserData/OneSlabs* manager_model.Policies/Model.SlabsInAMebibyte/Tlsf*"),
    Planted("one_thread_does_not_tell_the_collector", MANAGER_HPP, "small_.alone() && !collector_.gate().runs() && ", "small_.alone() && ",
            "manager_collector", "manager_collector.Modes/CollectorMutation.NothingThatCouldBeReachedIsFreed/OneSlabs*"),
    Planted("one_thread_s_cache_is_not_emptied", SMALL, "    for (std::uint32_t i = 0; i <= shards_mask_; ++i) {\n        Shard& shard",
            "    for (std::uint32_t i = 0; !alone() && i <= shards_mask_; ++i) {\n        Shard& shard", "unit_small manager_blocks",
            "unit_small.SmallSlabs.OneEmptySlabOfAClassIsKept/Alone* manager_blocks.Threads/SecondTry.OfAGivenPlace/OneSlabs*"),
    Planted("one_thread_has_a_cache_by_its_number", SMALL, "shards_mask_ = shared ? kShards - 1 : 0;", "shards_mask_ = kShards - 1;", "manager_blocks",
            "manager_blocks.OneThread.MayBeAnotherOneLater", also=(("shape.shift != 0 && !shared ? shards_ : nullptr;", "nullptr;"),)),
)

"""Mutations of the level paranoid that need no schedule; the same table as in programs.py."""
from programs import Mutation

CLEAR = "src/malloc/checks/clear.cpp"
CLEAR_INLINE = "src/malloc/checks/clear.hpp"
GUARDS = "src/core/spans/spans_guards.cpp"
QUARANTINE = "src/malloc/cache/quarantine.hpp"
CACHE = "src/malloc/cache/quarantine_inline.hpp"
COLLECT = "src/malloc/cache/cache_collect.cpp"
MAPPED = "src/malloc/process/mapped_blocks.cpp"
PROCESS = "src/malloc/process/process.cpp"
ZERO = "src/malloc/process/zero_blocks.cpp"
HEAP = "src/malloc/heap/heap.cpp"
UNIT = "unit_checks"
KINDS = "ashlar misuse_kinds"

BUGS = (
    Mutation("freed_blocks_keep_their_bytes", CLEAR, "    std::memset(block, 0, usable);\n",
            "    std::memset(block, 0, usable < 256 ? usable : 256);\n", UNIT, "unit_checks.Paranoid.FreeBlocksAreZero"),
    Mutation("only_the_first_bytes_are_compared", CLEAR,
            "usable <= base::kMaxSmall ? usable : kMostFilled", "usable <= kMostFilled ? usable : kMostFilled", UNIT,
            "unit_checks.Paranoid.TellsAWriteToAnyByteOfAFreeBlock"),
    Mutation("the_rest_is_not_compared", CLEAR_INLINE, "    if (slack <= kCanary) return;\n", "    if (slack != 0) return;\n",
            UNIT, "unit_checks.Paranoid.TellsAWriteFarBehindTheEnd"),
    Mutation("what_is_given_up_stays", CLEAR, "    if (from < old_end) std::memset", "    if (from > old_end) std::memset",
            UNIT, "unit_checks.Paranoid.WhatAResizeGivesUpIsZero"),
    Mutation("a_canary_has_no_room", CLEAR, "size + kRoom : size", "size : size", KINDS, "misuse.kinds.over_1"),
    Mutation("the_guard_is_open", GUARDS, "units + (guard ? 0U : 1U)", "units + 1U", UNIT,
            "unit_checks.Paranoid.SlabsHaveGuards"),
    Mutation("free_units_stay_open", GUARDS, "    if (few && region::forbid(", "    if (!few && region::forbid(", UNIT,
            "unit_checks.Paranoid.RunsHaveGuardsAndFreeUnitsAreClosed"),
    Mutation("the_end_of_a_run_keeps_its_bytes", GUARDS, "    if (!region_.purge(end, from - to))",
            "    if (from < to)", UNIT, "unit_checks.Paranoid.TheGuardFollowsTheEndOfARun"),
    Mutation("tables_lie_side_by_side", HEAP, "region::table_grain(units), guarded ? kUnitSize : 0)",
            "region::table_grain(units), 0)", UNIT, "unit_checks.ParanoidHeap.TablesLieBetweenGaps"),
    Mutation("the_quarantine_has_no_bound", QUARANTINE, "(weight_ > kMost && count_ != 0)", "weight_ == 0", UNIT,
            "unit_checks.QuarantineTest.KeepsBlocksUpToItsBoundAndEachOnce"),
    Mutation("blocks_leave_in_order", QUARANTINE, "slots_[random(kSlots)]", "slots_[0]", UNIT,
            "unit_checks.QuarantineTest.BlocksLeaveInAnotherOrder"),
    Mutation("blocks_that_leave_are_not_compared", CACHE,
            "            check(leaving, its);\n", "            static_cast<void>(check);\n", KINDS,
            "misuse.kinds.write_after_free_no_reuse"),
    Mutation("a_hit_takes_the_newest_block", CACHE,
            "at + quarantine->random(static_cast<std::uint32_t>(newest - at) + 1)", "newest", KINDS,
            "misuse.kinds.places_are_random"),
    Mutation("freed_blocks_do_not_wait", PROCESS, "        if (own->quarantine != nullptr) return detain",
            "        if (own == nullptr) return detain", KINDS, "misuse.kinds.write_after_free_of_large"),
    Mutation("a_thread_that_frees_is_idle", COLLECT, "quarantine != nullptr ? quarantine->count_in() : 0", "0", UNIT,
            "unit_checks.ParanoidCache.AThreadThatOnlyFreesIsNotIdle"),
    Mutation("a_batch_takes_the_newest_blocks", "src/malloc/cache/cache.cpp",
            "    if (quarantine != nullptr) return take_random_batch(bin, out, n);\n", "", UNIT,
            "unit_checks.ParanoidCache.BlocksOfABatchHaveRandomPlaces"),
    Mutation("mapped_blocks_have_no_guards", PROCESS, "    if (paranoid()) mapped_blocks.set_guarded();\n", "", KINDS,
            "misuse.kinds.under_1_of_mapped"),
    Mutation("a_block_of_size_0_is_freed_twice", ZERO, "fetch_and(~bit, rlx) & bit) == 0",
            "fetch_and(~bit, rlx) & bit) > bit", UNIT, "unit_checks.ZeroBlocksTest.TellTheSecondOfTwoFreesAndPointersInside"),
)

"""Mutations of guarded blocks that need no schedule; the same table as in programs.py."""
from programs import Mutation

BLOCKS = "src/malloc/guards/guarded_blocks.cpp"
RECORD = "src/malloc/guards/guard_record.cpp"
HANDLER = "src/malloc/guards/fault_handler.cpp"
REGION = "src/core/region/region.cpp"
ENTRY = "src/malloc/api/entry.cpp"

TEST = "unit_guards.GuardedBlocksTest."
REPORT = "unit_guards.GuardReport."

BUGS = (
    Mutation("a_freed_page_stays_accessible", REGION, "mprotect(start, bytes, PROT_NONE) == 0", "bytes != 0", "unit_guards",
             REPORT + "SaysThatABlockWasFreed"),
    Mutation("bytes_behind_are_not_compared", BLOCKS, "for (std::uintptr_t byte = block + size; byte < end; ++byte)",
             "for (std::uintptr_t byte = end - size * 0; byte < end; ++byte)", "unit_guards",
             REPORT + "EndsTheProgramOverBytesThatWereOverwritten"),
    Mutation("bytes_before_are_not_compared", BLOCKS, "for (std::uintptr_t byte = block; byte-- > start;)",
             "for (std::uintptr_t byte = start; byte-- > start;)", "unit_guards",
             REPORT + "EndsTheProgramOverBytesThatWereOverwritten"),
    Mutation("a_second_free_is_accepted", BLOCKS, "    if (seen.kind() != PageState::live || record.block() != start ||",
             "    if (record.block() != start ||", "unit_guards", REPORT + "EndsTheProgramOverASecondFree"),
    Mutation("all_guarded_pages_are_used", BLOCKS, "pages_ / 4 * 3) {", "pages_) {", "unit_guards",
             TEST + "TakeLeavesAQuarterOfThePagesForFreedBlocks"),
    Mutation("the_newest_freed_page_is_reused", BLOCKS, "found.word >= least.word) continue;",
             "(best != kNone && found.word <= least.word)) continue;", "unit_guards",
             TEST + "TakeReusesThePageThatWasFreedFirst"),
    Mutation("a_copy_of_two_blocks_counts_as_whole", RECORD, "state().word == copy.state.word &&", "true &&", "unit_guards",
             "unit_guards.GuardRecord.CopyIsWholeOnlyIfItIsOfOneBlock"),
    Mutation("samples_come_at_fixed_distances", BLOCKS, "left = 1 + next() % (2 * every - 1);", "left = every;", "unit_guards",
             "unit_guards.GuardedBlocks.SampleTakesOneBlockInNMisses"),
    Mutation("faults_elsewhere_are_reported", HANDLER, "!is_fault || !guarded_blocks.contains(info->si_addr)", "!is_fault",
             "unit_guards", REPORT + "OtherFaultsReachTheHandlerBefore"),
    Mutation("a_signal_that_was_sent_is_lost", HANDLER, "    if (!is_fault) raise(signal);\n",
             "    static_cast<void>(is_fault);\n", "unit_guards", REPORT + "OtherFaultsHaveTheSystemsEffect"),
    Mutation("realloc_leaves_a_guarded_block", ENTRY, "size >= before / 2 && !guarded)", "size >= before / 2 + 0 * guarded)",
             "ashlar situation_guards", "situations.guards"),
)

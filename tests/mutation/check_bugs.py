"""Mutations of the levels of checks that need no schedule; the same table as in programs.py."""
from programs import ENTRY, Mutation

CHECKS = "src/malloc/checks/checks.cpp"
HOT = "src/malloc/checks/checks_inline.hpp"
UPKEEP = "src/malloc/process/process_upkeep.cpp"
PATTERN = "src/malloc/checks/pattern.hpp"
STATES = "src/core/arena/block_states.hpp"
ARENA = "src/core/arena/arena.cpp"
ARENA_PURGE = "src/core/arena/arena_purge.cpp"
BACK_END = "src/malloc/cache/back_end.cpp"
PROCESS_CHECKS = "src/malloc/process/process_checks.cpp"
SETTINGS = "src/malloc/settings/settings.cpp"
UNIT = "unit_checks"
AT_EXIT = "ashlar misuse_at_exit"

BUGS = (
    Mutation("a_wrong_size_is_believed", ENTRY,
            "    if (!is_right && cache::level_of(block) != cache::CheckLevel::off)\n"
            "        base::report_wrong_size(block, usable, size);\n",
            "    if (usable == 0 && !is_right) return;\n", "ashlar misuse",
            "misuse.delete_as_larger.8 misuse.delete_aligned_as_larger.262144"),
    Mutation("malloc_sets_no_errno", ENTRY,
            "    void* block = miss_or_null(size);\n    if (block == nullptr) [[unlikely]]\n        errno = ENOMEM;\n",
            "    void* block = miss_or_null(size);\n", "ashlar situation_limits", "situations.ulimit_400000"),
    Mutation("a_second_free_is_not_told", STATES, "if (!is_live(before) ||", "if (", UNIT,
            "unit_checks.Full.TellsTheSecondOfTwoFrees"),
    Mutation("a_size_of_the_same_class_is_believed", HOT, "size != kAnySize && size != usable - slack",
            "size != kAnySize && size > usable", UNIT, "unit_checks.Full.TellsEachWrongSize"),
    Mutation("the_canary_has_no_address", HOT, "secret_ ^ reinterpret_cast<std::uintptr_t>(block)",
            "secret_ ^ (block == nullptr ? 1U : 0U)", UNIT, "unit_checks.Full.CanariesOfBlocksDiffer"),
    Mutation("the_canary_is_a_byte_too_short", PATTERN, "i = sizeof(Pair); i < window", "i = sizeof(Pair) + 1; i < window",
            UNIT, "unit_checks.Full.TellsAWriteToAnyByteOfTheCanary"),
    Mutation("the_canary_covers_bytes_of_the_program", PATTERN, "canary_(slack - rest_)", "canary_(kMost)",
            UNIT, "unit_checks.Full.KnowsTheSizeThatWasAskedFor"),
    Mutation("the_pattern_is_not_compared", HOT,
            "} else if (filled) {", "} else if (filled && usable == 0) {", UNIT,
            "unit_checks.Full.TellsAWriteToAnyFilledByteOfAFreeBlock"),
    Mutation("zero_pages_are_not_compared", CHECKS,
            "if (zero) check_zero(block, base::kG", "if (zero && size == 0) check_zero(block, base::kG",
            UNIT, "unit_checks.Full.TellsAWriteToPagesThatAreKnownToBeZero"),
    Mutation("live_blocks_are_not_compared_at_exit", CHECKS, "                check_canary(block, spot.usable, slack);\n", "",
            UNIT, "unit_checks.Full.ComparesTheCanariesOfAllLiveBlocks"),
    Mutation("free_blocks_are_not_compared_at_exit", CHECKS, "} else if (bin != 0 && now != 0) {",
            "} else if (bin != 0 && now == 0) {",
            UNIT, "unit_checks.Full.ComparesTheFreeBlocksThatItKnows"),
    Mutation("runs_in_caches_are_compared_at_exit", CHECKS, "} else if (bin != 0 && paranoid()) {",
            "} else if (now != 0 && paranoid()) {",
            UNIT, "unit_checks.Paranoid.ComparesNoRunThatIsInACache"),
    Mutation("blocks_are_compared_beside_other_threads", UPKEEP,
            " || background.runs()) return;\n    if (may_be_a_handler() || !heap->has_one_user(own_cache())) return;\n",
            ") return;\n    if (may_be_a_handler()) return;\n",
            AT_EXIT, "misuse.at_exit.paranoid.one_that_runs"),
    Mutation("blocks_are_compared_in_handlers", UPKEEP, "sigisemptyset(&blocked) == 0", "sigisemptyset(&blocked) == 2",
            AT_EXIT, "misuse.at_exit.full.in_handler"),
    Mutation("the_first_block_of_a_run_stays_known", BACK_END,
            "if (arena.states().on() && spans.state", "if (unit == 0 && spans.state",
            UNIT, "unit_checks.Full.StatesOfUnitsThatChangeTheirUseAreForgotten"),
    Mutation("new_slabs_keep_old_states", ARENA,
            "    if (states_.on()) states_.clear(c, offset,", "    if (offset == 0) states_.clear(c, offset,",
            UNIT, "unit_checks.Full.StatesOfUnitsThatChangeTheirUseAreForgotten"),
    Mutation("purged_blocks_stay_known", ARENA_PURGE, "        if (states_.on()) clear_states(",
            "        if (bytes == 1) clear_states(",
            UNIT, "unit_checks.Full.PurgedBlocksAreNotCompared"),
    Mutation("entries_of_blocks_overlap", STATES, "reinterpret_cast<Half&>(bytes_[offset / base::kMinAlignment])",
            "reinterpret_cast<Half&>(bytes_[offset / base::kUnitSize])", UNIT,
            "unit_checks.Full.TellsTheSecondOfTwoFrees"),
    Mutation("the_cache_stays_in_sight", "src/malloc/process/handlers.cpp",
            "tls_cache = recorded || checked ? static_cast<ThreadCache*>(&kPastCache) : cache;", "tls_cache = cache;", UNIT,
            "unit_checks.ProcessChecks.TheThreadsCacheIsHidden"),
    Mutation("a_realloc_that_fails_forgets_the_size", ENTRY,
            "        static_cast<void>(cache::resize_checked(block, before.asked));\n", "", UNIT,
            "unit_checks.ProcessChecks.AReallocThatFailsLeavesTheBlock"),
    Mutation("mapped_blocks_have_no_size", PROCESS_CHECKS, "        mapped_blocks.set_asked(found.block, size);\n",
            "        mapped_blocks.set_asked(found.block, 0);\n", UNIT,
            "unit_checks.ProcessChecks.UsableSizeIsWhatWasAskedFor"),
    Mutation("a_guarded_block_fails_to_shrink", ENTRY,
            "(cache::resize_checked(block, size) || cache::keep_guarded(block))", "cache::resize_checked(block, size)",
            UNIT, "unit_checks.ProcessChecks.ReallocOfAGuardedBlockToLessNeverFails"),
    Mutation("setuid_programs_may_check_less", SETTINGS, "if (wish.check > settings.check)",
            "if (wish.check != settings.check)", "unit_settings",
            "unit_settings.Settings.SetuidProgramsMayOnlyHaveMoreChecks"),
    # Programs that run at the levels, and a lock that the samples of the freezing test meet there.
    Mutation("the_canary_is_compared_with_another", HOT, "tail.is_changed(canary(block))", "tail.is_changed(canary(block) ^ 1)",
            "ashlar situation_exercise situation_fork_storm situation_libc_blocks "
            "situation_spawn situation_own_limits situation_limits", "situations.full_exercise situations.full_fork_storm "
            "situations.full_libc_blocks situations.full_spawn situations.full_own_limits situations.full_ulimit "
            "situations.paranoid_exercise situations.paranoid_fork_storm situations.paranoid_libc_blocks "
            "situations.paranoid_spawn situations.paranoid_own_limits situations.paranoid_ulimit"),
    Mutation("a_lock_around_the_checks", HOT,
            "        check_filled(block, usable);\n    }\n    put_canary(block, usable, slack);\n",
            "        check_filled(block, usable);\n    }\n"
            "    static constinit base::Atomic<std::uint32_t> turn{};\n    while (turn.exchange(1, base::acq) != 0) {\n    }\n"
            "    put_canary(block, usable, slack);\n    turn.store(0, base::rel);\n", "ashlar freeze freeze_worker",
            "progress.freeze_full progress.freeze_paranoid"),
    Mutation("a_lock_around_the_refill", "src/malloc/cache/cache.cpp",
            "Allocation Cache::refill(Bin bin, bool zeroed) noexcept {\n",
            "Allocation Cache::refill(Bin bin, bool zeroed) noexcept {\n"
            "    static constinit base::Atomic<std::uint32_t> turn{};\n    struct Turn {\n        Turn() noexcept {\n"
            "            while (turn.exchange(1, base::acq) != 0) {\n            }\n        }\n"
            "        ~Turn() { turn.store(0, base::rel); }\n    } const held;\n", "ashlar freeze freeze_worker",
            "progress.freeze"),
)

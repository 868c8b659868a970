"""Mutations of reports and stacks that need no schedule; the same table as in programs.py."""
from programs import Mutation

REPORT = "src/malloc/process/fault_report.cpp"
PLACE = "src/malloc/process/fault_place.cpp"
NEAREST = "src/malloc/inspect/block_lookup_nearest.cpp"
QUIET = "src/base/quiet_writes.cpp"
STACKS = "src/malloc/process/recorded_stacks.cpp"
THREAD = "src/malloc/process/process_thread.cpp"
LOOKUP = "src/malloc/inspect/block_lookup.cpp"
TABLE = "src/malloc/settings/table.cpp"
PEEK = "src/base/peek.cpp"
STACK = "src/base/stack.cpp"
RULES = "src/base/frame_rules.cpp"
MAPS = "src/base/proc_maps.cpp"

BUGS = (
    Mutation("a_report_that_faults_faults_again", REPORT, "    const FaultGuard guard;\n", "", "ashlar reports",
            "misuse.report.with_a_fault_in_the_report"),
    Mutation("a_handler_is_called_again_by_itself", REPORT, "(handled_at != 0 && here < handled_at)", "here == 0",
            "ashlar reports", "misuse.report.with_a_handler_that_frees_twice"),
    Mutation("a_handler_runs_in_the_turn", REPORT, "        turn.give();\n    }\n    handle(", "    }\n    handle(",
            "ashlar reports", "misuse.report.with_a_handler_that_jumps"),
    Mutation("a_blocked_signal_ends_nothing", REPORT, "    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);\n    static",
            "    static",
            "ashlar reports", "misuse.report.ends_by_a_signal"),
    Mutation("the_programs_action_of_a_signal_stays", REPORT, "    sigaction(number, &standard, nullptr);\n",
            "    sigaction(number, nullptr, &standard);\n",
            "ashlar reports", "misuse.report.ends_by_a_signal"),
    Mutation("the_file_has_no_line", REPORT, "bool whole = line.text(report.line).write(file);", "bool whole = true;",
            "ashlar reports", "misuse.report.line_in_a_file"),
    Mutation("a_full_file_ends_a_report", REPORT, "        if (whole) return;\n", "        return;\n", "ashlar reports",
            "misuse.report.on_a_full_file_system"),
    Mutation("only_the_line_is_looked_at_in_a_file", REPORT, "whole = whole && print_rest(file, wish, report, stack);",
            "print_rest(file, wish, report, stack);", "ashlar reports", "misuse.report.in_a_file_that_gets_full"),
    Mutation("writes_raise_signals", QUIET, "    pthread_sigmask(SIG_BLOCK, &both, &before_);",
            "    pthread_sigmask(SIG_BLOCK, nullptr, &before_);", "ashlar reports",
            "misuse.report.on_a_pipe_that_nobody_reads misuse.report.in_a_file_that_gets_full"),
    Mutation("a_signal_that_waited_is_lost", QUIET, "        if (sigismember(&waiting_, number) == 1) continue;\n", "",
            "unit_base", "unit_base.QuietWrites.KeepASignalThatWaitedBefore"),
    Mutation("reports_of_two_threads_mix", REPORT, "if (thread_.cas(found, own, acq, rlx)) return true;",
            "if (thread_.cas(found, own, acq, rlx) || found != own) return true;", "ashlar reports",
            "misuse.report.of_two_threads_in_a_file"),
    Mutation("a_reported_signal_keeps_its_own_end", REPORT, "report.context != nullptr && goes_on)",
            "report.context != nullptr && (goes_on || true))", "ashlar reports",
            "misuse.report.sampled_fault_exits misuse.report.sampled_fault_aborts"),
    Mutation("more_is_left_out", REPORT, "bool whole = report.more == nullptr || report.more(descriptor, report.subject);",
            "bool whole = true;", "ashlar reports", "misuse.report.sampled_on_stderr"),
    Mutation("private_heaps_record_no_frees", "src/malloc/api/heap.cpp",
            "        cache::recorded_stacks.add(cache::BlockCall::free, block);", "        static_cast<void>(block);",
            "ashlar reports", "misuse.report.of_a_private_heap"),
    Mutation("the_nearest_block_is_the_one_behind", NEAREST, "out = is_nearer ? before : after;",
            "out = is_nearer && !has_after ? before : after;", "unit_inspect",
            "unit_inspect.BlockLookupTest.NearestFindsTheNearerOfTwoRuns"),
    Mutation("free_blocks_use_up_the_tries", NEAREST, "if (is_free || (start", "if ((is_free && false) || (start", "unit_inspect",
            "unit_inspect.BlockLookupTest.NearestPassesFreeBlocksOfASlab"),
    Mutation("unused_ranges_are_in_no_heap", PLACE, "< region.end) return heap;", "< 1) return heap;", "ashlar reports",
            "misuse.report.behind_a_run"),
    Mutation("a_name_that_libc_lacks_fails", "src/malloc/api/sigaction.cpp",
            "return found != nullptr ? found : find_sigaction();", "return found;", "ashlar signal_lacking",
            "signals.lacking"),
    Mutation("sigset_forgets_that_a_signal_was_blocked", "src/malloc/api/signal_fallback.cpp",
            "sigismember(&mask, number) == 1 ? SIG_HOLD : before;", "before;", "ashlar signal_lacking", "signals.lacking"),
    Mutation("handlers_and_arguments_mix", REPORT, "    fault_handler = handler;\n    turn.give();",
            "    turn.give();\n    fault_handler.call = handler.call;\n    sleep_briefly();\n"
            "    fault_handler.user = handler.user;",
            "unit_reports", "unit_reports.FaultReport.HandlersComeWithTheirOwnArguments"),
    Mutation("a_garbled_description_is_believed", PLACE,
            "        if (described) tables.lookup",
            "        tables.lookup",
            "ashlar reports",
            "misuse.report.with_garbled_tables misuse.report.in_a_signal_handler_with_garbled_tables"),
    Mutation("recorded_calls_hit_the_cache", "src/malloc/process/handlers.cpp",
            "cache->heap != nullptr && recorded_stacks.on();", "cache->heap == nullptr;", "ashlar reports",
            "misuse.report.with_stacks"),
    Mutation("the_oldest_record_is_found", STACKS, "records[(calls - i) % size_]", "records[(calls + i + 1) % size_]",
            "unit_cache", "unit_cache.RecordedStacks.FindsTheLatestCallOfAKind"),
    Mutation("a_class_that_is_none_is_believed", LOOKUP, "    if (value == 0 || value >= base::kClasses) {",
            "    if (value == 0) {", "unit_inspect", "unit_inspect.BlockLookupTest.SaysThatTablesAreDamaged"),
    Mutation("ends_of_slabs_are_blocks", LOOKUP, "    out.has_block = which < g.blocks;", "    out.has_block = true;",
            "unit_inspect", "unit_inspect.BlockLookupTest.FindsTheEndsOfASlab"),
    Mutation("any_exit_status_is_accepted", TABLE, "kMostStatus = 255", "kMostStatus = 1000",
            "unit_settings", "unit_settings.Settings.ReadTakesTheSettingsOfReports"),
    Mutation("every_page_is_readable", PEEK, "    return !faults;", "    return !faults || address != 0;", "unit_base",
            "unit_base.Peek.FailsAtPagesThatCannotBeRead unit_base.CaptureStackDeathTest.SurvivesFramesThatWereOverwritten"),
    Mutation("a_return_address_is_in_the_next_row", STACK, "frame.exact ? frame.code : frame.code - 1", "frame.code",
            "unit_base", "unit_base.CaptureStack.AgreesWithTheUnwinderOfExceptions"),
    Mutation("rows_are_not_remembered", RULES, "        row_ = kept_[--remembered_];", "        --remembered_;", "unit_base",
            "unit_base.CaptureStack.AgreesWithTheUnwinderOfExceptions"),
    Mutation("expressions_are_not_evaluated", RULES,
            "case 0x0f: row_.expression = static_cast<std::uintptr_t>(block(in)); return true;",
            "case 0x0f: block(in); return true;", "unit_base",
            "unit_base.CaptureStack.AgreesWithTheUnwinderOfExceptions"),
    Mutation("the_offset_of_a_mapping_is_lost", MAPS, "    out.offset = read_number(at, 16);", "    out.offset = 0;",
            "unit_base",
            "unit_base.PrintStack.NamesTheFileAndTheOffsetOfTheCall"),
)

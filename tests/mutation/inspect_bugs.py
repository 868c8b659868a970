"""Mutations of metrics and of `ashlar top` that need no schedule; the same table as in programs.py."""
from programs import Mutation

METRICS = "src/malloc/inspect/metrics.cpp"
READER = "src/malloc/inspect/heap_reader.cpp"
PROCESSES = "src/command/processes.cpp"
TERMINAL = "src/command/terminal.cpp"
TABLE = "src/command/top_table.cpp"

COMMAND = "ashlar ashlar_command command_report_user"

BUGS = (
    Mutation("counters_end_with_a_private_heap", METRICS, "return result.lasting.misses", "return result.counts.misses",
            "unit_inspect", "unit_inspect.Metrics.CountersDoNotGoDownWithAPrivateHeap"),
    Mutation("misses_of_an_ending_thread_count_twice", READER,
            "        if (std::memcmp(before, past, sizeof past) == 0) return;", "        return;", "unit_inspect",
            "unit_inspect.Metrics.CountMissesOfAThreadThatEndsMeanwhileOnce"),
    Mutation("labels_are_not_escaped", METRICS, "        if (c == '\"' || c == '\\\\') out_.text(\"\\\\\");\n", "", COMMAND,
            "command.metrics"),
    Mutation("a_zombie_counts_as_a_process", PROCESSES, "field == \"Z\" || field == \"X\"", "field == \"X\"", COMMAND,
            "command.top"),
    Mutation("a_signal_leaves_the_terminal_raw", TERMINAL, "    leave();\n    if (number == SIGTSTP) {",
            "    if (number == SIGTSTP) {\n        leave();", COMMAND, "command.top"),
    Mutation("names_of_processes_command_the_terminal", TABLE, "if (each < ' ' || each > '~')", "if (each > '~')", COMMAND,
            "command.top"),
)

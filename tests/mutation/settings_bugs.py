"""Mutations of settings, limits and the doctor that need no schedule; the same table as in programs.py."""
from programs import Mutation

SETTINGS = "src/malloc/settings/settings.cpp"
TABLE = "src/malloc/settings/table.cpp"
DOCTOR = "src/command/doctor.cpp"
LINKER = "src/command/linker.cpp"
OBJECTS = "src/command/objects.cpp"
LIMITS = "src/malloc/process/limits.cpp"
INITIAL = "src/malloc/settings/initial_environment.cpp"
MACHINE = "src/malloc/settings/machine.cpp"
PROCESS = "src/malloc/process/process.cpp"
SPANS_LARGE = "src/core/spans/spans_large.cpp"

EVERY_SIZE = "unit_limits.LimitsTest.AllocationsOfEverySizeFailAtTheHardLimitAndGoOnBelowIt"

BUGS = (
    Mutation("setuid_programs_obey_the_environment", SETTINGS, "getauxval(AT_SECURE) == 0", "getauxval(AT_SECURE) < 2",
            "ashlar situation_linked", "situations.setuid"),
    Mutation("a_fault_of_the_environment_is_not_reported", SETTINGS, "first ? print : keep_quiet", "first ? keep_quiet : print",
            "ashlar situation_exercise situation_linked", "situations.settings"),
    Mutation("an_empty_setting_is_read", TABLE, "equals == nullptr || equals[1] == '\\0'", "equals == nullptr", "unit_settings",
            "unit_settings.Settings.ReadGivesDefaultsWithoutVariables"),
    Mutation("the_farthest_name_is_proposed", TABLE, "edits >= least) continue;", "edits <= least) continue;", "unit_settings",
            "unit_settings.Settings.NearestHasTheLeastEditDistance"),
    Mutation("refused_units_are_lost", SPANS_LARGE, "    release(run.start, units);\n    return {kNoUnit",
            "    return {kNoUnit", "unit_limits", EVERY_SIZE),
    Mutation("refused_units_stay_counted", SPANS_LARGE,
            "    held_.fetch_sub(units, rlx);  // relaxed, both: counters\n    dirty", "    dirty", "unit_limits", EVERY_SIZE),
    Mutation("a_refusal_makes_further_heaps", PROCESS, "    if (limits.refusals() != refusals) return",
            "    if (limits.refusals() == refusals + 1000000) return", "unit_limits", EVERY_SIZE),
    Mutation("mappings_have_no_limit", LIMITS, "    if (hard != 0 && bytes > hard) {",
            "    if (bytes > 100) return true;\n    if (hard != 0 && bytes > hard) {",
            "unit_limits", "unit_limits.LimitsTest.ResizeKeepsToTheHardLimit"),
    Mutation("relief_has_no_pause", LIMITS, "    if (now < seen) return false;\n", "", "unit_limits_edge",
            "unit_limits_edge.LimitsEdge.CostsAtMostTenCallsPerMillionOperations"),
    Mutation("nobody_is_relieved_above_the_soft_limit", LIMITS, "detour.fetch_or(kRelief, rlx)", "detour.fetch_or(0, rlx)",
            "unit_limits", "unit_limits.LimitsTest.FreeMemoryGoesBackAtOnceAboveTheSoftLimit"),
    Mutation("mapped_blocks_relieve_nobody", PROCESS, "    limits.relieve_above_soft();\n    return {block, true};",
            "    return {block, true};",
            "unit_limits", "unit_limits.LimitsTest.MappedBlocksAboveTheSoftLimitRelieveTheProcess"),
    Mutation("nothing_goes_back_before_a_failure", PROCESS, "    if (!limits.relieve_at_hard()) return",
            "    if (request.size > 0) return", "unit_limits",
            "unit_limits.LimitsTest.FreeMemoryGoesBackBeforeAnAllocationFails"),
    Mutation("limits_of_groups_above_do_not_count", MACHINE, "length != 0; --length) {", "length != 0; length = 0) {",
            "unit_settings", "unit_settings.MachineTest.LimitOfVersion2IsTheLeastUpToTheRoot"),
    Mutation("the_doctor_looks_preloaded_libraries_up_last", OBJECTS,
            "    for (const std::string& word : preloaded) take(word);\n",
            "    for (const std::string& word : preloaded) if (word.empty()) take(word);\n", "ashlar_command",
            "command.doctor"),
    Mutation("the_doctor_sees_no_static_program", DOCTOR, "subject.objects.front().interpreter.empty()",
            "subject.objects.empty()", "ashlar_command", "command.doctor"),
    Mutation("the_doctor_runs_the_program", LINKER, "linker.c_str(), \"--list\", program", "linker.c_str(), program",
            "ashlar_command", "command.doctor"),
    Mutation("the_environment_before_libc_is_empty", INITIAL, "environ != nullptr || libc_is_ready()",
            "environ != nullptr || libc_is_ready() || true", "ashlar situation_resolver situation_resolver_library",
            "situations.resolver"),
    Mutation("a_removed_environment_comes_back", INITIAL, "environ != nullptr || libc_is_ready()",
            "environ != nullptr || (libc_is_ready() && false)", "unit_settings",
            "unit_settings.Settings.EnvironmentIsReadLaterIfThereIsNoneYet"),
)

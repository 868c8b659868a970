"""Mutations of settings and limits that need no schedule; the same table as in programs.py."""
from programs import Mutation

SETTINGS = "src/malloc/settings/settings.cpp"
TABLE = "src/malloc/settings/table.cpp"

BUGS = (
    Mutation("setuid_programs_obey_the_environment", SETTINGS, "getauxval(AT_SECURE) == 0", "getauxval(AT_SECURE) < 2",
            "ashlar situation_linked", "situations.setuid"),
    Mutation("a_fault_of_the_environment_is_not_reported", SETTINGS, "first ? print : keep_quiet", "first ? keep_quiet : print",
            "ashlar situation_exercise situation_linked", "situations.settings"),
    Mutation("an_empty_setting_is_read", TABLE, "equals == nullptr || equals[1] == '\\0'", "equals == nullptr", "unit_settings",
            "unit_settings.Settings.ReadGivesDefaultsWithoutVariables"),
    Mutation("the_farthest_name_is_proposed", TABLE, "edits >= least) continue;", "edits <= least) continue;", "unit_settings",
            "unit_settings.Settings.NearestHasTheLeastEditDistance"),
)

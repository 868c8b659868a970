#!/usr/bin/env python3
"""usage: collector_bugs.py --build DIRECTORY [NAME…]

Plants bugs in a scratch copy of the MemoryManager's moves and collector, and demands that the tests of tests/manager find each.
DIRECTORY is a release build with manager_moves and manager_collector built. Status 1: a bug was not found.
"""
import argparse
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

from bugs import Bug
from run import ROOT, TREES, plant

COLLECTOR = "src/manager/collector.cpp"
CYCLE = "src/manager/cycle.cpp"
IN_CYCLE = "src/manager/in_cycle.cpp"
MOVES = "src/manager/moves.cpp"
CHANGING = "    collector_.changing(block, size, start, data.size());\n"

# caught_by: the program, and the filter of its tests.
BUGS = (
    Bug("no_deletion_barrier", IN_CYCLE, CHANGING + "    std::memcpy", "    std::memcpy", "manager_collector CollectorMutation"),
    Bug("no_insertion_barrier_and_none_for_deletion", IN_CYCLE, "    if (data.empty()) return Status::ok;\n" + CHANGING, "    size = 0;\n    if (data.empty()) return Status::ok;\n",
        "manager_collector CollectorMutation"),
    Bug("new_blocks_are_white", COLLECTOR, "        range.state |= ranges::kMarked;\n    }\n}\n", "        range.state |= 0;\n    }\n}\n",
        "manager_collector CollectorMutation"),
    Bug("what_is_freed_is_not_looked_at", COLLECTOR, "    look_guarded(block, size, block + seen, part);\n", "", "manager_collector CollectorMutation"),
    Bug("what_is_cut_off_is_not_looked_at", IN_CYCLE, "    if (size < old) collector_.changing(offset, old, offset + size, old - size);\n", "",
        "manager_collector CollectorMutation"),
    Bug("interior_references_do_not_count", COLLECTOR, "    RangeId block = heap_->at(offset);\n", "    RangeId block = heap_->at(offset);\n    if (block == no_range) return false;\n",
        "manager_collector FreesJustWhatNobodyReaches"),
    Bug("what_the_stack_has_no_room_for_is_lost", COLLECTOR, "        lost_.add(block);\n", "", "manager_collector FindsWhatWasLost"),
    Bug("what_was_lost_inside_a_slab_is_not_found", COLLECTOR, "        lost_.add(small_->slab_at(slab), slab, block);\n", "        static_cast<void>(slab);\n",
        "manager_collector FindsWhatWasLostInsideASlab"),
    Bug("born_before_the_marks_is_not_looked_at", COLLECTOR,
        "        small_->each(small_->slab_at(range.start), [&](Offset start, Size) {\n            if (small_->is_marked(start)) push_small(start);\n        });\n    }\n    done",
        "    }\n    done", "manager_collector CollectorBirth"),
    Bug("what_goes_in_parts_is_looked_at_in_part", COLLECTOR, "    return seen >= size;\n", "    return true;\n", "manager_collector ALongBlock"),
    Bug("what_moves_is_not_looked_at", COLLECTOR, "    if (state_->phase == Phase::mark) push(block);\n", "",
        "manager_collector WhatMoves"),
    Bug("a_visitor_that_throws_between_slices_is_ignored", COLLECTOR, "        state_->failed = 1;\n    }\n}\n\n// An entry", "    }\n}\n\n// An entry",
        "manager_collector AVisitorThatThrows"),
    Bug("movable_blocks_are_no_roots", COLLECTOR, "(ranges::kMovable | ranges::kReserved)) != 0) shade(", "ranges::kReserved) != 0) shade(",
        "manager_collector KeepsMovable"),
    Bug("marks_stay_for_the_next_cycle", COLLECTOR, "            range.state &= ~ranges::kMarked;\n", "", "manager_collector"),
    Bug("pinned_blocks_move", MOVES, "return place.pins == 0 && place.target == no_range;", "return place.target == no_range;", "manager_moves"),
    Bug("a_pin_during_a_pass_is_not_seen", MOVES, "    if (place.spoiled) outcome = Move::Outcome::ignored;\n", "",
        "manager_moves Passes"),
    Bug("a_slide_copies_from_below", MOVES, "    std::memmove(buffer_->at(to), buffer_->at(old.start), old.asked);\n",
        "    for (Size i = old.asked; i-- != 0;) buffer_->at(to)[i] = buffer_->at(old.start)[i];\n", "manager_moves Defragment"),
    Bug("moves_forget_the_alignment", MOVES, "const Offset to = aligned(hole.start, Size{1} << place.shift);", "const Offset to = aligned(hole.start, 1);",
        "manager_moves DefragmentMixed"),
    Bug("a_dropped_target_is_kept", MOVES, "        ++done.dropped;\n        heap_->give(to);\n", "        ++done.dropped;\n", "manager_moves Passes"),
)


def attempt(build, bug):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    words = next(shlex.split(c["command"]) for c in commands if c["file"] == str(ROOT / bug.file))
    program, *names = bug.caught_by.split()
    with tempfile.TemporaryDirectory(prefix="planted.") as scratch:
        tree = pathlib.Path(scratch)
        for name in TREES:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        plant(bug, tree)
        words = [word.replace(f"{ROOT}/", f"{tree}/") for word in words]
        words[words.index("-o") + 1] = str(tree / "changed.o")
        done = subprocess.run(words + ["-Wno-error"], cwd=build, capture_output=True, text=True)
        if done.returncode != 0:
            return False, "NOT BUILT: " + done.stderr.strip()
        link = subprocess.run(["ninja", "-t", "commands", f"tests/manager/{program}"], cwd=build, check=True, capture_output=True,
                              text=True).stdout.splitlines()[-1]
        link = shlex.split(link.split("&&")[1])
        at = link.index("-o")
        link[at + 1] = str(tree / "program")
        link.insert(at + 2, str(tree / "changed.o"))  # before the archive, whose member of that name is then not taken
        subprocess.run(link, cwd=build, check=True)
        done = subprocess.run(["timeout", "60", str(tree / "program"), "--gtest_filter=" + (f"*{names[0]}*" if names else "*")],
                              capture_output=True, text=True)
        return done.returncode != 0, "found" if done.returncode != 0 else f"NOT FOUND by {bug.caught_by}"


def main():
    parser = argparse.ArgumentParser(description="Plants bugs and expects tests/manager to find them.")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    missed = 0
    for bug in BUGS:
        if arguments.names and not any(bug.name.startswith(name) for name in arguments.names):
            continue
        found, text = attempt(pathlib.Path(arguments.build).resolve(), bug)
        missed += not found
        print(f"{bug.name:45} {text}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""usage: collector_bugs.py --build DIRECTORY [NAME…]

Plants each bug in a scratch copy of the MemoryManager's moves and collector. Tests of tests/unit/manager must then fail.
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

COLLECTOR = "src/manager/collector/collector.cpp"
CYCLE = "src/manager/collector/collector_cycle.cpp"
MANAGER = "src/manager/engine/manager.cpp"
IN_CYCLE = "src/manager/engine/manager_in_cycle.cpp"
MOVES = "src/manager/moves/moves.cpp"
SMALL = "src/manager/slabs/small.cpp"
THREAD = "src/manager/collector/collector_thread.cpp"
CHANGING = "    collector_.changing(block, size, start, data.size());\n"

# caught_by: the program, and the filter of its tests.
BUGS = (
    Bug("no_deletion_barrier", IN_CYCLE, CHANGING + "    std::memcpy", "    std::memcpy",
        "manager_collector CollectorMutation"),
    Bug("no_insertion_barrier_and_none_for_deletion", IN_CYCLE, "    if (data.empty()) return Status::ok;\n" + CHANGING,
        "    size = 0;\n    if (data.empty()) return Status::ok;\n",
        "manager_collector CollectorMutation"),
    Bug("new_blocks_are_white", COLLECTOR, "        range.state |= ranges::kMarked;\n    }\n}\n",
        "        range.state |= 0;\n    }\n}\n",
        "manager_collector CollectorMutation"),
    Bug("freed_blocks_are_not_scanned", COLLECTOR, "    look_guarded(block, size, block + seen, part);\n", "",
        "manager_collector CollectorMutation"),
    Bug("a_cut_off_tail_is_not_scanned", IN_CYCLE,
        "    if (size < old) collector_.changing(offset, old, offset + size, old - size);\n", "",
        "manager_collector CollectorMutation"),
    Bug("interior_references_do_not_count", COLLECTOR, "    RangeId block = allocator_->at(offset);\n",
        "    RangeId block = allocator_->at(offset);\n    if (block == no_range) return false;\n",
        "manager_collector FreesExactlyTheUnreachableBlocks"),
    Bug("a_full_mark_stack_loses_blocks", COLLECTOR, "        overflow_.add(block);\n", "",
        "manager_collector FindsSmallBlocksAfterMarkStackOverflow"),
    Bug("overflow_inside_a_slab_is_lost", COLLECTOR, "        overflow_.add(small_->slab_at(slab), slab, block);\n",
        "        static_cast<void>(slab);\n",
        "manager_collector FindsSmallBlocksAfterMarkStackOverflow"),
    Bug("blocks_created_before_the_marks_are_not_scanned", COLLECTOR,
        "        small_->each(small_->slab_at(range.start), [&](Offset start, Size) {\n"
        "            if (small_->is_marked(start)) return push_small(start);\n"
        "            if (small_->is_root(start)) shade(start);\n        });\n    }\n    done",
        "    }\n    done", "manager_collector CollectorNewBlocks"),
    Bug("a_long_block_is_scanned_in_part", COLLECTOR, "    return seen >= size;\n", "    return true;\n",
        "manager_collector ALongBlock"),
    Bug("moved_blocks_are_not_scanned", COLLECTOR, "    if (state_->phase == Phase::mark) push(block);\n", "",
        "manager_collector DefragmentKeepsMovedBlocks"),
    Bug("a_visitor_that_throws_between_slices_is_ignored", COLLECTOR, "        state_->failed = 1;\n    }\n}\n\n// An entry",
        "    }\n}\n\n// An entry",
        "manager_collector AVisitorThatThrows"),
    Bug("movable_blocks_are_no_roots", COLLECTOR,
        "(ranges::kMovable | ranges::kReserved | ranges::kRoot)) != 0)\n            shade(",
        "(ranges::kReserved | ranges::kRoot)) != 0) shade(",
        "manager_collector KeepsMovable"),
    Bug("large_nodes_of_containers_are_no_roots", COLLECTOR, " | ranges::kReserved | ranges::kRoot)) != 0)\n            shade(",
        " | ranges::kReserved)) != 0) shade(", "manager_collector CollectorRoots"),
    Bug("small_nodes_of_containers_are_no_roots", COLLECTOR, "            if (small_->is_root(start)) shade(start);\n",
        "", "manager_collector CollectorRoots"),
    Bug("a_freed_root_stays_a_root", SMALL,
        "        slabs_.root_word(at.place).fetch_and(~at.place.bit(), rlx);", "        {}",
        "manager_collector TheNextBlockAtTheOffset"),
    Bug("a_pass_without_time_is_empty", MOVES, "!done && (moves.empty() || Clock::now() - begin < limits.time)",
        "!done && Clock::now() - begin < limits.time", "manager_moves LimitedPass"),
    Bug("a_pass_skips_blocks_above_its_bytes", MOVES,
        "state_->moves == 0 || (state_->first != 0 && range.size > state_->bytes);",
        "state_->moves == 0 || range.size > state_->bytes;", "manager_moves LimitedPass"),
    Bug("a_walk_without_time_ends", MOVES, "walk == Walk::going && (done.moves == 0 || ", "walk == Walk::going && (false || ",
        "manager_moves LimitedDefragment"),
    Bug("a_walk_does_not_look_behind_itself", MOVES, "    if (!state_->again) return Walk::ended;\n",
        "    if (!state_->again || state_->cursor != 0) return Walk::ended;\n", "manager_moves LimitedDefragment"),
    Bug("defragment_never_tells_of_more", MOVES, "    done.more = walk != Walk::ended;\n", "    done.more = false;\n",
        "manager_moves LimitedDefragment"),
    Bug("a_pass_never_tells_of_more", MOVES, "    done.more = may_win();\n", "    done.more = false;\n",
        "manager_moves TellsOfMore"),
    Bug("the_thread_takes_signals", THREAD, "    pthread_sigmask(SIG_SETMASK, &blocked, &before);\n",
        "    pthread_sigmask(SIG_BLOCK, nullptr, &before);\n", "manager_collector BlocksSignals"),
    Bug("the_caller_keeps_its_signals_blocked", THREAD, "    pthread_sigmask(SIG_SETMASK, &before, nullptr);\n", "",
        "manager_collector BlocksSignals"),
    Bug("old_bytes_are_references", IN_CYCLE, "    if (!pass.cycle()) return wipe_now(start, size);\n",
        "    if (!pass.cycle()) return;\n", "manager_collector WipedBlocks"),
    Bug("a_longer_block_has_old_bytes", MANAGER,
        "    if (kept < size && wipes()) wipe_now(offset + kept, size - kept);\n", "",
        "manager_collector AreWipedByEveryWay"),
    Bug("a_movable_block_has_old_bytes", IN_CYCLE,
        "        if (wipes()) wipe_now(allocator_[block].start, size);", "        {}",
        "manager_collector AreWipedByEveryWay"),
    Bug("marks_stay_for_the_next_cycle", COLLECTOR, "            range.state &= ~ranges::kMarked;\n", "", "manager_collector"),
    Bug("pinned_blocks_move", MOVES, "return place.pins == 0 && place.target == no_range;", "return place.target == no_range;",
        "manager_moves"),
    Bug("a_pin_during_a_pass_is_ignored", MOVES, "    if (place.spoiled) outcome = Move::Outcome::ignored;\n", "",
        "manager_moves Passes"),
    Bug("a_slide_copies_from_below", MOVES, "    std::memmove(buffer_->at(to), buffer_->at(old.start), old.asked);\n",
        "    for (Size i = old.asked; i-- != 0;) buffer_->at(to)[i] = buffer_->at(old.start)[i];\n",
        "manager_moves Defragment"),
    Bug("moves_forget_the_alignment", MOVES, "const Offset to = aligned(hole.start, Size{1} << place.shift);",
        "const Offset to = aligned(hole.start, 1);",
        "manager_moves DefragmentMixed"),
    Bug("a_dropped_target_is_kept", MOVES, "        ++done.dropped;\n        allocator_->give(to);\n",
        "        ++done.dropped;\n",
        "manager_moves Passes"),
)


def attempt(build, bug):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    words = next(shlex.split(c["command"]) for c in commands if c["file"] == str(ROOT / bug.file))
    program, *names = bug.caught_by.split()
    with tempfile.TemporaryDirectory(prefix="mutation.") as scratch:
        tree = pathlib.Path(scratch)
        for name in TREES:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        plant(bug, tree)
        words = [word.replace(f"{ROOT}/", f"{tree}/") for word in words]
        words[words.index("-o") + 1] = str(tree / "changed.o")
        done = subprocess.run(words + ["-Wno-error"], cwd=build, capture_output=True, text=True)
        if done.returncode != 0:
            return False, "NOT BUILT: " + done.stderr.strip()
        link = subprocess.run(["ninja", "-t", "commands", f"tests/unit/manager/{program}"], cwd=build, check=True,
                              capture_output=True,
                              text=True).stdout.splitlines()[-1]
        link = shlex.split(link.split("&&")[1])
        at = link.index("-o")
        link[at + 1] = str(tree / "program")
        link.insert(at + 2, str(tree / "changed.o"))  # before the archive, so that its member of that name is not linked
        subprocess.run(link, cwd=build, check=True)
        done = subprocess.run(["timeout", "60", str(tree / "program"), "--gtest_filter=" + (f"*{names[0]}*" if names else "*")],
                              capture_output=True, text=True)
        return done.returncode != 0, "found" if done.returncode != 0 else f"NOT FOUND by {bug.caught_by}"


def main():
    parser = argparse.ArgumentParser(description="Plants bugs and expects tests/unit/manager to find them.")
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

#!/usr/bin/env python3
"""usage: instructions_test.py PROGRAM POLICY

Counts the instructions of ranges_counted by callgrind, and says whether they are too many.

A million holes may cost more than a thousand by the logarithm. The mean depth of a treap of n nodes, 2 ln n - 2.85, grows from
11 to 25. TLSF, buddy, linear and ring have no tree, and may cost hardly more at all. A strategy of the request may cost as
much as a treap, and for TLSF a look at 64 holes. TLSF has ceilings on its operations through the range allocator, with
records, directory and totals. They are what g++ 12 needed at -O2, and a tenth more.
"""
import re
import subprocess
import sys

GROWTH = {"tlsf": 1.15, "buddy": 1.2, "linear": 1.15, "ring": 1.15}
GROWTH_OF_TREES = 25 / 11 * 1.1
LOOKS = 64 * 20
OPERATIONS = 5000
TLSF_CEILINGS = {"take": 310, "give": 181, "pair": 402}


def counted(program, policy, phase, holes):
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null", program, policy, phase,
               str(holes), str(OPERATIONS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    count = int(found[1]) / OPERATIONS
    print(f"{policy}, {phase}, {holes} holes: {count:.1f} instructions")
    return count


def main():
    program, policy = sys.argv[1:]
    faults = []
    few, many = (counted(program, policy, "replace", holes) for holes in (1_000, 1_000_000))
    most = few * GROWTH.get(policy, GROWTH_OF_TREES)
    if not 0 < many <= most:
        faults.append(f"{policy}: {many:.0f} instructions among a million holes, {few:.0f} among a thousand")
    for phase in ("upper_end", "tight"):
        few, many = (counted(program, policy, phase, holes) for holes in (1_000, 1_000_000))
        looks = LOOKS if phase == "tight" and policy in ("tlsf", "linear", "ring") else 0
        if not 0 < many <= few * GROWTH_OF_TREES + looks:
            faults.append(f"{policy}: {many:.0f} instructions by {phase} among a million holes, {few:.0f} among a thousand")
    for phase, ceiling in TLSF_CEILINGS.items() if policy == "tlsf" else ():
        count = counted(program, policy, phase, 1_000)
        if count > ceiling:
            faults.append(f"{policy}: {count:.0f} instructions for a {phase}, {ceiling} are the ceiling")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

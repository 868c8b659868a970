"""usage: counted_test.py VALGRIND PROGRAM THREADS CEILING: so many instructions has a deallocation and allocation at most."""
import pathlib
import re
import subprocess
import sys
import tempfile

valgrind, program, threads, ceiling = sys.argv[1:]
PAIRS = 20000
with tempfile.TemporaryDirectory(prefix="ashlar-counted.") as directory:
    out = pathlib.Path(directory) / "out"
    done = subprocess.run([valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}",
                           program, threads, str(PAIRS)], capture_output=True, text=True, check=False)
if done.returncode != 0:
    sys.exit(f"status {done.returncode}\n{done.stderr}")
pair = int(re.search(r"Collected : (\d+)", done.stderr)[1]) / PAIRS
print(f"{pair:.1f} instructions a pair, loop included; at most {ceiling}")
if not 0 < pair <= float(ceiling):
    sys.exit(1)

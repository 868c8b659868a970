"""`ashlar map`: the data of the page has each unit of the heap, and adds up to the report."""
import json
import os
import subprocess

from harness import main, paths
from map_case import MapCase

UNIT = 65536
BINS = 73
FREE = ("kept", "dirty", "aged", "clean", "fresh")

class MapTest(MapCase):
    def expect_sound(self, snapshot, sizes, quiet):
        """Cells are units, and their sums are those of the report that was made with them."""
        heap = snapshot["report"]["heap"]
        counts, used, resident, units = {}, {}, 0, 0
        for each in snapshot["heaps"]:
            cells = [each["cells"][i:i + 5] for i in range(0, len(each["cells"]), 5)]
            self.assertEqual(sum(cell[0] for cell in cells), each["units"])
            units += each["units"]
            left = 0
            for count, code, bytes_used, bytes_resident, length in cells:
                if left == 0:
                    self.assertGreaterEqual(length, 1)
                    left = length if length > 1 else count
                else:
                    self.assertEqual(length, 0)
                left -= count
                self.assertGreaterEqual(left, 0)
                self.assertLessEqual(max(bytes_used, bytes_resident), UNIT)
                counts[code] = counts.get(code, 0) + count
                used[code] = used.get(code, 0) + count * bytes_used
                resident += count * bytes_resident
            self.assertEqual(left, 0)
        free = {name: counts.get(BINS + i, 0) * UNIT for i, name in enumerate(FREE)}
        self.assertEqual(free, {name: heap[name] for name in FREE})
        self.assertEqual(units * UNIT, heap["held"] + sum(heap[name] for name in FREE[1:]))
        self.assertEqual({code: bytes_used for code, bytes_used in used.items() if code < BINS},
                         {each["bin"]: each["used_bytes"] for each in snapshot["report"]["bins"]})
        self.assertEqual({each["bin"]: each["size"] for each in snapshot["report"]["bins"]},
                         {each["bin"]: sizes[each["bin"]] for each in snapshot["report"]["bins"]})
        lines = {line["line"]: line["bytes"] for line in snapshot["report"]["waterfall"]}
        inside = sum(each[part + "_resident"] for each in snapshot["report"]["bins"] for part in ("used", "free", "end"))
        inside += sum(lines[name] for name in ("kept", "dirty", "clean"))
        self.assertAlmostEqual(resident, inside, delta=0 if quiet else 0.02 * inside)

    def test_data_of_a_quiet_process(self):
        user = self.user("quiet")
        _, text, data, result = self.draw(user)
        self.assertEqual(len(data["snapshots"]), 1)
        self.assertEqual((data["process"], data["core"], data["unit"]), (user.pid, None, UNIT))
        self.expect_sound(data["snapshots"][0], data["sizes"], True)
        report = json.loads(self.ashlar("report", "--json", str(user.pid)).stdout)
        self.assertEqual(data["snapshots"][0]["report"]["heap"], report["heap"])
        self.assertEqual(data["snapshots"][0]["mapped"][1], 64 << 20)
        units = sum(heap["units"] for heap in data["snapshots"][0]["heaps"])
        self.assertRegex(result.stdout, rf"heap.html: {units} units of 64 KiB, 1 snapshot\n$")
        self.assertNotRegex(text, r"https?://|src=|@import|url\(", "nothing is loaded")

    def test_slabs_and_runs_of_several_units(self):
        data = self.draw(self.user("wait", paths.block_user))[2]
        self.expect_sound(data["snapshots"][0], data["sizes"], True)
        lengths = set()
        for heap in data["snapshots"][0]["heaps"]:
            lengths.update(zip(heap["cells"][1::5], heap["cells"][4::5]))
        self.assertIn((45, 5), lengths, "a run of five units")
        several = [length for code, length in lengths if code < 41 and length > 1]
        self.assertTrue(several, "no slab of several units")

    def test_snapshots_of_a_busy_process(self):
        data = self.draw(self.user("busy"), "--snapshots", "4", "--every", "50")[2]
        self.assertEqual(len(data["snapshots"]), 4)
        for i, snapshot in enumerate(data["snapshots"]):
            self.assertGreaterEqual(snapshot["at"], 50 * i)
            self.expect_sound(snapshot, data["sizes"], False)

    def test_process_ends_between_snapshots(self):
        user = self.user("quiet")
        path = os.path.join(self.directory, "heap.html")
        command = subprocess.Popen([paths.command, "map", str(user.pid), "-o", path, "--snapshots", "2", "--every",
                                    "1500"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            command.wait(0.7)
        except subprocess.TimeoutExpired:
            user.kill()
            user.wait()
        out, err = command.communicate()
        self.assertEqual(command.returncode, 0, err)
        self.assertIn("the last snapshot is number 1: process", err)
        self.assertIn("1 snapshot\n", out)

    def test_errors_are_one_line(self):
        user = self.user("quiet")
        self.expect_error(self.ashlar("map", str(user.pid), "-o", self.directory), 2, "Is a directory")
        self.expect_error(self.ashlar("map", str(os.getpid()), "-o", "x"), 1, "has no heap of Ashlar")
        self.assertEqual(self.ashlar("map", str(user.pid)).returncode, 2, "no output")
        self.assertEqual(self.ashlar("map", str(user.pid), "-o", "x", "--snapshots", "0").returncode, 2)


main()

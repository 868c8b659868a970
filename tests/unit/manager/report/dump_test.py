"""Reads what manager_dump wrote: JSON by the published schema, sums that must come out, and pictures.

Any reader of SVG understands the pictures.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

OPTIONS = None
SVG = "{http://www.w3.org/2000/svg}"
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
WORDS = {"$schema", "$id", "title", "description", "type", "required", "properties", "additionalProperties", "items", "enum",
         "const", "minimum", "maximum", "pattern", "minLength"}


def faults(value, schema, path="$"):
    """Yields how the value contradicts the schema; a word of the schema that is unknown here is a fault too."""
    yield from (f"{path}: the schema says {word}, which is not understood here" for word in set(schema) - WORDS)
    wanted = schema.get("type")
    if wanted and (not isinstance(value, TYPES[wanted]) or isinstance(value, bool)):
        yield f"{path}: {value!r} is no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    too_small = "minimum" in schema and value < schema["minimum"]
    too_large = "maximum" in schema and value > schema["maximum"]
    if value != value or too_small or too_large:
        yield f"{path}: {value} is out of range"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not look like {schema['pattern']}"
    if len(value) < schema["minLength"] if "minLength" in schema else False:
        yield f"{path}: {value!r} is too short"
    if wanted == "object":
        yield from (f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value)
        for name, member in value.items():
            if name in schema["properties"]:
                yield from faults(member, schema["properties"][name], f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{path}: {name} is unknown"
    if wanted == "array":
        for index, item in enumerate(value):
            yield from faults(item, schema["items"], f"{path}[{index}]")


class Dumps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="ashlar-dump.")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        subprocess.run([OPTIONS.program, cls.directory], check=True)
        cls.schema = json.loads(pathlib.Path(OPTIONS.schema).read_text(encoding="utf-8"))
        cls.dumps = {path.stem: json.loads(path.read_bytes().decode("utf-8")) for path in cls.directory.glob("*.json")}

    def test_every_dump_is_written(self):
        self.assertEqual(set(self.dumps),
                         {"notes", "empty", "largest", "blocks", "buddy", "small", "small_one", "crowd", "callers"})

    def test_dumps_follow_the_schema(self):
        for name, dump in self.dumps.items():
            self.assertEqual(list(faults(dump, self.schema)), [], name)

    def test_schema_refuses_changed_dumps(self):
        good = self.dumps["notes"]
        for change in ({"version": 2}, {"granularity": "1"}, {"granularity": 0}, {"policy": ""}, {"memory": "ours"},
                       {"more": 1}, {"ranges": [{"offset": 0, "size": 1}]},
                       {"ranges": [{"offset": 0, "size": 1, "kind": "hole"}]},
                       {"ranges": [{"offset": 0, "size": 1, "kind": "free", "user_data": "x"}]}, {"statistics": {}}):
            self.assertNotEqual(list(faults({**good, **change}, self.schema)), [], change)
        for name in good:
            self.assertNotEqual(list(faults({key: good[key] for key in good if key != name}, self.schema)), [], name)

    def test_ranges_fill_the_buffer(self):
        for name, dump in self.dumps.items():
            end = 0
            for part in dump["ranges"]:
                self.assertEqual(part["offset"], end, name)
                end += part["size"]
            self.assertEqual(end, dump["statistics"]["capacity"], name)

    def test_totals_are_the_sums_of_the_ranges(self):
        for name, dump in self.dumps.items():
            with self.subTest(name):
                totals = dump["statistics"]
                size = {kind: [part["size"] for part in dump["ranges"] if part["kind"] == kind]
                        for kind in ("block", "small block", "movable", "reserved", "slab", "free")}
                blocks = size["block"] + size["small block"] + size["movable"] + size["reserved"]
                self.assertEqual(sum(blocks), totals["used"])
                self.assertEqual(len(blocks), totals["blocks"])
                self.assertEqual(sum(size["slab"]), totals["overhead"])
                self.assertEqual(sum(row["count"] for row in dump["block_sizes"]), len(blocks))
                self.assertEqual(sum(row["count"] for row in dump["free_sizes"]), len(size["free"]))
                largest = max(size["free"], default=0)
                self.assertTrue(largest * 15 // 16 <= totals["largest_free"] <= largest)
        for name in ("small", "small_one"):
            self.assertTrue(any(part["kind"] == "small block" for part in self.dumps[name]["ranges"]), name)
        self.assertFalse(any(part["kind"] == "small block" for part in self.dumps["blocks"]["ranges"]))

    def test_names_and_user_data_are_kept(self):
        named = [part for part in self.dumps["notes"]["ranges"] if "name" in part]
        names = [part["name"] for part in named]
        self.assertEqual(names, ["plain", '<&"quoted"\\>', "tab\tnewline\n\x01\x7f", "naïve € 🧱",
                                 "broken ��� ���"])
        self.assertEqual({part["user_data"] for part in named}, {str(2**64 - 1)})

    def test_pictures_show_every_block(self):
        for name, dump in self.dumps.items():
            with self.subTest(name):
                root = xml.etree.ElementTree.parse(self.directory / f"{name}.svg").getroot()
                width, height = float(root.get("width")), float(root.get("height"))
                parts = [part for part in root.iter(SVG + "rect") if part.get("width") != "100%"]
                for part in parts:
                    self.assertLessEqual(float(part.get("x")) + float(part.get("width")), width)
                    self.assertLessEqual(float(part.get("y")) + float(part.get("height")), height)
                    self.assertGreaterEqual(float(part.get("x")), 150)
                self.assertLess(len(parts), 40000)
                if name in ("notes", "blocks"):
                    self.compare_blocks(dump, root)

    def compare_blocks(self, dump, root):
        """The drawn width of all blocks is what their bytes come to."""
        row = 1024 / min(2**n for n in range(6, 60) if 2**n * 32 >= dump["statistics"]["capacity"])
        blocks = [part for part in dump["ranges"] if part["kind"] != "free"]
        drawn = [part for part in root.iter(SVG + "rect") if part.find(SVG + "title") is not None]
        wide = sum(part["size"] for part in blocks if part["size"] * row >= 8) * row
        self.assertGreaterEqual(sum(float(part.get("width")) for part in drawn) + 2 * len(drawn), wide)
        titles = {part.find(SVG + "title").text for part in drawn}
        if dump["statistics"]["capacity"] == 1000:
            self.assertIn('<&"quoted"\\>: block at 100, 100 bytes', titles)
            self.assertIn("reserved at 700, 50 bytes", titles)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("program", "schema"):
        parser.add_argument("--" + option, required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])

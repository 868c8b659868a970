"""gdb: pretty printers and commands for Ashlar's heaps. Load it by `source tools/gdb/ashlar.py`. See docs/debugging.md."""
import os
import sys

import gdb
import gdb.printing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ashlar_heap as heap  # noqa: E402


# Texts.

def bin_name(bin_number):
    classes = heap.length(gdb.lookup_type("ashlar::arena::Arena")["index_"])
    size = heap.size_of_bin(bin_number)
    return f"class {bin_number}, {size}-byte blocks" if bin_number < classes else f"bin {bin_number}, runs of {size} bytes"


def state_text(kind, value):
    if kind in ("owned", "shared"):
        return f"{kind} slab of class {value}, {heap.size_of_bin(value)}-byte blocks"
    return f"large run of {value} units" if kind == "large" else "no run begins here"


def unit_text(found, unit):
    """The use of a unit: free, part of a slab or run, or held by a thread."""
    if unit >= found.frontier():
        return "never handed out"
    if found.is_free(unit):
        words = {name: found.bit(found.spans[name], unit) for name in ("dirty_bits_", "aged_bits_")}
        return "free, " + ("dirty" if words["dirty_bits_"] else "aged" if words["aged_bits_"] else "clean")
    start = found.first_unit(unit)
    if start is None:
        return "neither free nor in a slab or run: kept for reuse, or in a thread's hands"
    kind, value = found.state(start)
    if kind == "large":
        return f"unit {unit - start} of a large run of {value} units that begins at unit {start}"
    shape = heap.geometry(value)
    return (f"unit {unit - start} of {int(shape['units'])} of the {state_text(kind, value)}, that begins at unit {start}: "
            f"{found.free_blocks(start)} of {int(shape['blocks'])} blocks free in the slab")


def block_in_slab(found, address, unit):
    bin_number = found.bin_of_unit(unit)
    slab = found.first_unit(unit)
    shape = heap.geometry(bin_number)
    size = int(shape["size"])
    number, within = divmod(address - found.address_of(slab), size)
    if number >= int(shape["blocks"]):
        return ["no block: what is left over at the end of a slab", f"unit {unit}: {unit_text(found, unit)}"]
    start = address - within
    holder = found.holder(start, bin_number)
    state = "free, in its slab" if found.is_free_block(slab, number) else f"free, {holder}" if holder else "live"
    return [f"{size}-byte block at {start:#x} (class {bin_number}), {state}" + inside(within),
            f"block {number} of {int(shape['blocks'])}; unit {unit}: {unit_text(found, unit)}"]


def block_in_run(found, address, unit):
    start = found.first_unit(unit)
    if start is None:
        return ["no block", f"unit {unit}: {unit_text(found, unit)}"]
    units = found.state(start)[1]
    bin_number = found.bin_of_unit(start)
    first = found.address_of(start)
    holder = found.holder(first, bin_number) if bin_number else None
    return [f"{units * found.unit_size}-byte block at {first:#x} (large run), " + (f"free, {holder}" if holder else "live")
            + inside(address - first), f"unit {unit}: {unit_text(found, unit)}"]


def inside(within):
    return f", {within} bytes into it" if within else ""


def block_text(address):
    """Lines about the block at an address, whichever heap it belongs to."""
    for found in heap.heaps():
        unit = found.unit_of(address)
        if unit is None:
            continue
        if found.is_class(found.bin_of_unit(unit)):
            return block_in_slab(found, address, unit)
        return block_in_run(found, address, unit)
    mapped = heap.mapped_block(address)
    if mapped is not None:
        return [f"{mapped[1]}-byte block at {mapped[0]:#x} (a mapping of its own), live" + inside(address - mapped[0])]
    return ["in no heap of Ashlar"]


def range_text(record):
    state = int(record["state"])
    kinds = [field.enumval for field in gdb.lookup_type("ashlar::ranges::Kind").fields()]
    kind = heap.kind_of("ashlar::ranges::Kind", state & ((1 << max(kinds).bit_length()) - 1))
    start, size = int(record["start"]), int(record["size"])
    asked = f", {int(record['asked'])} asked for" if kind == "block" else ""
    return f"{kind} [{start}, {start + size}) of {size} bytes{asked}"


def range_table(manager):
    """The records of an ashlar::MemoryManager, or of a pointer or reference to one."""
    if manager.type.strip_typedefs().code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_REF):
        manager = manager.referenced_value()
    return heap.first_pointer(manager["manager_"]).dereference()["allocator_"]["ranges_"]["table_"]


# Pretty printers.

class Atomic:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return self.value["value_"].format_string()


class UnitState:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return state_text(*heap.state_parts(self.value))


class Magazine:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"magazine of {int(self.value['count'])} blocks"

    def children(self):
        for i in range(int(self.value["count"])):
            yield str(i), self.value["blocks"][i]

    def display_hint(self):
        return "array"


class Cache:
    """A thread's cache: the bins that hold something."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "cache of no thread" if int(self.value["heap"]) == 0 else "cache"

    def children(self):
        for bin_number in range(1, heap.length(self.value["top"])):
            blocks = heap.bin_blocks(self.value, bin_number) if int(self.value["heap"]) else []
            if blocks:
                yield f"bin {bin_number}", f"{len(blocks)} blocks of {heap.size_of_bin(bin_number)} bytes"


class Range:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return range_text(self.value)


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("ashlar")
    for name, pattern, printer in (
            ("Atomic", "^ashlar::base::Atomic<.*>$", Atomic), ("UnitState", "^ashlar::spans::UnitState$", UnitState),
            ("Magazine", "^ashlar::depot::Depot::Magazine$", Magazine), ("Cache", "^ashlar::cache::(Cache|ThreadCache)$",
                                                                         Cache),
            ("Range", "^ashlar::Range$", Range)):
        collection.add_printer(name, pattern, printer)
    return collection


# Commands.

class Command(gdb.Command):
    """Registers itself under the name that a subclass gives; its documentation is gdb's help."""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def usage(self, text):
        raise gdb.GdbError(f"usage: {self.name} {text}")


class BlockCommand(Command):
    """ashlar-block ADDRESS: the block at an address, its class and slab, and whether it is live or free."""
    name = "ashlar-block"

    def invoke(self, argument, _from_tty):
        if not argument:
            self.usage("ADDRESS")
        address = int(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
        first, *others = block_text(address)
        print(f"{address:#x}: {first}")
        for line in others:
            print(f"  {line}")


class UnitCommand(Command):
    """ashlar-unit NUMBER: the use of a unit of the heap behind malloc. An ADDRESS names the unit that it lies in."""
    name = "ashlar-unit"

    def invoke(self, argument, _from_tty):
        if not argument:
            self.usage("NUMBER|ADDRESS")
        number = int(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
        found = heap.process_heap()
        unit = number if number < found.unit_size else found.unit_of(number)
        if unit is None or unit >= int(found.spans["region_"]["end"]):
            raise gdb.GdbError(f"{number:#x} lies in no unit of the heap behind malloc")
        print(f"unit {unit} at {found.address_of(unit):#x}: {unit_text(found, unit)}")


class BinCommand(Command):
    """ashlar-bin [BIN]: the bins of the selected thread's cache; with a number the blocks of one bin, the newest first."""
    name = "ashlar-bin"

    def invoke(self, argument, _from_tty):
        cache = heap.symbol("ashlar::cache::tls_cache").dereference()
        if int(cache["heap"]) == 0:
            raise gdb.GdbError("the selected thread has no cache")
        for bin_number in [int(gdb.parse_and_eval(argument))] if argument else range(1, heap.length(cache["top"])):
            blocks = heap.bin_blocks(cache, bin_number)
            if blocks or argument:
                print(f"bin {bin_number} ({bin_name(bin_number)}): {len(blocks)} of "
                      f"{heap.bin_limit(cache, bin_number)} blocks")
            for block in blocks if argument else ():
                print(f"  {block:#x}")


class MagazineCommand(Command):
    """ashlar-magazines CLASS: the full magazines of a size class in the depot of the heap behind malloc."""
    name = "ashlar-magazines"

    def invoke(self, argument, _from_tty):
        if not argument:
            self.usage("CLASS")
        for shard, place, magazine in heap.process_heap().magazines(int(gdb.parse_and_eval(argument))):
            print(f"shard {shard}, magazine {place}: {magazine.format_string(pretty_structs=False)}")


class RangesCommand(Command):
    """ashlar-ranges MANAGER: the ranges of an ashlar::MemoryManager by address, holes and blocks."""
    name = "ashlar-ranges"

    def invoke(self, argument, _from_tty):
        if not argument:
            self.usage("MANAGER")
        table = range_table(gdb.parse_and_eval(argument))
        number = int(table[0]["above"])  # record 0 closes the ring
        while number != 0:
            print(f"{number}: {range_text(table[number])}")
            number = int(table[number]["above"])


gdb.printing.register_pretty_printer(None, printers(), replace=True)
for command in (BlockCommand, UnitCommand, BinCommand, MagazineCommand, RangesCommand):
    command()

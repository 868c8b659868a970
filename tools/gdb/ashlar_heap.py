"""Reads the heaps of a stopped process by the types of their debug information. Nothing here calls into the process.

Sizes come from the lengths of arrays and from the tables that the library itself uses, so that no constant is repeated here.
"""
import gdb


class Missing(gdb.GdbError):
    """The process has no debug information of the library, or no heap yet."""


def symbol(name):
    """The value of a variable with a qualified name."""
    for lookup in (gdb.lookup_global_symbol, gdb.lookup_static_symbol):
        found = lookup(name)
        if found is not None:
            return found.value()
    raise Missing(f"no symbol {name}: is Ashlar loaded, with debug information?")


def loaded(atomic):
    """The number in a base::Atomic."""
    return int(atomic["value_"])


def element(array, index):
    """An element of a std::array, whose only member is a plain array."""
    return array[array.type.strip_typedefs().fields()[0]][index]


def length(array):
    """The number of elements of a plain array."""
    low, high = array.type.strip_typedefs().range()
    return high - low + 1


def first_pointer(value):
    """The pointer in a std::unique_ptr, whatever the standard library calls its members."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_PTR:
        return value
    if kind.code == gdb.TYPE_CODE_STRUCT:
        for field in kind.fields():
            found = first_pointer(value[field]) if hasattr(field, "bitpos") else None
            if found is not None:
                return found
    return None


def kind_of(enumeration, value):
    """The last part of the name of an enumerator."""
    for field in gdb.lookup_type(enumeration).fields():
        if field.enumval == value:
            return field.name.rsplit("::", 1)[-1]
    return f"unknown kind {value}"


def geometry(bin_number):
    return element(symbol("ashlar::base::kGeometry"), bin_number)


def size_of_bin(bin_number):
    return int(element(symbol("ashlar::cache::kSizeOfBin"), bin_number))


def state_parts(state):
    """Kind and value of a spans::UnitState: the kind is in its low bits, as many as the enumerators need."""
    raw = int(state["raw"])
    bits = max(field.enumval for field in gdb.lookup_type("ashlar::spans::Kind").fields()).bit_length()
    return kind_of("ashlar::spans::Kind", raw & ((1 << bits) - 1)), raw >> bits


class Heap:
    """One cache::Heap."""

    def __init__(self, heap):
        self.heap = heap
        self.spans = heap["spans"]
        self.arena = heap["arena"]
        self.depot = heap["depot"]
        self.base = int(self.spans["region_"]["base"])
        self.classes = length(self.arena["index_"])
        self.unit_size = size_of_bin(self.classes)  # the first bin above the classes: runs of one unit

    # Units.

    def unit_of(self, address):
        """The number of a committed unit, or None."""
        unit = (address - self.base) // self.unit_size
        return unit if 0 <= unit < loaded(self.spans["committed_"]["done_"]) else None

    def address_of(self, unit):
        return self.base + unit * self.unit_size

    def frontier(self):
        return loaded(self.spans["frontier_"])

    def bin_of_unit(self, unit):
        return loaded(self.spans["page_map_"][unit])

    def state(self, unit):
        word = self.spans["state_"][unit]["value_"]
        return state_parts({"raw": word})

    def bit(self, words, index):
        """A bit of an array of atomic words."""
        width = words.dereference().type.sizeof * 8
        return loaded(words[index // width]) >> index % width & 1 != 0

    def in_index(self, index, number):
        leaf = index["level_"][0]
        width = leaf.dereference().type.sizeof * 8
        return loaded(leaf[number // width * int(index["stride_"])]) >> number % width & 1 != 0

    def is_free(self, unit):
        return self.in_index(self.spans["free_"], unit)

    def is_class(self, bin_number):
        return 0 < bin_number < self.classes

    def first_unit(self, unit):
        """The unit in which the slab or run begins that covers this one; None: none does."""
        bin_number = self.bin_of_unit(unit)
        if self.is_class(bin_number):
            several = int(geometry(bin_number)["units"]) > 1
            return unit - loaded(self.arena["notes_"][unit]["within"]) if several else unit
        start = unit
        while start > 0 and self.state(start)[0] == "none":
            start -= 1
        kind, units = self.state(start)
        return start if kind == "large" and unit - start < units else None

    # Blocks of slabs.

    def slab_words(self, slab):
        """The bitmap of a slab, as integers. The length of its entry is in the record of the table that it lies in."""
        bits = self.arena["bits_"]
        tables = self.spans["committed_"]["tables_"]
        for i in range(int(tables["count"])):
            table = tables["list"][i]
            if int(table["start"]) == int(bits):
                stride = int(table["stride"]) // bits.dereference().type.sizeof
                words = int(geometry(self.bin_of_unit(slab))["words"])
                return [loaded(bits[slab * stride + w]) for w in range(words)]
        raise Missing("the heap has no table of bitmaps")

    def is_free_block(self, slab, number):
        width = self.arena["bits_"].dereference().type.sizeof * 8
        return self.slab_words(slab)[number // width] >> number % width & 1 != 0

    def free_blocks(self, slab):
        return sum(bin(word).count("1") for word in self.slab_words(slab))

    # Caches and the depot.

    def caches(self):
        """(name, cache) of each cache that a thread uses or used."""
        own = int(symbol("ashlar::cache::tls_cache"))
        created = loaded(self.heap["created_"]) & 0xFFFFFFFF  # the low half: src/malloc/heap/heap.hpp
        for i in range(created):
            cache = self.heap["caches_"][i]
            if int(cache["heap"]) != 0:
                yield (f"the selected thread's cache ({i})" if int(cache.address) == own else f"thread cache {i}"), cache
        shared = length_of_shared() if loaded(self.heap["shared_committed_"]) else 0
        for i in range(shared):
            cache = self.heap["shared_"][i]
            if int(cache["heap"]) != 0:
                yield f"shared cache {i}", cache

    def magazines(self, bin_number):
        """(shard, place, magazine) of each full magazine of a class."""
        per_shard = int(element(symbol("ashlar::depot::kMagazineParameters"), bin_number)["magazines"])
        shards = self.depot["class_"][bin_number]["shards"]
        for shard in range(length(shards)):
            full = loaded(shards[shard]["full"])
            for place in range(full.bit_length()):
                if full >> place & 1:
                    yield shard, place, self.depot["magazines_"][bin_number][shard * per_shard + place]

    def holder(self, block, bin_number):
        """Which cache or magazine holds a free block of a bin, in words; None: none does."""
        for name, cache in self.caches():
            if block in bin_blocks(cache, bin_number):
                return f"in {name}"
        if self.is_class(bin_number):
            for shard, place, magazine in self.magazines(bin_number):
                if block in magazine_blocks(magazine):
                    return f"in the depot, shard {shard}, magazine {place}"
        return None


def length_of_shared():
    for field in gdb.lookup_type("ashlar::cache::Heap").fields():
        if field.name == "kShared":
            return int(gdb.parse_and_eval("'ashlar::cache::Heap::kShared'"))
    raise Missing("the type of the heap has no kShared")


def bin_blocks(cache, bin_number):
    """The blocks of a bin, the newest first. Below the oldest lies a null."""
    at = cache["top"][bin_number] - 1
    blocks = []
    while int(at.dereference()) != 0:
        blocks.append(int(at.dereference()))
        at = at - 1
    return blocks


def bin_limit(cache, bin_number):
    """How many blocks the bin takes now, until a push overflows."""
    return int(cache["limit"][bin_number] - cache["top"][bin_number]) + len(bin_blocks(cache, bin_number))


def magazine_blocks(magazine):
    return [int(magazine["blocks"][i]) for i in range(int(magazine["count"]))]


def process_heap():
    heap = symbol("ashlar::cache::(anonymous namespace)::process_heap")["value_"]
    if int(heap) == 0:
        raise Missing("the process has not allocated anything yet")
    return Heap(heap.dereference())


def heaps():
    """All heaps: that of malloc, those that it grew by, and those of ashlar::Heap."""
    seen = set()
    process = symbol("ashlar::cache::(anonymous namespace)::process_heap")
    grown = symbol("ashlar::cache::grown_heaps")
    pointers = [process["value_"]] + [grown[i]["value_"] for i in range(length(grown))]
    registry = symbol("ashlar::cache::registry")
    for i in range(loaded(registry["used_"])):
        place = registry["places_"][i]
        if loaded(place["ticket"]) > 1:  # 0: empty, 1: being written
            pointers.append(place["heap"]["value_"])
    for heap in pointers:
        if int(heap) != 0 and int(heap) not in seen:
            seen.add(int(heap))
            yield Heap(heap.dereference())


def mapped_block(address):
    """(start, bytes) of the block with a mapping of its own that the address lies in, or None."""
    places = symbol("ashlar::cache::mapped_blocks")["places_"]
    for i in range(length(places)):
        start = loaded(places[i]["start"])
        if start != 0 and start <= address < start + loaded(places[i]["bytes"]):
            return start, loaded(places[i]["bytes"])
    return None

#include "malloc/process/fault_place.hpp"

#include "base/line.hpp"
#include "base/peek.hpp"
#include "malloc/guards/guarded_blocks.hpp"
#include "malloc/inspect/block_lookup.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"
#include "malloc/process/zero_blocks.hpp"

namespace ashlar::cache {

using base::Line;
using guards::guarded_blocks;
using inspect::FoundBlock;
using inspect::FoundPlace;
using inspect::Within;

namespace {

const void* at(std::uint64_t address) noexcept { return reinterpret_cast<const void*>(address); }

bool read(const void* context, std::uint64_t address, void* to, std::size_t bytes) noexcept {
    return static_cast<base::Peek*>(const_cast<void*>(context))->copy(address, to, bytes);
}

// A signal handler's stack may be small. One thread reports at a time.
struct Tables {
    inspect::HeapLayout layout;
    inspect::BlockLookup lookup;
    FoundPlace place;
};
constinit Tables tables{};
constinit base::Peek peek{};

const char* text_of(inspect::BlockState state) noexcept {
    switch (state) {
        case inspect::BlockState::in_slab: return "free: in its slab";
        case inspect::BlockState::in_thread: return "free: in the cache of a thread";
        case inspect::BlockState::in_shared: return "free: in a shared cache";
        case inspect::BlockState::in_depot: return "free: in the depot";
        default: return "live";
    }
}

const char* text_of(Within within) noexcept {
    switch (within) {
        case Within::metadata: return "in the metadata of a heap";
        case Within::unused: return "in a heap's address range, which it has not used yet";
        case Within::free_unit: return "in free units";
        case Within::slab_end: return "behind the last block of a slab";
        default: return "in a heap whose tables are damaged";
    }
}

// The heap in whose range the address lies, whether it has used it yet or not.
// Only read by calls that may fail.
const Heap* heap_around(const void* pointer) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    const Heap* heap = existing_process();
    if (heap != nullptr) {
        const region::Region& region = heap->region();
        if ((address - region.base) >> base::kUnitShift < region.end) return heap;
    }
    return registry.owner_of(address);
}

class PlacePrinter {
  public:
    PlacePrinter(int descriptor, const void* pointer) noexcept
        : descriptor_(descriptor), pointer_(pointer),
          address_(reinterpret_cast<std::uintptr_t>(pointer)) {}

    const void* print() noexcept {
        if (const Heap* heap = heap_around(pointer_); heap != nullptr) return in_heap(*heap);
        if (guarded_blocks.contains(pointer_)) return guarded();
        if (zero_blocks.contains(pointer_)) return of_size_0();
        return mapped();
    }
    [[nodiscard]] bool whole() const noexcept { return whole_; }

  private:
    const void* in_heap(const Heap& heap) noexcept {
        const auto layout = reinterpret_cast<std::uintptr_t>(&heap) - Heap::kDescriptionBytes;
        const inspect::Memory memory{read, &peek, true};
        FoundPlace& found = tables.place;
        found = {};
        const bool described = inspect::read_layout(memory, layout, tables.layout);
        if (described) tables.lookup.look(memory, tables.layout, address_, found);
        if (found.has_block) {
            print("  block     ", found.block, text_of(found.block.state));
        } else {
            say("  place     ", text_of(found.within));
        }
        if (found.blocks != 0) print_slab(found);
        if (found.has_before) print("  before    ", found.before, text_of(found.before.state));
        if (found.has_after) print("  after     ", found.after, text_of(found.after.state));
        if (found.has_block) return at(found.block.start);
        FoundBlock near;
        if (described && found.within != Within::damaged && tables.lookup.nearest(address_, near))
            print_nearest(near);
        return pointer_;
    }

    // Its bytes lie on a page of its own.
    const void* guarded() noexcept {
        const guards::Record::Copy copy = guarded_blocks.nearest(address_);
        if (copy.block == 0) {
            say("  place     ", "among sampled blocks, where none was yet");
            return pointer_;
        }
        const FoundBlock block{copy.block, copy.size, inspect::BlockState::live};
        if (address_ - copy.block < copy.size) {
            print("  block     ", block, copy.live() ? "live, sampled" : "free, sampled");
            return at(copy.block);
        }
        say("  place     ", "beside a sampled block");
        if (copy.live()) print_nearest(block);
        return pointer_;
    }

    const void* of_size_0() noexcept {
        const void* const block = zero_blocks.around(pointer_);
        const FoundBlock found{reinterpret_cast<std::uintptr_t>(block), 0, {}};
        print("  block     ", found,
              zero_blocks.is_live(block) ? "live, in memory that can't be touched"
                                         : "free, in memory that can't be touched");
        return block;
    }

    const void* mapped() noexcept {
        constexpr std::uint64_t kNear = std::uint64_t{1} << 20;
        FoundBlock near{0, 0, {}};
        std::uint64_t least = kNear;
        mapped_blocks.visit([&](const void* block, std::size_t bytes) noexcept {
            const FoundBlock each{reinterpret_cast<std::uintptr_t>(block), bytes, {}};
            const std::uint64_t distance = inspect::distance(each, address_);
            if (near.start != 0 && distance >= least) return;
            if (distance > kNear) return;
            near = each;
            least = distance;
        });
        if (near.start != 0 && address_ - near.start < near.bytes) {
            print("  block     ", near, "live, with a mapping of its own");
            return at(near.start);
        }
        say("  place     ", "in no heap of Ashlar");
        if (near.start != 0) print_nearest(near);
        return pointer_;
    }

    void write(Line& line) noexcept { whole_ = line.write(descriptor_) && whole_; }
    [[gnu::noinline]] void say(const char* what, const char* place) noexcept {
        Line line;
        write(line.text(what).text(place));
    }
    static Line& add(Line& line, const FoundBlock& block) noexcept {
        line.pointer(at(block.start)).text(" to ").pointer(at(block.start + block.bytes));
        return line.text(", ").number(block.bytes).text(" bytes, ");
    }
    [[gnu::noinline]] void print(const char* what, const FoundBlock& block,
                                 const char* state) noexcept {
        Line line;
        write(add(line.text(what), block).text(state));
    }
    [[gnu::noinline]] void print_nearest(const FoundBlock& block) noexcept {
        Line line;
        add(line.text("  nearest   "), block).text("live; the address is ");
        line.number(inspect::distance(block, address_));
        write(line.text(address_ < block.start ? " bytes before it" : " bytes behind it"));
    }
    [[gnu::noinline]] void print_slab(const FoundPlace& slab) noexcept {
        Line line;
        line.text("  slab      ").pointer(at(slab.start)).text(", class ").number(slab.bin);
        line.text(", ").number(slab.units << base::kUnitShift >> 10).text(" KiB: ");
        line.number(slab.blocks).text(" blocks, ").number(slab.in_use);
        write(line.text(" not free in it"));
    }

    int descriptor_;
    const void* pointer_;
    std::uintptr_t address_;
    bool whole_ = true;
};

}  // namespace

const void* print_place(int descriptor, const void* pointer, bool& whole) noexcept {
    peek = {};
    PlacePrinter printer(descriptor, pointer);
    const void* const block = printer.print();
    whole = printer.whole() && whole;
    return block;
}

}  // namespace ashlar::cache

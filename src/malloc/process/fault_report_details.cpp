// The full report: the block and its neighbours, the bytes around the pointer,
// and stacks. Everything is read by calls that fail instead of faulting.
#include <sys/auxv.h>
#include <unistd.h>

#include "base/line.hpp"
#include "base/peek.hpp"
#include "base/stack.hpp"
#include "malloc/inspect/block_lookup.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"
#include "malloc/process/recorded_stacks.hpp"

namespace ashlar::cache {

using base::Line;
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

class Printer {
  public:
    Printer(int descriptor, const base::Report& report) noexcept
        : descriptor_(descriptor), report_(report) {}

    // Returns where the block begins; the pointer itself, if there is none.
    const void* place() noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(report_.pointer);
        const void* block = report_.pointer;
        const Heap* heap = owner_of(block);
        if (heap == nullptr) return mapped(address);
        const auto layout = reinterpret_cast<std::uintptr_t>(heap) - Heap::kDescriptionBytes;
        const inspect::Memory memory{read, &peek, true};
        FoundPlace& found = tables.place;
        found = {};
        if (inspect::read_layout(memory, layout, tables.layout))
            tables.lookup.look(memory, tables.layout, address, found);
        if (!found.has_block) {
            Line line;
            line.text("  place     ").text(text_of(found.within)).write(descriptor_);
        } else {
            block = at(found.block.start);
            print("  block     ", found.block);
        }
        if (found.blocks != 0) print_slab(found);
        if (found.has_before) print("  before    ", found.before);
        if (found.has_after) print("  after     ", found.after);
        return block;
    }

    void bytes() noexcept {
        constexpr std::uintptr_t kRow = 16, kRows = 4;
        if (getauxval(AT_SECURE) != 0) return;
        auto row = reinterpret_cast<std::uintptr_t>(report_.pointer) / kRow * kRow - kRow;
        for (std::uintptr_t i = 0; i < kRows; ++i, row += kRow) {
            unsigned char bytes[kRow];
            if (!peek.copy(row, bytes, kRow)) continue;
            Line line;
            line.text("  ").pointer(at(row)).text(":");
            for (const unsigned char byte : bytes)
                line.text(byte < kRow ? " 0" : " ").hexadecimal(byte);
            line.write(descriptor_);
        }
    }

    void stack(const FaultStack& stack) noexcept {
        Line line;
        line.text("found by thread ").number(static_cast<std::uint64_t>(gettid()));
        line.text(" of process ").number(static_cast<std::uint64_t>(getpid())).text(":");
        line.write(descriptor_);
        base::print_stack(descriptor_, stack.frames, stack.count);
    }

    // Returns the number of the call; 0: it is not recorded.
    std::uint64_t record(BlockCall call, const char* what, const void* block,
                         std::uint64_t before = ~std::uint64_t{0}) noexcept {
        const RecordedStacks::Found found = recorded_stacks.find(call, block, before);
        if (found.count == 0) return 0;
        Line line;
        line.text(what);
        line.text(" by thread ").number(found.thread).text(", ").number(found.age);
        line.text(" calls ago:").write(descriptor_);
        base::print_stack(descriptor_, found.frames, found.count);
        return found.number;
    }

    // The last free may be the faulty call itself.
    void history(const void* block) noexcept {
        if (!recorded_stacks.on()) return;
        const std::uint64_t last = record(BlockCall::free, "freed", block);
        if (last != 0) record(BlockCall::free, "freed before that", block, last);
        const std::uint64_t first = record(BlockCall::allocation, "allocated", block);
        if (last == 0 && first == 0) {
            Line line;
            line.text("no recorded call has the block").write(descriptor_);
        }
    }

  private:
    void print(const char* what, const FoundBlock& block) const noexcept {
        Line line;
        line.text(what).pointer(at(block.start)).text(" to ");
        line.pointer(at(block.start + block.bytes)).text(", ").number(block.bytes);
        line.text(" bytes, ").text(text_of(block.state)).write(descriptor_);
    }

    void print_slab(const FoundPlace& slab) const noexcept {
        Line line;
        line.text("  slab      ").pointer(at(slab.start)).text(", class ").number(slab.bin);
        line.text(", ").number(slab.units << base::kUnitShift >> 10).text(" KiB: ");
        line.number(slab.blocks).text(" blocks, ").number(slab.in_use).text(" not free in it");
        line.write(descriptor_);
    }

    const void* mapped(std::uintptr_t address) const noexcept {
        const void* found = report_.pointer;
        Line line;
        line.text("  place     in no heap of Ashlar");
        mapped_blocks.visit([&](const void* block, std::size_t bytes) noexcept {
            const auto start = reinterpret_cast<std::uintptr_t>(block);
            if (address - start >= bytes) return;
            found = block;
            line = Line();
            line.text("  block     ").pointer(block).text(" to ").pointer(at(start + bytes));
            line.text(", ").number(bytes).text(" bytes, live, with a mapping of its own");
        });
        line.write(descriptor_);
        return found;
    }

    int descriptor_;
    const base::Report& report_;
};

}  // namespace

void print_details(int descriptor, const base::Report& report, const FaultStack& stack) noexcept {
    peek = {};
    Printer printer(descriptor, report);
    const void* const block = printer.place();
    printer.bytes();
    printer.stack(stack);
    printer.history(block);
}

}  // namespace ashlar::cache

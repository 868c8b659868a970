// The full report: the place (fault_place.hpp), the bytes around the pointer,
// and stacks. Everything is read by calls that fail instead of faulting.
#include <sys/auxv.h>
#include <unistd.h>

#include "base/line.hpp"
#include "base/peek.hpp"
#include "base/stack.hpp"
#include "malloc/process/fault_place.hpp"
#include "malloc/process/fault_report.hpp"
#include "malloc/process/recorded_stacks.hpp"

namespace ashlar::cache {

using base::Line;

namespace {

constinit base::Peek peek{};

class Printer {
  public:
    Printer(int descriptor, const base::Report& report) noexcept
        : descriptor_(descriptor), report_(report) {}

    void bytes() noexcept {
        constexpr std::uintptr_t kRow = 16, kRows = 4;
        if (getauxval(AT_SECURE) != 0) return;
        auto row = reinterpret_cast<std::uintptr_t>(report_.pointer) / kRow * kRow - kRow;
        for (std::uintptr_t i = 0; i < kRows; ++i, row += kRow) {
            unsigned char bytes[kRow];
            if (!peek.copy(row, bytes, kRow)) continue;
            Line line;
            line.text("  ").pointer(reinterpret_cast<const void*>(row)).text(":");
            for (const unsigned char byte : bytes)
                line.text(byte < kRow ? " 0" : " ").hexadecimal(byte);
            write(line);
        }
    }

    void stack(const FaultStack& stack) noexcept {
        Line line;
        line.text("found by thread ").number(static_cast<std::uint64_t>(gettid()));
        line.text(" of process ").number(static_cast<std::uint64_t>(getpid())).text(":");
        write(line);
        whole_ = base::print_stack(descriptor_, stack.frames, stack.count) && whole_;
    }

    // Returns the number of the call; 0: it is not recorded.
    std::uint64_t record(BlockCall call, const char* what, const void* block,
                         std::uint64_t before = ~std::uint64_t{0}) noexcept {
        const RecordedStacks::Found found = recorded_stacks.find(call, block, before);
        if (found.count == 0) return 0;
        Line line;
        line.text(what);
        line.text(" by thread ").number(found.thread).text(", ").number(found.age);
        write(line.text(" calls ago:"));
        whole_ = base::print_stack(descriptor_, found.frames, found.count) && whole_;
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
            write(line.text("no recorded call has the block"));
        }
    }

    [[nodiscard]] bool whole() const noexcept { return whole_; }

  private:
    void write(Line& line) noexcept { whole_ = line.write(descriptor_) && whole_; }

    int descriptor_;
    const base::Report& report_;
    bool whole_ = true;  // false: some could not be written
};

}  // namespace

bool print_details(int descriptor, const base::Report& report, const FaultStack& stack) noexcept {
    peek = {};
    bool whole = true;
    const void* const block = print_place(descriptor, report.pointer, whole);
    Printer printer(descriptor, report);
    printer.bytes();
    printer.stack(stack);
    printer.history(block);
    return printer.whole() && whole;
}

}  // namespace ashlar::cache

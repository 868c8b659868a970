#include "malloc/guards/guard_report.hpp"

#include <unistd.h>
#include <cstdlib>

#include "base/line.hpp"
#include "base/stack.hpp"

namespace ashlar::guards {

namespace {

using base::Line;

const void* at(std::uintptr_t address) noexcept { return reinterpret_cast<const void*>(address); }

enum class Side : unsigned { before, inside, behind };

Side side_of(const Record::Copy& block, std::uintptr_t address) noexcept {
    return address < block.block                ? Side::before
           : address < block.block + block.size ? Side::inside
                                                : Side::behind;
}

Line& bytes(Line& line, std::uintptr_t n) noexcept {
    return line.number(n).text(n == 1 ? " byte" : " bytes");
}

// "3 bytes behind a block of 24 bytes"
Line& place(Line& line, const Record::Copy& block, std::uintptr_t address) noexcept {
    switch (side_of(block, address)) {
        case Side::before: bytes(line, block.block - address).text(" before"); break;
        case Side::inside: line.text("byte ").number(address - block.block).text(" of"); break;
        case Side::behind: bytes(line, address - block.block - block.size).text(" behind"); break;
    }
    return bytes(line.text(" a block of "), block.size);
}

void print(const char* what, const Calls& calls) noexcept {
    if (calls.thread == 0) return;
    Line head;
    head.text("ashlar: ").text(what).text(" thread ").number(calls.thread).text(":");
    head.write(STDERR_FILENO);
    base::print_stack(STDERR_FILENO, calls.frames, calls.count);
}

void print_history(const Record::Copy& block) noexcept {
    if (block.block == 0) return;
    if (!block.whole) {
        Line line;
        line.text("ashlar: the page was reused just now, so that its calls are not known");
        return line.write(STDERR_FILENO);
    }
    print("freed by", block.freed);
    print("allocated by", block.taken);
}

// On the page of a block that is live by now, the fault came before it.
const char* kind_of(const Record::Copy& block, std::uintptr_t address) noexcept {
    if (block.block == 0) return "wild access";
    if (block.on_page) return "use after free";
    return side_of(block, address) == Side::before ? "underflow" : "overflow";
}

const char* verb_of(Access access) noexcept {
    return access == Access::read    ? "read of "
           : access == Access::write ? "write to "
                                     : "access to ";
}

}  // namespace

void report_fault(const Record::Copy& block, const Fault& fault) noexcept {
    Line line;
    line.text("ashlar: ").text(kind_of(block, fault.address)).text(": ");
    line.text(verb_of(fault.access)).pointer(at(fault.address)).text(", ");
    if (block.block == 0) {
        line.text("among guarded blocks, where none was yet");
    } else if (block.on_page && block.live()) {
        line.text("whose page has another block by now");
    } else {
        place(line, block, fault.address).text(block.live() ? " in use" : ", which is free");
    }
    line.write(STDERR_FILENO);
    print("fault in", fault.calls);
    print_history(block);
}

void report_misuse(const Record::Copy& block, std::uintptr_t address, Call call) noexcept {
    const bool frees = call == Call::free;
    Line line;
    line.text("ashlar: ");
    if (block.block == address) {
        line.text(frees ? "double free of " : "use after free of ").pointer(at(address));
        line.text(" (").number(block.size).text("-byte block)");
    } else {
        line.text(frees ? "invalid free of " : "invalid use of ").pointer(at(address)).text(" (");
        if (block.block == 0)
            line.text("no block)");
        else
            place(line, block, address).text(")");
    }
    line.write(STDERR_FILENO);
    print(frees ? "freed now by" : "used now by", Calls::now());
    print_history(block);
    std::abort();
}

void report_overwritten(const Record::Copy& block, std::uintptr_t byte) noexcept {
    Line line;
    line.text(byte < block.block ? "ashlar: underflow: " : "ashlar: overflow: ");
    place(line.text("write to ").pointer(at(byte)).text(", "), block, byte);
    line.text(", seen as it is freed").write(STDERR_FILENO);
    print_history(block);
    std::abort();
}

}  // namespace ashlar::guards

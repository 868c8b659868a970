#include "malloc/guards/guard_report.hpp"

#include "base/line.hpp"
#include "base/report.hpp"
#include "base/stack.hpp"

namespace ashlar::guards {

namespace {

using base::Line;
using base::Misuse;

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

// The facts of a report besides its line.
struct Story {
    const Record::Copy& block;
    const char* what;  // of the call that met the fault; null: it is that of the free
    Calls calls;
};

// Lines are put together out of line: a handler's stack may be small.
[[gnu::noinline]] bool print_head(int descriptor, const char* what, const Calls& calls) noexcept {
    Line head;
    head.text("ashlar: ").text(what).text(" thread ").number(calls.thread).text(":");
    return head.write(descriptor);
}

bool print(int descriptor, const char* what, const Calls& calls) noexcept {
    if (calls.thread == 0) return true;
    const bool whole = print_head(descriptor, what, calls);
    return base::print_stack(descriptor, calls.frames, calls.count) && whole;
}

[[gnu::noinline]] bool print_reused(int descriptor) noexcept {
    Line line;
    line.text("ashlar: the page was reused just now, so that its calls are not known");
    return line.write(descriptor);
}

bool print_story(int descriptor, const void* subject) {
    const Story& story = *static_cast<const Story*>(subject);
    const Record::Copy& block = story.block;
    bool whole = story.what == nullptr || print(descriptor, story.what, story.calls);
    if (block.block == 0) return whole;
    if (!block.whole) return print_reused(descriptor) && whole;
    whole = print(descriptor, "freed by", block.freed) && whole;
    return print(descriptor, "allocated by", block.taken) && whole;
}

base::Report report_of(base::Misuse kind, std::uintptr_t address, const Story& story) noexcept {
    return {kind, at(address), story.block.size, nullptr, print_story, &story};
}

// On the page of a block that is live by now, the fault came before it.
Misuse kind_of(const Record::Copy& block, std::uintptr_t address) noexcept {
    if (block.block == 0) return Misuse::wild_access;
    if (block.on_page) return Misuse::use_after_free;
    return side_of(block, address) == Side::before ? Misuse::underflow : Misuse::overflow;
}

const char* text_of(Misuse kind) noexcept {
    return kind == Misuse::wild_access      ? "wild access"
           : kind == Misuse::use_after_free ? "use after free"
           : kind == Misuse::underflow      ? "underflow"
                                            : "overflow";
}

const char* verb_of(Access access) noexcept {
    return access == Access::read    ? "read of "
           : access == Access::write ? "write to "
                                     : "access to ";
}

}  // namespace

void report_fault(const Record::Copy& block, const Fault& fault) noexcept {
    const Misuse kind = kind_of(block, fault.address);
    Line line;
    line.text("ashlar: ").text(text_of(kind)).text(": ");
    line.text(verb_of(fault.access)).pointer(at(fault.address)).text(", ");
    if (block.block == 0) {
        line.text("among guarded blocks, where none was yet");
    } else if (block.on_page && block.live()) {
        line.text("whose page has another block by now");
    } else {
        place(line, block, fault.address).text(block.live() ? " in use" : ", which is free");
    }
    const Story story{block, "fault in", Calls::at_signal(fault.context)};
    base::Report report = report_of(kind, fault.address, story);
    report.context = fault.context;
    report.frames = story.calls.frames;
    report.count = story.calls.count;
    base::report_signal(line, report);
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
    const Misuse kind = block.block != address ? Misuse::invalid_free
                        : frees                ? Misuse::double_free
                                               : Misuse::use_after_free;
    const Story story{block, frees ? "freed now by" : "used now by", Calls::now()};
    base::Report report = report_of(kind, address, story);
    base::end_program(line, report);
}

void report_overwritten(const Record::Copy& block, std::uintptr_t byte) noexcept {
    const Misuse kind = byte < block.block ? Misuse::underflow : Misuse::overflow;
    Line line;
    line.text("ashlar: ").text(text_of(kind)).text(": ");
    place(line.text("write to ").pointer(at(byte)).text(", "), block, byte);
    line.text(", seen as it is freed");
    const Story story{block, nullptr, {}};
    base::Report report = report_of(kind, byte, story);
    base::end_program(line, report);
}

}  // namespace ashlar::guards

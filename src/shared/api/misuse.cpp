#include "shared/api/misuse.hpp"

#include <unistd.h>
#include <cstdlib>

#include "base/line.hpp"

namespace ashlar::shared {

namespace {

[[noreturn]] void end(base::Line& line) noexcept {
    line.text(")").write(STDERR_FILENO);
    std::abort();
}

}  // namespace

void report_misuse(Mapping& mapping, const char* call, Offset offset, Fault fault) noexcept {
    base::Line line;
    line.text("ashlar: ")
        .text(fault == Fault::not_live ? "double " : "invalid ")
        .text(call)
        .text(" of offset ");
    line.pointer(reinterpret_cast<const void*>(offset))
        .text(" in shared heap ")
        .text(mapping.name())
        .text(" (");
    if (fault == Fault::not_live) end(line.text("no live block begins there"));
    if (fault == Fault::foreign) end(line.text("not from this heap"));
    const Blocks::Found found = mapping.blocks().find(offset);
    if (found.fault != Fault::none) end(line.text("no block begins there"));
    end(line.text("inside a ").number(found.size).text("-byte block"));
}

void report_foreign(Mapping& mapping, const char* call, const void* address) noexcept {
    base::Line line;
    line.text("ashlar: invalid ").text(call).text(" of address ").pointer(address);
    end(line.text(" in shared heap ").text(mapping.name()).text(" (not from this heap"));
}

void report_closed(const char* call, const void* address) noexcept {
    base::Line line;
    end(line.text("ashlar: invalid ")
            .text(call)
            .text(" of address ")
            .pointer(address)
            .text(" (in no open shared heap"));
}

}  // namespace ashlar::shared

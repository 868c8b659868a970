#include "malloc/api/statistics.hpp"

#include <unistd.h>
#include <cerrno>
#include <climits>

#include "base/line.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::api {

int trim() noexcept { return cache::trim() ? 1 : 0; }

struct mallinfo2 info2() noexcept {
    const cache::Totals totals = cache::totals();
    struct mallinfo2 info = {};
    info.arena = totals.held + totals.free;
    info.uordblks = totals.live;
    info.fordblks = info.arena > totals.live ? info.arena - totals.live : 0;
    info.keepcost = totals.free;
    info.usmblks = totals.peak;
    return info;
}

struct mallinfo info() noexcept {
    const struct mallinfo2 wide = info2();
    const auto narrow = [](std::size_t value) noexcept {
        return value > INT_MAX ? INT_MAX : static_cast<int>(value);
    };
    struct mallinfo info = {};
    info.arena = narrow(wide.arena);
    info.uordblks = narrow(wide.uordblks);
    info.fordblks = narrow(wide.fordblks);
    info.keepcost = narrow(wide.keepcost);
    info.usmblks = narrow(wide.usmblks);
    return info;
}

int write_info(int options, std::FILE* out) noexcept {
    if (options != 0) return EINVAL;
    const cache::Totals totals = cache::totals();
    const int written = std::fprintf(
        out,
        "<malloc version=\"ashlar-1\">\n<heap nr=\"0\">\n"
        "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n"
        "<total type=\"live\" size=\"%zu\"/>\n<total type=\"rest\" size=\"%zu\"/>\n"
        "<aspace type=\"total\" size=\"%zu\"/>\n</heap>\n</malloc>\n",
        totals.held, totals.peak, totals.live, totals.free, totals.reserved);
    return written < 0 ? -1 : 0;
}

void print_statistics() noexcept {
    const cache::Totals totals = cache::totals();
    base::Line line;
    line.text("ashlar: ")
        .size(totals.live)
        .text(" live in blocks, ")
        .size(totals.held)
        .text(" held, ");
    line.size(totals.peak).text(" held at most, ").size(totals.free).text(" free, ");
    line.size(totals.reserved).text(" reserved").write(STDERR_FILENO);
}

int accept_option(int parameter) noexcept {
    switch (parameter) {
        case M_MXFAST:
        case M_TRIM_THRESHOLD:
        case M_TOP_PAD:
        case M_MMAP_THRESHOLD:
        case M_MMAP_MAX:
        case M_CHECK_ACTION:
        case M_PERTURB:
        case M_ARENA_TEST:
        case M_ARENA_MAX: return 1;
        default: return 0;
    }
}

}  // namespace ashlar::api

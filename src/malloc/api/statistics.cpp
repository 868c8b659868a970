#include "malloc/api/statistics.hpp"

#include <unistd.h>
#include <cerrno>
#include <climits>
#include <utility>

#include "malloc/api/snapshot.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::api {

namespace {
constexpr std::size_t kMostClasses = 73;
}

int trim() noexcept { return cache::trim() ? 1 : 0; }

struct mallinfo2 info2() noexcept {
    const ash_stats stats = statistics(nullptr);
    struct mallinfo2 info = {};
    info.arena = stats.held - stats.mapped + stats.free;
    info.hblkhd = stats.mapped;
    info.uordblks = stats.live - stats.mapped;
    info.fordblks = stats.held - stats.live + stats.free;
    info.keepcost = stats.dirty;
    info.usmblks = stats.peak;
    return info;
}

struct mallinfo info() noexcept {
    const struct mallinfo2 wide = info2();
    const auto narrow = [](std::size_t value) noexcept {
        return value > INT_MAX ? INT_MAX : static_cast<int>(value);
    };
    struct mallinfo info = {};
    info.arena = narrow(wide.arena);
    info.hblkhd = narrow(wide.hblkhd);
    info.uordblks = narrow(wide.uordblks);
    info.fordblks = narrow(wide.fordblks);
    info.keepcost = narrow(wide.keepcost);
    info.usmblks = narrow(wide.usmblks);
    return info;
}

int write_info(int options, std::FILE* out) noexcept {
    if (options != 0) return EINVAL;
    const ash_stats stats = statistics(nullptr);
    const std::pair<const char*, std::size_t> totals[] = {
        {"live", stats.live},        {"asked", stats.asked}, {"mmap", stats.mapped},
        {"cache", stats.cached},     {"depot", stats.depot}, {"slab", stats.slabs},
        {"kept", stats.kept},        {"rest", stats.free},   {"dirty", stats.dirty},
        {"metadata", stats.metadata}};
    bool done = std::fputs("<malloc version=\"ashlar-2\">\n<heap nr=\"0\">\n<sizes>\n", out) >= 0;
    ash_class_stats classes[kMostClasses];
    const std::size_t n = class_statistics(classes, kMostClasses);
    for (const ash_class_stats* each = classes; done && each != classes + n; ++each) {
        done = std::fprintf(out,
                            "<size bytes=\"%zu\" slabs=\"%zu\" live=\"%zu\" cache=\"%zu\" "
                            "depot=\"%zu\" free=\"%zu\"/>\n",
                            each->size, each->slabs, each->live, each->cached, each->depot,
                            each->free) >= 0;
    }
    done = done && std::fputs("</sizes>\n", out) >= 0;
    for (const auto& [type, bytes] : totals)
        done = done && std::fprintf(out, "<total type=\"%s\" size=\"%zu\"/>\n", type, bytes) >= 0;
    done = done && std::fprintf(out,
                                "<system type=\"current\" size=\"%zu\"/>\n"
                                "<system type=\"max\" size=\"%zu\"/>\n"
                                "<aspace type=\"total\" size=\"%zu\"/>\n</heap>\n</malloc>\n",
                                stats.held, stats.peak, stats.reserved) >= 0;
    return done ? 0 : -1;
}

void print_statistics() noexcept { static_cast<void>(report(STDERR_FILENO, false)); }

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

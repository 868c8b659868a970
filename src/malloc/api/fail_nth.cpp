// ASHLAR_FAIL_NTH makes chosen allocations fail, so that a program's handling
// of that can be tested. In the drop-in only. Ignored in setuid programs.
//
//   N       the N-th allocation fails, once
//   N+      it and all after it
//   N+K     it and every K-th after it
//   0       none does: they are only counted
//   …@SIZE  only allocations of at least SIZE bytes are counted and fail;
//           K, M, G: KiB, MiB, GiB
#include <fcntl.h>
#include <unistd.h>
#include <cstdint>
#include <cstdlib>

#include "base/line.hpp"
#include "malloc/process/injection.hpp"

namespace {

int descriptor = -1;  // a copy of stderr, which many programs close as they exit

// Reads digits; false: there are none, or too many.
bool read_number(const char*& at, std::uint64_t& value) noexcept {
    const char* const begin = at;
    value = 0;
    for (; *at >= '0' && *at <= '9'; ++at) {
        if (at - begin == 18) return false;
        value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    return at != begin;
}

bool read_size(const char*& at, std::size_t& size) noexcept {
    std::uint64_t number = 0;
    if (!read_number(at, number)) return false;
    const unsigned shift = *at == 'K' ? 10 : *at == 'M' ? 20 : *at == 'G' ? 30 : 0;
    if (shift != 0) ++at;
    size = static_cast<std::size_t>(number) << shift;
    return size >> shift == number;
}

bool read_plan(const char* at, ashlar::cache::FailurePlan& plan) noexcept {
    plan = {};
    if (!read_number(at, plan.first)) return false;
    if (*at == '+') {
        ++at;
        plan.every = 1;
        if (*at >= '0' && *at <= '9' && (!read_number(at, plan.every) || plan.every == 0))
            return false;
    }
    if (*at == '@' && !read_size(++at, plan.least)) return false;
    return *at == '\0';
}

[[gnu::constructor]] void prepare() noexcept {
    const char* wish = secure_getenv("ASHLAR_FAIL_NTH");
    if (wish == nullptr || *wish == '\0') return;
    ashlar::cache::FailurePlan plan;
    if (!read_plan(wish, plan)) {
        ashlar::base::Line line;
        line.text(
                "ashlar: ASHLAR_FAIL_NTH: not N, N+ or N+K, then perhaps @SIZE; nothing will fail")
            .write(STDERR_FILENO);
        return;
    }
    descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
    ashlar::cache::injection.start(plan, descriptor);
}

[[gnu::destructor]] void print() noexcept {
    if (descriptor < 0) return;
    const ashlar::cache::Injection::Counts counts = ashlar::cache::injection.counts();
    ashlar::base::Line line;
    line.text("ashlar: pid ")
        .number(static_cast<std::uint64_t>(getpid()))
        .text(": ")
        .number(counts.counted);
    line.text(" allocations counted, ").number(counts.refused).text(" failed").write(descriptor);
}

}  // namespace

// Frees single large blocks: measures the memory that stays resident and the
// time of the frees.
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

namespace {

constexpr unsigned idle_ms = 1000;

/// Resident memory after an idle second, since `before`.
void figure_left(std::size_t before) {
    measure::rest_ms(idle_ms);
    figure("left_mib", measure::grown_mib(before, measure::anonymous_kib()));
}

}  // namespace

void one_block(Arguments arguments) {
    const std::size_t bytes = arguments.number(0) * measure::mib;
    const std::size_t before = measure::anonymous_kib();
    void* const block = std::malloc(bytes);
    require(block != nullptr, "malloc");
    std::memset(block, 1, bytes);
    std::free(block);
    figure_left(before);
}

void vector(Arguments arguments) {
    using Line = std::array<std::size_t, 8>;
    const std::size_t count = arguments.number(0) * measure::mib / sizeof(Line);
    const std::size_t before = measure::anonymous_kib();
    for (std::size_t round = 0; round < arguments.number(1); ++round) {
        std::vector<Line> lines;
        for (std::size_t i = 0; i < count; ++i) lines.push_back({i});
        require(lines[count / 2][0] == count / 2, "content");
    }
    figure("peak_mib", measure::grown_mib(before, measure::status_kib("VmHWM:")));
    figure_left(before);
}

/// The shortest of three, in microseconds.
void free_untouched(Arguments arguments) {
    const std::size_t bytes = arguments.number(0) * measure::mib;
    std::uint64_t least = ~std::uint64_t{0};
    for (int round = 0; round < 3; ++round) {
        void* const block = std::malloc(bytes);
        if (block == nullptr) measure::skip("the block is refused");
        const std::uint64_t begin = measure::now_ns();
        std::free(block);
        const std::uint64_t time = measure::now_ns() - begin;
        if (time < least) least = time;
        if (time > 1'000'000'000) break;
    }
    figure("free_us", static_cast<double>(least) / 1000);
}

/// `count` blocks, each aligned to its size, are live; one at random is
/// replaced, `rounds` times.
void aligned(Arguments arguments) {
    const std::size_t count = arguments.number(0);
    const std::size_t size = arguments.number(1);
    auto** const blocks = static_cast<void**>(measure::map(count * sizeof(void*)));
    measure::Random random(1);
    const std::size_t before = measure::anonymous_kib();
    measure::reset_peak();
    const std::size_t peak_before = measure::status_kib("VmHWM:");
    for (std::size_t i = 0; i < count + arguments.number(2); ++i) {
        void*& block = blocks[i < count ? i : random.below(count)];
        std::free(block);
        require(posix_memalign(&block, size, size) == 0, "posix_memalign");
        std::memset(block, 1, size);
    }
    figure("peak_mib", measure::grown_mib(peak_before, measure::status_kib("VmHWM:")));
    figure("resident_mib", measure::grown_mib(before, measure::anonymous_kib()));
    figure("live_mib", static_cast<double>(count * size) / measure::mib);
}

}  // namespace commands

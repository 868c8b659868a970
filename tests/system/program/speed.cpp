// Large blocks: how fast they are taken and given back, and how they grow.
#include <cstdlib>
#include <cstring>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

/// malloc, one byte written, free; in nanoseconds each.
void pairs(Arguments arguments) {
    const std::size_t size = arguments.number(0);
    const std::size_t count = arguments.number(1);
    std::uint64_t begin = 0;
    for (std::size_t i = 0; i < count + count / 10; ++i) {
        if (i == count / 10) begin = measure::now_ns();
        auto* const block = static_cast<char*>(std::malloc(size));
        require(block != nullptr, "malloc");
        block[0] = 1;
        std::free(block);
    }
    figure("pair_ns", static_cast<double>(measure::now_ns() - begin) / static_cast<double>(count));
}

/// Blocks grown in turn by realloc to `MIB`, by a step or by doubling; all of
/// them is written.
void grow(Arguments arguments) {
    constexpr std::size_t most = 64;
    const std::size_t count = arguments.number(0);
    const std::size_t last = arguments.number(1) * measure::mib;
    const std::size_t step = arguments.number(2) * measure::kib;
    require(count <= most, "too many blocks");
    char* blocks[most] = {};
    const std::size_t before = measure::status_kib("VmHWM:");
    const std::uint64_t begin = measure::cpu_ns();
    for (std::size_t size = 0; size < last;) {
        const std::size_t next =
            step != 0 ? size + step : (size == 0 ? 64 * measure::kib : 2 * size);
        for (std::size_t i = 0; i < count; ++i) {
            blocks[i] = static_cast<char*>(std::realloc(blocks[i], next));
            require(blocks[i] != nullptr, "realloc");
            std::memset(blocks[i] + size, 1, next - size);
        }
        size = next;
    }
    figure("cpu_s", static_cast<double>(measure::cpu_ns() - begin) / 1e9);
    figure("peak_mib", measure::grown_mib(before, measure::status_kib("VmHWM:")));
    for (std::size_t i = 0; i < count; ++i)
        require(blocks[i][0] == 1 && blocks[i][last - 1] == 1, "content");
}

}  // namespace commands

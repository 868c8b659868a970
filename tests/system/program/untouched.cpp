// The program uses only a part of its blocks. Pages that it does not touch must
// not become resident.
#include <cstdlib>
#include <cstring>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

/// `count` blocks; the first `bytes` of each are written.
void partly(Arguments arguments) {
    const bool zeroed = arguments.is(0, "calloc");
    const std::size_t count = arguments.number(1);
    const std::size_t size = arguments.number(2);
    const std::size_t bytes = arguments.number(3);
    auto** const blocks = static_cast<unsigned char**>(measure::map(count * sizeof(void*)));
    std::memset(blocks, 0, count * sizeof(void*));
    const std::size_t before = measure::anonymous_kib();
    const std::uint64_t begin = measure::cpu_ns();
    for (std::size_t i = 0; i < count; ++i) {
        void* const block = zeroed ? std::calloc(1, size) : std::malloc(size);
        require(block != nullptr, "malloc");
        blocks[i] = static_cast<unsigned char*>(block);
        require(!zeroed || blocks[i][0] == 0, "calloc is not zero");
        std::memset(block, 1, bytes);
    }
    figure("cpu_s", static_cast<double>(measure::cpu_ns() - begin) / 1e9);
    figure("resident_mib", measure::grown_mib(before, measure::anonymous_kib()));
    for (std::size_t i = 0; zeroed && i < count; ++i) {
        require(blocks[i][size - 1] == 0, "calloc is not zero");
    }
}

/// malloc and free of a block that is never written, then calloc of the same
/// size.
void calloc_again(Arguments arguments) {
    const std::size_t bytes = arguments.number(0) * measure::mib;
    const std::size_t before = measure::anonymous_kib();
    void* const first = std::malloc(bytes);
    require(first != nullptr, "malloc");
    std::free(first);
    auto* const second = static_cast<unsigned char*>(std::calloc(1, bytes));
    require(second != nullptr, "calloc");
    figure("resident_mib", measure::grown_mib(before, measure::anonymous_kib()));
    require(second[bytes / 2] == 0 && second[bytes - 1] == 0, "calloc is not zero");
}

}  // namespace commands

// usage: manager_counted one|slabs|many PAIRS     for callgrind with --instr-atstart=no
// Callgrind then counts PAIRS deallocations and allocations of random sizes
// among a thousand live blocks, as a user calls them.
#include <valgrind/callgrind.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <cstdlib>
#include <string_view>

#include "support/random.hpp"
#include "unit/manager/make.hpp"

int main(int argc, char** argv) {
    using namespace ashlar;
    if (argc != 3) return 2;
    const std::string_view kind = argv[1];
    const make::Mode mode = kind == "one"     ? make::Mode::one
                            : kind == "slabs" ? make::Mode::one_slabs
                                              : make::Mode::many;
    const auto pairs = static_cast<std::size_t>(std::atol(argv[2]));
    MemoryManager manager = MemoryManager::without_memory(Size{1} << 32, make::options(0, mode));
    Random random(1);
    std::array<Size, 1024> sizes;
    for (Size& size : sizes) size = random.below(1024) + 1;
    std::array<Offset, 1024> blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = manager.allocate(sizes[i]).value();
    std::array<std::uint16_t, 1024> order;
    for (std::uint16_t& place : order)
        place = static_cast<std::uint16_t>(random.below(blocks.size()));
    CALLGRIND_START_INSTRUMENTATION;
    for (std::size_t i = 0; i < pairs; ++i) {
        Offset& block = blocks[order[i % order.size()]];
        manager.deallocate(block);
        block = manager.allocate(sizes[(i * 7) % sizes.size()]).value();
    }
    CALLGRIND_STOP_INSTRUMENTATION;
    return manager.check() == 0 ? 0 : 1;
}

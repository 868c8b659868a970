// usage: manager_counted_batch each|batch PAIRS     for callgrind with
// --instr-atstart=no, which then counts PAIRS deallocations and allocations of
// large blocks, by single calls or 64 at a time, with Threads::many.
#include <valgrind/callgrind.h>

#include <ashlar/memory_manager.hpp>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "support/random.hpp"
#include "unit/manager/make.hpp"

int main(int argc, char** argv) {
    using namespace ashlar;
    if (argc != 3) return 2;
    const bool batch = std::string_view(argv[1]) == "batch";
    const auto pairs = static_cast<std::size_t>(std::atol(argv[2]));
    constexpr Size kSize = 2000;
    constexpr std::size_t kBatch = 64;
    MemoryManager manager =
        MemoryManager::without_memory(Size{1} << 32, make::options(0, make::Mode::many));
    std::vector<Offset> blocks(4096);
    for (Offset& block : blocks) block = manager.allocate(kSize).value();
    Random random(1);
    for (std::size_t i = blocks.size(); i > 1; --i)
        std::swap(blocks[i - 1], blocks[random.below(i)]);
    CALLGRIND_START_INSTRUMENTATION;
    for (std::size_t done = 0; done < pairs; done += kBatch) {
        const std::span<Offset> some = std::span(blocks).subspan(done % blocks.size(), kBatch);
        if (batch) {
            manager.deallocate_batch(some);
            if (manager.allocate_batch(kSize, 1, some) != some.size()) return 1;
            continue;
        }
        for (const Offset block : some) manager.deallocate(block);
        for (Offset& block : some) block = manager.allocate(kSize).value();
    }
    CALLGRIND_STOP_INSTRUMENTATION;
    return manager.check() == 0 ? 0 : 1;
}

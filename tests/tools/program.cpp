// The program that the test of gdb's printers stops. It prints the addresses of
// objects in its heap and its manager.
#include <ashlar/ashlar.h>

#include <array>
#include <ashlar/memory_manager.hpp>
#include <cstddef>
#include <cstdio>

namespace {

void print(const char* name, const void* address) { std::printf("%s %p\n", name, address); }

}  // namespace

// gdb's breakpoint.
extern "C" [[gnu::noinline]] void stopped(const ashlar::MemoryManager& manager) {
    asm volatile("" : : "r"(&manager) : "memory");
}

int main() {
    std::array<void*, 600> blocks{};
    for (void*& block : blocks) block = ash_malloc(64);
    print("live", blocks[0]);
    print("cached", blocks[599]);
    // The bin overflows into the depot.
    for (std::size_t i = 1; i < blocks.size(); ++i) ash_free(blocks[i]);

    std::array<void*, 20> medium{};
    for (void*& block : medium) block = ash_malloc(10'000);
    print("medium", medium[19]);  // not in the first unit of its slab
    ash_free(medium[0]);

    void* cached_run = ash_malloc(100'000);
    print("cached_run", cached_run);
    ash_free(cached_run);
    print("large", ash_malloc(3 << 20));
    void* freed = ash_malloc(3 << 20);
    print("freed", freed);
    ash_free(freed);
    print("mapped", ash_malloc(40 << 20));

    ashlar::ManagerOptions options;
    options.threads = ashlar::Threads::one;
    options.placement = ashlar::Placement::first_fit;
    ashlar::MemoryManager manager(4096, std::move(options));
    static_cast<void>(manager.allocate(100));
    const auto middle = manager.allocate(200);
    static_cast<void>(manager.allocate(300));
    manager.deallocate(middle.value());
    std::fflush(stdout);
    stopped(manager);
    return 0;
}

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ashlar/heap.hpp>

#include "report_faults.hpp"

namespace misuse {

namespace {

// Beside a guard page. Hits give other blocks.
char* sampled() {
    for (int i = 0; i < 400; ++i) {
        auto* const found = static_cast<char*>(std::malloc(40));
        if (malloc_usable_size(found) == 40) return found;
    }
    _exit(3);
}

void write_at(char* at) { __atomic_store_n(at, char{7}, __ATOMIC_RELAXED); }

sigjmp_buf place;

#if defined(__OPTIMIZE__)
constexpr bool kOptimized = true;
#else
constexpr bool kOptimized = false;  // frames are larger
#endif

}  // namespace

void sampled_twice() {
    char* const block = sampled();
    std::free(block);
    std::free(block);
}

void sampled_overwritten() {
    char* const block = sampled();
    const bool at_end = reinterpret_cast<std::uintptr_t>(block) % 4096 != 0;
    write_at(at_end ? block - 2 : block + 43);
    std::free(block);
}

void sampled_fault() {
    char* const block = sampled();
    std::free(block);
    write_at(block + 3);
}

void sampled_fault_with_a_handler() {
    describe_faults();
    sampled_fault();
}

void sampled_twice_with_a_handler() {
    describe_faults();
    sampled_twice();
}

void sampled_fault_with_a_handler_that_jumps() {
    static_cast<void>(
        ash_set_report_handler([](const ash_fault*, void*) { siglongjmp(place, 1); }, nullptr));
    static int faults = 0;
    if (sigsetjmp(place, 1) != 0 && faults == 2) {
        for (int i = 0; i < 1000; ++i) std::free(std::malloc(64));
        _exit(0);
    }
    ++faults;
    sampled_fault();
}

// The library's handler of SIGSEGV runs on the other stack, where the place of
// the handler that has left seems to lie above.
void sampled_fault_after_a_jump() {
    static char memory[65536];
    const stack_t other{memory, 0, sizeof memory};
    if (sigaltstack(&other, nullptr) != 0) _exit(3);
    static_cast<void>(
        ash_set_report_handler([](const ash_fault*, void*) { siglongjmp(place, 1); }, nullptr));
    static int faults = 0;
    static_cast<void>(sigsetjmp(place, 1));
    if (++faults == 1) sampled_twice();
    if (faults == 2) sampled_fault();
    _exit(0);
}

// Of 8 KiB where the kernel stores 3 KiB for a signal, above pages without
// access.
void sampled_fault_on_a_small_stack() {
    constexpr std::size_t kApart = 65536, kMore = kOptimized ? 5120 : 32768;
    const std::size_t bytes = getauxval(AT_MINSIGSTKSZ) + kMore;
    void* const memory =
        mmap(nullptr, kApart + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, kApart, PROT_NONE) != 0) _exit(3);
    const stack_t other{static_cast<char*>(memory) + kApart, 0, bytes};
    if (sigaltstack(&other, nullptr) != 0) _exit(3);
    sampled_fault();
}

void of_size_0() {
    void* const block = std::malloc(0);
    std::free(block);
    std::free(block);
}

void into_size_0() { std::free(static_cast<char*>(std::malloc(0)) + 4); }

void behind_a_run() { std::free(static_cast<char*>(std::malloc(1000000)) + (1 << 20) + 100); }

void behind_a_mapped_block() {
    constexpr std::size_t kBytes = std::size_t{64} << 20;
    std::free(static_cast<char*>(std::malloc(kBytes)) + kBytes + 100);
}

// The last block of its slab stays live, so that bytes behind it are near.
void behind_the_blocks_of_a_slab() {
    constexpr std::uintptr_t kUnit = 65536;
    constexpr std::size_t kSize = 48;
    constexpr std::uintptr_t kLast = kUnit / kSize * kSize - kSize;
    for (int i = 0; i < 4000; ++i) {
        auto* const block = static_cast<char*>(std::malloc(kSize));
        if (reinterpret_cast<std::uintptr_t>(block) % kUnit == kLast) std::free(block + kSize);
    }
}

void of_a_private_heap() {
    ashlar::Heap heap(std::size_t{1} << 20, ashlar::CheckLevel::full);
    void* const block = heap.allocate(48);
    heap.deallocate(block);
    heap.deallocate(block);
}

}  // namespace misuse

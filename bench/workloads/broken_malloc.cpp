// A faulty malloc, to test that the workloads notice it: one call in a thousand
// returns the block of the previous call. It never frees.
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

constexpr std::size_t heap_bytes = std::size_t{1} << 34;  // of address space
constexpr std::size_t header = 16;                        // before each block: its size

std::atomic<std::uintptr_t> heap{0};
std::atomic<std::size_t> used{0};
std::atomic<unsigned> calls{0};
std::atomic<unsigned char*> last{nullptr};

unsigned char* base() noexcept {
    std::uintptr_t begin = heap.load(std::memory_order_acquire);
    if (begin != 0) return reinterpret_cast<unsigned char*>(begin);
    void* memory = mmap(nullptr, heap_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const auto mapped = reinterpret_cast<std::uintptr_t>(memory);
    if (heap.compare_exchange_strong(begin, mapped, std::memory_order_acq_rel)) begin = mapped;
    return reinterpret_cast<unsigned char*>(begin);
}

std::size_t size_of(void* block) noexcept {
    std::size_t size;
    std::memcpy(&size, static_cast<unsigned char*>(block) - header, sizeof size);
    return size;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
    if (calls.fetch_add(1, std::memory_order_relaxed) % 1000 == 999) {
        unsigned char* twice = last.load(std::memory_order_acquire);
        if (twice != nullptr && size_of(twice) >= size) return twice;
    }
    const std::size_t rounded = (size + header + 15) / 16 * 16;
    const std::size_t at = used.fetch_add(rounded, std::memory_order_relaxed);
    if (at + rounded > heap_bytes) return nullptr;
    unsigned char* block = base() + at + header;
    std::memcpy(block - header, &size, sizeof size);
    last.store(block, std::memory_order_release);
    return block;
}

void free(void*) {}

void* calloc(std::size_t count, std::size_t size) {
    void* block = malloc(count * size);
    return block == nullptr ? nullptr : std::memset(block, 0, count * size);
}

void* realloc(void* old, std::size_t size) {
    void* block = malloc(size);
    if (block == nullptr || old == nullptr) return block;
    const std::size_t kept = size_of(old) < size ? size_of(old) : size;
    return std::memmove(block, old, kept);
}
}

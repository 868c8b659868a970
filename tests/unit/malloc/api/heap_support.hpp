// Helpers that the tests of Heap share.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_HEAP_SUPPORT_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_HEAP_SUPPORT_HPP

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <ashlar/heap.hpp>

namespace heap_support {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

using Blocks = std::vector<std::pair<void*, std::size_t>>;

// Every live block with its usable size, in the order of the visit.
inline Blocks visited(ashlar::Heap& heap) {
    Blocks blocks;
    heap.visit([&](void* block, std::size_t usable) {
        blocks.emplace_back(block, usable);
        return true;
    });
    return blocks;
}

// The number of resident pages in [address, address + size).
inline std::size_t resident_pages(const void* address, std::size_t size) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const std::uintptr_t first =
        (reinterpret_cast<std::uintptr_t>(address) + page - 1) / page * page;
    const std::uintptr_t last = (reinterpret_cast<std::uintptr_t>(address) + size) / page * page;
    if (last <= first) return 0;
    std::vector<unsigned char> pages((last - first) / page);
    if (mincore(reinterpret_cast<void*>(first), last - first, pages.data()) != 0) return 0;
    return static_cast<std::size_t>(std::count_if(
        pages.begin(), pages.end(), [](unsigned char flags) { return (flags & 1) != 0; }));
}

// Whether anything is mapped at the address.
inline bool is_mapped(const void* address) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    return msync(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(address) / page * page),
                 page, MS_ASYNC) == 0;
}

}  // namespace heap_support

#endif

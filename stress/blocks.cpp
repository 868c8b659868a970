#include "blocks.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <ashlar/ashlar.h>

namespace stress {
namespace {

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::size_t dense_limit = 4096;
constexpr std::size_t stride = 256;

std::uint64_t pattern(std::uint64_t seed, std::size_t offset) noexcept {
    return (seed ^ offset) * 0x9E3779B97F4A7C15U;
}

/// Calls each(offset, length) for every piece of a block that carries the
/// pattern; length is a word, or less at the end.
template <class Each>
void for_each_piece(std::size_t size, Each&& each) {
    const std::size_t step = size <= dense_limit ? word : stride;
    for (std::size_t offset = 0; offset < size; offset += step)
        each(offset, std::min(word, size - offset));
    const std::size_t last = (size - 1) / word * word;
    if (size > dense_limit) each(last, size - last);
}

void verify_prefix(const Block& block, std::size_t limit) noexcept {
    for_each_piece(block.size, [&](std::size_t offset, std::size_t length) {
        if (offset >= limit) return;
        const std::size_t kept = std::min(length, limit - offset);
        const std::uint64_t expected = pattern(block.seed, offset);
        if (std::memcmp(block.data + offset, &expected, kept) != 0) {
            fail("content changed", block.data, block.size, offset);
        }
    });
}

unsigned char* take_zeroed(std::size_t size) noexcept {
    auto* data = static_cast<unsigned char*>(ash_calloc(1, size));
    if (data == nullptr) return nullptr;
    for_each_piece(size, [&](std::size_t offset, std::size_t length) {
        constexpr unsigned char zero[word] = {};
        if (std::memcmp(data + offset, zero, length) != 0)
            fail("calloc is not zero", data, size, offset);
    });
    return data;
}

unsigned char* take_aligned(Random& random, std::size_t size) noexcept {
    const std::size_t alignment = std::size_t{16} << random.below(random.one_in(16) ? 14 : 9);
    void* data = nullptr;
    if (ash_posix_memalign(&data, alignment, size) != 0) return nullptr;
    if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0)
        fail("not aligned", data, size, alignment);
    return static_cast<unsigned char*>(data);
}

}  // namespace

void fail(const char* what, const void* address, std::size_t size, std::size_t detail) noexcept {
    std::fprintf(stderr, "ashlar_stress: %s: block %p of %zu bytes (%zu)\n", what, address, size,
                 detail);
    std::abort();
}

std::size_t mixed_size(Random& random) noexcept {
    const std::size_t kind = random.below(1000);
    if (kind < 750) return 1 + random.below(512);
    if (kind < 950) return 1 + random.below(8 * 1024);
    if (kind < 995) return 1 + random.below(64 * 1024);
    return 1 + random.below(1024 * 1024);
}

void stamp(const Block& block) noexcept {
    for_each_piece(block.size, [&](std::size_t offset, std::size_t length) {
        const std::uint64_t value = pattern(block.seed, offset);
        std::memcpy(block.data + offset, &value, length);
    });
}

void verify(const Block& block) noexcept { verify_prefix(block, block.size); }

Block take(Random& random, std::size_t size) noexcept {
    unsigned char* data = nullptr;
    const std::size_t kind = random.below(8);
    if (kind == 0) {
        data = take_zeroed(size);
    } else if (kind == 1) {
        data = take_aligned(random, size);
    } else {
        data = static_cast<unsigned char*>(ash_malloc(size));
    }
    if (data == nullptr) fail("out of memory", nullptr, size, kind);
    // The program may use the whole usable size: blocks that overlap in their
    // slack are a fault too.
    if (random.one_in(4)) size = ash_malloc_usable_size(data);
    const Block block{data, size, random.next()};
    stamp(block);
    return block;
}

void give(Random& random, const Block& block) noexcept {
    verify(block);
    if (random.one_in(8)) std::memset(block.data, 0xA5, std::min<std::size_t>(block.size, 64));
    ash_free(block.data);
}

void resize(Random& random, Block& block, std::size_t size) noexcept {
    verify(block);
    auto* data = static_cast<unsigned char*>(ash_realloc(block.data, size));
    if (data == nullptr) fail("out of memory in realloc", block.data, size, block.size);
    block.data = data;
    verify_prefix(block, size);
    block.size = size;
    block.seed = random.next();
    stamp(block);
}

}  // namespace stress

// Patterns that the tests write into blocks and check later, and the random
// numbers that choose sizes. Every run draws the same ones.
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_PATTERN_HPP
#define ASHLAR_TESTS_UNIT_MALLOC_API_PATTERN_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

// For loops over a few sizes, without a cast on each.
using Sizes = std::initializer_list<std::size_t>;

// splitmix64 (Steele, Lea, Flood 2014)
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
    // As many small sizes as large ones on a logarithmic scale, up to 2^bits.
    std::size_t size(unsigned bits) { return below(std::size_t{1} << (1 + below(bits))); }

  private:
    std::uint64_t state_;
};

inline unsigned char pattern_byte(std::size_t offset, std::uint64_t seed) {
    return static_cast<unsigned char>((offset * 0x9e3779b97f4a7c15 + seed * 0xbf58476d1ce4e5b9) >>
                                      56);
}

inline void fill(void* block, std::size_t size, std::uint64_t seed) {
    auto* bytes = static_cast<unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern_byte(i, seed);
}

// The offset of the first byte that differs from what `fill` wrote, or `size`.
inline std::size_t first_difference(const void* block, std::size_t size, std::uint64_t seed) {
    const auto* bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i) {
        if (bytes[i] != pattern_byte(i, seed)) return i;
    }
    return size;
}

inline bool intact(const void* block, std::size_t size, std::uint64_t seed) {
    return first_difference(block, size, seed) == size;
}

inline bool all_zero(const void* block, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(block);
    return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

inline bool is_aligned(const void* block, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

// The value, but unknown to the compiler, so that it neither warns about
// impossible sizes nor folds the call.
template <class T>
T opaque(T value) {
    asm volatile("" : "+r"(value) : : "memory");
    return value;
}

#endif

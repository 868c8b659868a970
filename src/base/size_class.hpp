// Size classes and their geometry, all of it constant tables by class: a giver
// that was delayed past its slab's next life reads nothing that the slab's
// owner writes. Four steps per doubling, as in jemalloc: from 64 B on at most a
// quarter is slack.
//
//   bin    0        1 .. 40                      41 .. 72
//          nothing  blocks of 16 B .. 32 KiB     runs of 1 .. 32 units (64 KiB .. 2 MiB)
#ifndef ASHLAR_BASE_SIZE_CLASS_HPP
#define ASHLAR_BASE_SIZE_CLASS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bits.hpp"
#include "base/config.hpp"

namespace ashlar::base {

using Bin = std::uint32_t;

inline constexpr Bin kClasses = 41;  // class 0 is "no slab"
inline constexpr std::uint32_t kMaxRunUnits = 32;
inline constexpr Bin kBins = kClasses + kMaxRunUnits;
inline constexpr std::size_t kMaxSmall = std::size_t{32} * 1024;
inline constexpr std::size_t kMaxRun = std::size_t{kMaxRunUnits} * kUnitSize;
inline constexpr std::uint32_t kMaxSlabUnits = 5;
inline constexpr std::size_t kMaxSlabWords = kUnitSize / kMinAlignment / kWordBits;

// Class of a size from 1 to kMaxSmall, by computation: 16-byte steps up to 128,
// then four steps per doubling.
constexpr Bin class_of_size(std::size_t size) noexcept {
    if (size <= 128) return static_cast<Bin>((std::max<std::size_t>(size, 1) + 15) / 16);
    // 2^log < size <= 2^(log+1), log >= 7.
    const unsigned log = static_cast<unsigned>(std::bit_width(size - 1)) - 1;
    const std::size_t step = std::size_t{1} << (log - 2);
    const std::size_t quarter = (size - (std::size_t{1} << log) + step - 1) / step;  // 1 .. 4
    return static_cast<Bin>(8 + (log - 7) * 4 + quarter);
}

constexpr std::size_t size_of_class(Bin c) noexcept {
    if (c <= 8) return c * std::size_t{16};
    const unsigned log = 7 + (c - 9) / 4;
    return (std::size_t{1} << log) + ((c - 9) % 4 + 1) * (std::size_t{1} << (log - 2));
}

constexpr bool is_run(Bin bin) noexcept { return bin >= kClasses; }
constexpr Bin bin_of_run(std::uint32_t units) noexcept {
    return units <= kMaxRunUnits ? kClasses + units - 1 : 0;
}
constexpr std::uint32_t units_of_run(Bin bin) noexcept { return bin - kClasses + 1; }

struct ClassGeometry {
    std::uint32_t size;        // bytes of a block
    std::uint32_t units;       // units of a slab
    std::uint32_t blocks;      // blocks of a slab
    std::uint32_t words;       // bitmap words of a slab
    std::uint64_t reciprocal;  // ceil(2^40 / size): divides any offset within a slab
    Word last;                 // the valid bits of the last word
};

namespace detail {
// Enough units for eight blocks, and of those lengths the one that leaves least
// over: a slab of few blocks is a refill for nothing.
constexpr std::uint32_t slab_units(std::size_t size) noexcept {
    if (size * 8 <= kUnitSize) return 1;
    std::uint32_t best = 1;
    std::size_t least = SIZE_MAX;
    for (std::uint32_t units = 1; units <= kMaxSlabUnits; ++units) {
        const std::size_t bytes = units * kUnitSize;
        if (bytes / size < 8 && units < kMaxSlabUnits) continue;
        const std::size_t left = (bytes % size) * 64 / units;
        if (left < least) {
            least = left;
            best = units;
        }
        if (left == 0) break;
    }
    return best;
}

constexpr std::array<ClassGeometry, kClasses> make_geometry() noexcept {
    std::array<ClassGeometry, kClasses> table{};
    for (Bin c = 1; c < kClasses; ++c) {
        const std::size_t size = size_of_class(c);
        const std::uint32_t units = slab_units(size);
        const auto blocks = static_cast<std::uint32_t>(units * kUnitSize / size);
        const std::uint32_t words = (blocks + kWordBits - 1) / kWordBits;
        const std::uint32_t in_last = blocks - (words - 1) * kWordBits;
        table[c] = {static_cast<std::uint32_t>(size),
                    units,
                    blocks,
                    words,
                    ((std::uint64_t{1} << 40) + size - 1) / size,
                    mask(0, in_last)};
    }
    return table;
}
}  // namespace detail

inline constexpr std::array<ClassGeometry, kClasses> kGeometry = detail::make_geometry();

// Slabs of blocks that are at least a page know which blocks have not been
// handed out since their pages were zero. Their bitmaps are short: the second
// half of the slab's words has a bit for each such block.
inline constexpr std::size_t kFreshSize = 4096;
inline constexpr std::uint32_t kFreshWord = kMaxSlabWords / 2;
constexpr bool knows_fresh(Bin c) noexcept { return kGeometry[c].size >= kFreshSize; }

// Whether blocks are no larger than a line of the cache: neighbours share one,
// or a pair of lines that is fetched together.
constexpr bool shares_lines(Bin c) noexcept { return kGeometry[c].size <= kCacheLine; }

// Which bits of word `w` of a slab stand for blocks.
constexpr Word full_word(const ClassGeometry& g, std::uint32_t w) noexcept {
    return w + 1 == g.words ? g.last : ~Word{0};
}

// Number of the block that holds the byte at `offset` of a slab.
constexpr std::uint32_t block_of_offset(const ClassGeometry& g, std::size_t offset) noexcept {
    return static_cast<std::uint32_t>((offset * g.reciprocal) >> 40);
}

constexpr std::size_t size_of_bin(Bin bin) noexcept {
    return is_run(bin) ? units_of_run(bin) * kUnitSize : kGeometry[bin].size;
}

constexpr std::uint32_t units_of_size(std::size_t size) noexcept {
    return static_cast<std::uint32_t>((size + kUnitSize - 1) >> kUnitShift);
}

// The bin that serves a size; 0 where only the spans can (over 2 MiB).
constexpr Bin bin_of_size(std::size_t size) noexcept {
    if (size <= kMaxSmall) return class_of_size(size);
    return size <= kMaxRun ? bin_of_run(units_of_size(size)) : 0;
}

// The smallest bin whose every block lies at a multiple of `alignment` (a power
// of two up to a unit); 0: none.
constexpr Bin bin_of_aligned(std::size_t size, std::size_t alignment) noexcept {
    if (size <= kMaxSmall && alignment <= kMaxSmall) {
        for (Bin c = class_of_size((size + alignment - 1) & ~(alignment - 1)); c < kClasses; ++c) {
            if ((kGeometry[c].size & (alignment - 1)) == 0 && kGeometry[c].size >= alignment)
                return c;
        }
    }
    return size <= kMaxRun ? bin_of_run(std::max(1U, units_of_size(size))) : 0;
}

// The bin that serves a size at an alignment, a power of two; 0 where only the
// spans can.
constexpr Bin bin_of(std::size_t size, std::size_t alignment) noexcept {
    if (alignment <= kMinAlignment) return bin_of_size(size);
    return alignment <= kUnitSize ? bin_of_aligned(size, alignment) : 0;
}

}  // namespace ashlar::base

#endif

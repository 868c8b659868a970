// The sizes of small blocks, and the shape of their slabs for a buffer of a
// given size. Constant after construction.
//
//   sizes   8 16 24 .. 128 | 144 160 .. 256 | 288 320 .. 512 | 576 640 .. 1024
//
// Eight to each power of two from 64 on.
#ifndef ASHLAR_MANAGER_SLABS_SHAPE_HPP
#define ASHLAR_MANAGER_SLABS_SHAPE_HPP

#include <algorithm>
#include <array>
#include <ashlar/policy.hpp>
#include <bit>
#include <cstdint>

#include "base/bits.hpp"

namespace ashlar::manager {

using Class = std::uint32_t;  // 1 .. kClasses - 1, by size; 0: none
inline constexpr Class kClasses = 41;
inline constexpr Size kMostSmall = 1024;
inline constexpr Size kGrain = 8;  // every block of a slab lies at a multiple of it
// By which a block may be larger than what was asked for: 1 + it fits a byte,
// 255 is spare.
inline constexpr std::uint32_t kMostSlack = 253;
inline constexpr Offset kNoOffset = ~Offset{0};

constexpr Size size_of_class(Class c) noexcept {
    if (c <= 16) return c * kGrain;
    const unsigned log = 7 + (c - 17) / 8;
    return (Size{1} << log) + ((c - 17) % 8 + 1) * (Size{1} << (log - 3));
}

constexpr Class class_of_size(Size size) noexcept {
    if (size <= 128) return static_cast<Class>((std::max<Size>(size, 1) + kGrain - 1) / kGrain);
    // 2^log < size <= 2^(log+1).
    const unsigned log = static_cast<unsigned>(std::bit_width(size - 1)) - 1;
    const Size step = Size{1} << (log - 3);
    return static_cast<Class>(16 + (log - 7) * 8 + (size - (Size{1} << log) + step - 1) / step);
}
static_assert(class_of_size(kMostSmall) == kClasses - 1 &&
              size_of_class(kClasses - 1) == kMostSmall);

struct ClassSize {
    std::uint32_t size;
    std::uint32_t reciprocal;  // ceil(2^32 / size): divides any offset within a slab
};

namespace detail {
constexpr std::array<ClassSize, kClasses> make_sizes() noexcept {
    std::array<ClassSize, kClasses> table{};
    for (Class c = 1; c < kClasses; ++c) {
        const Size size = size_of_class(c);
        table[c] = {static_cast<std::uint32_t>(size),
                    static_cast<std::uint32_t>(((Size{1} << 32) + size - 1) / size)};
    }
    return table;
}
}  // namespace detail

inline constexpr std::array<ClassSize, kClasses> kSizes = detail::make_sizes();

// Of a buffer that may grow to `limit` bytes.
struct Shape {
    static constexpr unsigned kLeastShift = 12;
    static constexpr unsigned kMostShift = 16;
    static constexpr Size kLeastLimit = Size{1} << 20;
    // Maximum number of slabs at a time: a Place has 19 bits for the id. Beyond
    // it, small blocks come from the range allocator.
    static constexpr std::uint32_t kMostSlabs = (1U << 19) - 1;
    // Of a slab, so that at most this part of it is left over at its end.
    static constexpr std::uint32_t kLeastBlocks = 16;

    std::uint32_t shift;  // of a slab's bytes; 0: this buffer has no slabs
    std::uint32_t slabs;  // ids are 1 .. slabs
    Size pages;           // places for a slab
    Size most;            // the largest small block
    Size cached;          // bytes of each class that a cache may keep

    [[nodiscard]] Size slab_size() const noexcept { return Size{1} << shift; }
    [[nodiscard]] std::uint32_t blocks(Class c) const noexcept { return blocks_[c]; }
    [[nodiscard]] std::uint32_t words(Class c) const noexcept {
        return (blocks(c) + base::kWordBits - 1) / base::kWordBits;
    }
    [[nodiscard]] base::Word full(Class c, std::uint32_t word) const noexcept {
        const std::uint32_t left = blocks(c) - word * base::kWordBits;
        return base::mask(0, std::min(left, base::kWordBits));
    }
    // Upper bounds of any slab.
    [[nodiscard]] std::uint32_t most_blocks() const noexcept {
        return static_cast<std::uint32_t>(slab_size() / kGrain);
    }
    [[nodiscard]] std::uint32_t most_words() const noexcept {
        return most_blocks() / base::kWordBits;
    }

    // The class whose blocks are long enough and lie at multiples of
    // `alignment`, a power of two; 0: there is none. size >= 1.
    [[nodiscard]] Class class_of(Size size, Size alignment) const noexcept {
        if (size - 1 >= most) return 0;
        return alignment <= least_ ? listed(size) : class_of_aligned(size, alignment);
    }
    // The same by a table; 0: the table has no entry, or there is no class.
    [[nodiscard]] Class known_class_of(Size size, Size alignment) const noexcept {
        return size - 1 < most && alignment <= least_ ? listed(size) : Class{0};
    }
    // Whether all blocks of a class lie at multiples of `alignment`, a power of
    // two.
    [[nodiscard]] bool suits(Class c, Size alignment) const noexcept {
        return (kSizes[c].size & (std::max(alignment, least_) - 1)) == 0;
    }

    static Shape of(Size limit, Size small_limit, Size granularity) noexcept {
        constexpr Size kMostGranularity = 16;
        Shape shape{};
        if (limit < kLeastLimit || small_limit == 0 || granularity > kMostGranularity) return shape;
        const auto shift = static_cast<unsigned>(std::bit_width(limit / 1024)) - 1;
        shape.shift = std::clamp(shift, kLeastShift, kMostShift);
        shape.pages = limit >> shape.shift;
        shape.slabs = static_cast<std::uint32_t>(std::min<Size>(shape.pages, kMostSlabs));
        shape.most = std::min({small_limit, kMostSmall, shape.slab_size() / kLeastBlocks});
        shape.cached = std::clamp(limit / 4096, Size{512}, Size{4096});
        for (Class c = 1; c < kClasses; ++c)
            shape.blocks_[c] = static_cast<std::uint16_t>(shape.slab_size() / kSizes[c].size);
        shape.least_ = std::max(granularity, kGrain);
        for (std::size_t i = 1; i < shape.classes_.size(); ++i) {
            shape.classes_[i] =
                static_cast<std::uint8_t>(shape.class_of_aligned(i * kGrain, granularity));
        }
        return shape;
    }

  private:
    [[nodiscard]] Class listed(Size size) const noexcept {
        return classes_[(size + kGrain - 1) / kGrain];
    }
    [[nodiscard]] Class class_of_aligned(Size size, Size alignment) const noexcept {
        if (alignment > most) return 0;
        for (Class c = class_of_size((std::max<Size>(size, 1) + alignment - 1) & ~(alignment - 1));
             c < kClasses; ++c) {
            if (kSizes[c].size - size > kMostSlack) return 0;
            if ((kSizes[c].size & (alignment - 1)) == 0) return c;
        }
        return 0;
    }

    std::array<std::uint16_t, kClasses> blocks_;
    Size least_;  // every block lies at a multiple of it, whatever the alignment asked for
    std::array<std::uint8_t, kMostSmall / kGrain + 1> classes_;  // of sizes in grains
};

}  // namespace ashlar::manager

#endif

// What the hit paths know of a class, by constant tables: which class serves a
// small size, and which block begins at a distance from a slab's start. The
// tables have an entry for each value of the bits they are read with, so that a
// wrong word in the segment names no block.
#ifndef ASHLAR_SHARED_BLOCKS_SHAPE_HPP
#define ASHLAR_SHARED_BLOCKS_SHAPE_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shared/segment/segment.hpp"

namespace ashlar::shared {

// Sizes up to this one have their class in a table.
inline constexpr std::size_t kMostTabled = base::kMaxSmall;

inline constexpr auto kClassOfStep = [] {
    std::array<std::uint8_t, kMostTabled / base::kMinAlignment + 1> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        const Bin c = base::class_of_size(i * base::kMinAlignment);
        table[i] = static_cast<std::uint8_t>(c < kFirstClass ? kFirstClass : c);
    }
    return table;
}();
constexpr Bin tabled_class(std::size_t size) noexcept {
    return kClassOfStep[(size + base::kMinAlignment - 1) / base::kMinAlignment];
}

// Exact division by the size, which is odd * 2^shift: the product with the
// inverse of `odd` modulo 2^32 is the quotient, or larger than any quotient of
// a slab. [Granlund and Montgomery, Division by invariant integers, section 9]
struct Shape {
    std::uint32_t size;
    std::uint32_t blocks;
    std::uint32_t inverse;
    std::uint32_t shift;
    // The number of the block that begins here, or at least `blocks`.
    [[nodiscard]] constexpr std::uint32_t number_at(std::uint32_t distance) const noexcept {
        return std::rotr(distance * inverse, static_cast<int>(shift));
    }
};

inline constexpr std::uint32_t kShapes = 64;  // all values of a state's class
inline constexpr auto kShape = [] {
    std::array<Shape, kShapes> table{};
    for (Bin c = kFirstClass; c < base::kClasses; ++c) {
        const std::uint32_t size = base::kGeometry[c].size;
        const auto shift = static_cast<std::uint32_t>(std::countr_zero(size));
        const std::uint32_t odd = size >> shift;
        std::uint32_t inverse = odd;  // three bits are right; each step doubles them
        for (int i = 0; i < 4; ++i) inverse *= 2 - odd * inverse;
        table[c] = {size, base::kGeometry[c].blocks, inverse, shift};
    }
    return table;
}();

}  // namespace ashlar::shared

#endif

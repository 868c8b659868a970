// Bytes that the checks write into free blocks and behind live ones, and how
// they are compared. The caller owns the block.
#ifndef ASHLAR_MALLOC_CHECKS_PATTERN_HPP
#define ASHLAR_MALLOC_CHECKS_PATTERN_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/atomic.hpp"

namespace ashlar::checks {

// Bytes at the beginning of a free block that have the pattern.
inline constexpr std::size_t kMostFilled = 256;
inline constexpr std::uint64_t kPattern = 0xdfdfdfdfdfdfdfdfU;

// Sixteen bytes at a time: blocks are multiples of that, and begin at one.
using Pair [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;

constexpr std::size_t filled_bytes(std::size_t usable) noexcept {
    return usable < kMostFilled ? usable : kMostFilled;
}

// Calls f with each pair of [at, end), four in a step while there are four.
template <class P, class F>
[[gnu::always_inline]] inline void each_pair(P* at, std::size_t bytes, F f) noexcept {
    P* const end = at + bytes / sizeof(Pair);
    for (; end - at >= 4; at += 4) {
        f(at[0]);
        f(at[1]);
        f(at[2]);
        f(at[3]);
    }
    for (; at != end; ++at) {
        f(*at);
        base::opaque(at);  // or the compiler calls memset() for three pairs
    }
}

// Writes the pattern into a block of `usable` bytes, a multiple of 16.
[[gnu::always_inline]] inline void fill(void* block, std::size_t usable) noexcept {
    each_pair(static_cast<Pair*>(block), filled_bytes(usable), [](Pair& pair) noexcept {
        pair = Pair{kPattern, kPattern};
    });
}

// Whether the first bytes of a block repeat the word.
[[gnu::always_inline]] inline bool repeats(const void* block, std::size_t usable,
                                           std::uint64_t word) noexcept {
    const Pair expected = {word, word};
    Pair other = {0, 0};
    each_pair(static_cast<const Pair*>(block), filled_bytes(usable),
              [&](const Pair& pair) noexcept { other |= pair ^ expected; });
    return (other[0] | other[1]) == 0;
}

// Ends the program over a block that does not.
[[noreturn, gnu::cold]] void report_written(const void* block, std::size_t usable,
                                            std::uint64_t word) noexcept;

// End the program if the first bytes are not as fill() left them, or not zero.
inline void check_filled(const void* block, std::size_t usable) noexcept {
    if (!repeats(block, usable, kPattern)) [[unlikely]]
        report_written(block, usable, kPattern);
}
inline void check_zero(const void* block, std::size_t usable) noexcept {
    if (!repeats(block, usable, 0)) [[unlikely]]
        report_written(block, usable, 0);
}

inline constexpr std::size_t kUnchanged = ~std::size_t{0};

// The bytes from what was asked for to the end of the block. The first 16 of
// them have the canary, or all if they are fewer.
//
//   block | asked for ...        | canary ... | rest |
//                                ^ usable - slack    ^ usable, a multiple of 16
class Tail {
  public:
    // slack > 0.
    Tail(void* block, std::size_t usable, std::size_t slack) noexcept
        : slack_(slack), at_(static_cast<unsigned char*>(block) +
                             (slack < kMost ? usable - kMost : usable - slack)) {}

    void put(std::uint64_t word) const noexcept {
        if (slack_ >= kMost) {
            store(0, word);
            store(1, word);
            return;
        }
        // Leaves the program's bytes before it.
        store(0, (load(0) & ~mask(0)) | (word & mask(0)));
        store(1, (load(1) & ~mask(1)) | (word & mask(1)));
    }
    // The offset of the first changed byte behind what was asked for.
    [[nodiscard]] std::size_t changed(std::uint64_t word) const noexcept {
        const bool whole = slack_ >= kMost;
        const std::uint64_t low = (load(0) ^ word) & (whole ? ~std::uint64_t{0} : mask(0));
        const std::uint64_t high = (load(1) ^ word) & (whole ? ~std::uint64_t{0} : mask(1));
        if ((low | high) == 0) [[likely]]
            return kUnchanged;
        const unsigned byte = low != 0 ? static_cast<unsigned>(__builtin_ctzll(low)) / 8
                                       : 8 + static_cast<unsigned>(__builtin_ctzll(high)) / 8;
        return slack_ < kMost ? byte - (kMost - slack_) : byte;
    }

  private:
    static constexpr std::size_t kMost = 16;

    [[nodiscard]] std::uint64_t load(unsigned word) const noexcept {
        std::uint64_t value;
        std::memcpy(&value, at_ + word * sizeof value, sizeof value);
        return value;
    }
    void store(unsigned word, std::uint64_t value) const noexcept {
        std::memcpy(at_ + word * sizeof value, &value, sizeof value);
    }
    // The bytes of a word that belong to the canary: the highest ones.
    [[nodiscard]] std::uint64_t mask(unsigned word) const noexcept { return kMasks[slack_][word]; }
    static constexpr auto kMasks = [] {
        std::array<std::array<std::uint64_t, 2>, kMost> masks{};
        for (std::size_t slack = 1; slack < kMost; ++slack) {
            const std::size_t before = 8 * (kMost - slack);  // bits of the program's bytes
            masks[slack][0] = before >= 64 ? 0 : ~std::uint64_t{0} << before;
            masks[slack][1] = ~std::uint64_t{0} << (before > 64 ? before - 64 : 0);
        }
        return masks;
    }();

    std::size_t slack_;
    unsigned char* at_;
};

}  // namespace ashlar::checks

#endif

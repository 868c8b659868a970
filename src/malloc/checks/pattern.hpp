// Bytes that the checks write into free blocks and behind live ones, and how
// they are compared. The caller owns the block. No loop for a block of up to
// 256 bytes, and few branches: sizes follow no order that a processor could
// learn.
#ifndef ASHLAR_MALLOC_CHECKS_PATTERN_HPP
#define ASHLAR_MALLOC_CHECKS_PATTERN_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ashlar::checks {

// Bytes at the beginning of a free block that have the pattern.
inline constexpr std::size_t kMostFilled = 256;
inline constexpr std::uint64_t kPattern = 0xdfdfdfdfdfdfdfdfU;

// Sixteen bytes at a time: blocks are multiples of that, and begin at one.
using Pair [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;
// The same at any address.
using LoosePair [[gnu::vector_size(16), gnu::may_alias, gnu::aligned(1)]] = std::uint64_t;

[[gnu::always_inline]] inline bool any(Pair pair) noexcept { return (pair[0] | pair[1]) != 0; }

constexpr std::size_t filled_bytes(std::size_t usable) noexcept {
    return usable < kMostFilled ? usable : kMostFilled;
}

// Calls f with n pairs of the beginning and with n of the end, which may
// overlap.
template <class P, class F, std::size_t... i>
[[gnu::always_inline]] inline void both_ends(P* begin, P* end, F& f,
                                             std::index_sequence<i...> /*n*/) noexcept {
    (f(begin[i]), ...);
    (f(*(end - (sizeof...(i) - i))), ...);
}
template <std::size_t n, class P, class F>
[[gnu::always_inline]] inline void both_ends(P* begin, P* end, F& f) noexcept {
    both_ends(begin, end, f, std::make_index_sequence<n>());
}

// Calls f with each pair of [begin, end), 16 to 256 bytes, with some of them
// twice. `bytes`: so many, or more than 128.
template <class P, class F>
[[gnu::always_inline]] inline void each_pair(P* begin, P* end, std::size_t bytes, F f) noexcept {
    if (bytes > 128) return both_ends<8>(begin, end, f);
    if (bytes > 64) return both_ends<4>(begin, end, f);
    if (bytes > 32) return both_ends<2>(begin, end, f);
    both_ends<1>(begin, end, f);
}
template <class F>
[[gnu::always_inline]] inline void each_first_pair(const void* block, std::size_t usable,
                                                   F f) noexcept {
    const auto* const end = static_cast<const unsigned char*>(block) + filled_bytes(usable);
    each_pair(static_cast<const Pair*>(block), reinterpret_cast<const Pair*>(end), usable, f);
}

// Writes the word into the first bytes of a block of `usable` bytes, a multiple
// of 16.
[[gnu::always_inline]] inline void fill(void* block, std::size_t usable,
                                        std::uint64_t word = kPattern) noexcept {
    const Pair both = {word, word};
    each_first_pair(block, usable,
                    [both](const Pair& pair) noexcept { const_cast<Pair&>(pair) = both; });
}

// Whether the first bytes of a block are zero.
[[gnu::always_inline]] inline bool begins_zero(const void* block, std::size_t usable) noexcept {
    Pair all = {0, 0};
    each_first_pair(block, usable, [&all](const Pair& pair) noexcept { all |= pair; });
    return !any(all);
}

// Whether the first bytes of a block have the pattern: then it is both what any
// and what all of them have.
[[gnu::always_inline]] inline bool begins_filled(const void* block, std::size_t usable) noexcept {
    constexpr Pair kBoth = {kPattern, kPattern};
    Pair some = kBoth;
    Pair all = kBoth;
    each_first_pair(block, usable, [&some, &all](const Pair& pair) noexcept {
        some |= pair;
        all &= pair;
    });
    return !any(some ^ all);
}

// Ends the program over a block that does not.
[[noreturn, gnu::cold]] void report_written(const void* block, std::size_t usable,
                                            std::uint64_t word) noexcept;

// End the program if the first bytes are not as fill() left them, or not zero.
[[gnu::always_inline]] inline void check_filled(const void* block, std::size_t usable) noexcept {
    if (!begins_filled(block, usable)) [[unlikely]]
        report_written(block, usable, kPattern);
}
[[gnu::always_inline]] inline void check_zero(const void* block, std::size_t usable) noexcept {
    if (!begins_zero(block, usable)) [[unlikely]]
        report_written(block, usable, 0);
}

inline constexpr std::size_t kUnchanged = ~std::size_t{0};

// Selects the last n bytes of a pair: those in a window that begins n bytes
// further.
inline constexpr auto kLastBytes = [] {
    std::array<unsigned char, 2 * sizeof(Pair)> window{};
    for (std::size_t i = sizeof(Pair); i < window.size(); ++i) window[i] = 0xff;
    return window;
}();
[[gnu::always_inline]] inline Pair last_bytes(std::size_t n) noexcept {
    return *reinterpret_cast<const LoosePair*>(kLastBytes.data() + n);
}

// The bytes from what was asked for to the end of the block. The first 16 of
// them have the canary, or all if they are fewer.
//
//   block | asked for ...        | canary ... | rest |
//                                ^ usable - slack    ^ usable, a multiple of 16
class Tail {
  public:
    [[gnu::always_inline]] Tail(void* block, std::size_t usable, std::size_t slack) noexcept
        : rest_(slack > kMost ? slack - kMost : 0), canary_(slack - rest_),
          at_(static_cast<unsigned char*>(block) + (usable - kMost - rest_)) {}

    // Leaves the program's bytes before it.
    [[gnu::always_inline]] void put(std::uint64_t word) const noexcept {
        store(load() ^ changes(word));
    }
    [[nodiscard, gnu::always_inline]] bool is_changed(std::uint64_t word) const noexcept {
        return any(changes(word));
    }
    // The offset of the first changed byte behind what was asked for; there is
    // one.
    [[nodiscard]] std::size_t first_changed(std::uint64_t word) const noexcept {
        const Pair found = changes(word);
        const std::size_t byte = found[0] != 0
                                     ? static_cast<std::size_t>(__builtin_ctzll(found[0])) / 8
                                     : 8 + static_cast<std::size_t>(__builtin_ctzll(found[1])) / 8;
        return byte - (kMost - canary_);
    }

  private:
    static constexpr std::size_t kMost = sizeof(Pair);

    [[nodiscard, gnu::always_inline]] Pair load() const noexcept {
        return *reinterpret_cast<const LoosePair*>(at_);
    }
    [[gnu::always_inline]] void store(const Pair& value) const noexcept {
        *reinterpret_cast<LoosePair*>(at_) = value;
    }
    // The bytes that differ from the canary.
    [[nodiscard, gnu::always_inline]] Pair changes(std::uint64_t word) const noexcept {
        return (load() ^ Pair{word, word}) & last_bytes(canary_);
    }

    std::size_t rest_;    // bytes behind the canary
    std::size_t canary_;  // its bytes
    unsigned char* at_;   // of the pair that ends with it
};

}  // namespace ashlar::checks

#endif

// Bytes that the checks write into free blocks and behind live ones, and how
// they are compared. The caller owns the block.
#ifndef ASHLAR_MALLOC_CHECKS_PATTERN_HPP
#define ASHLAR_MALLOC_CHECKS_PATTERN_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ashlar::checks {

// Bytes at the beginning of a free block that have the pattern.
inline constexpr std::size_t kMostFilled = 512;
inline constexpr std::uint64_t kPattern = 0xdfdfdfdfdfdfdfdfU;

// Of a block of `usable` bytes, a multiple of 16.
void fill(void* block, std::size_t usable) noexcept;
// End the program if the first bytes are not as fill() left them, or not zero.
void check_filled(const void* block, std::size_t usable) noexcept;
void check_zero(const void* block, std::size_t usable) noexcept;

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
        const std::uint64_t low = (load(0) ^ word) & mask(0);
        const std::uint64_t high = (load(1) ^ word) & mask(1);
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
    [[nodiscard]] std::uint64_t mask(unsigned word) const noexcept {
        if (slack_ >= kMost) return ~std::uint64_t{0};
        const std::size_t before = kMost - slack_;  // 1 .. 15 bytes of the program's
        if (word == 0) return before >= 8 ? 0 : ~std::uint64_t{0} << 8 * before;
        return before <= 8 ? ~std::uint64_t{0} : ~std::uint64_t{0} << 8 * (before - 8);
    }

    std::size_t slack_;
    unsigned char* at_;
};

}  // namespace ashlar::checks

#endif

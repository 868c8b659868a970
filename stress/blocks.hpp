// Seeded random sizes, and blocks with a pattern of their own seed. Every
// access to a block's content is plain. So ThreadSanitizer sees a race if the
// allocator hands over a block without an order. If a block is handed out
// twice, its pattern is wrong at the free.
#ifndef ASHLAR_STRESS_BLOCKS_HPP
#define ASHLAR_STRESS_BLOCKS_HPP

#include <cstddef>
#include <cstdint>

namespace stress {

/// xorshift64*: a sequence that depends only on the seed.
class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept
        : state_(seed * 0x9E3779B97F4A7C15U + 0xD1B54A32D192ED03U) {
        if (state_ == 0) state_ = 1;
    }
    std::uint64_t next() noexcept {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1DU;
    }
    /// 0 <= result < bound; bound > 0.
    std::size_t below(std::size_t bound) noexcept {
        return static_cast<std::size_t>((next() >> 11) % bound);
    }
    bool one_in(std::size_t n) noexcept { return below(n) == 0; }

  private:
    std::uint64_t state_;
};

/// A live block as its holder knows it. It is trivial, so that queues can carry
/// it.
struct Block {
    unsigned char* data;
    std::size_t size;
    std::uint64_t seed;
};

/// A size: mostly small, some of a few pages, few up to 1 MiB.
std::size_t mixed_size(Random& random) noexcept;

/// Prints one line with the place and the seed, and aborts.
[[noreturn]] void fail(const char* what, const void* address, std::size_t size,
                       std::size_t detail) noexcept;

/// Writes the pattern of `seed` into a block; `verify` fails if a byte of it
/// changed. It covers all bytes of a block up to 4 KiB, and of a larger one a
/// word in every 256 bytes and the end.
void stamp(const Block& block) noexcept;
void verify(const Block& block) noexcept;

/// A stamped block of the process heap, by malloc, calloc (which must be zero)
/// or an aligned allocation (which must be aligned).
[[nodiscard]] Block take(Random& random, std::size_t size) noexcept;
/// Verifies a block and frees it by free.
void give(Random& random, const Block& block) noexcept;
/// Reallocates to `size`: checks the kept content, and writes the pattern
/// again.
void resize(Random& random, Block& block, std::size_t size) noexcept;

}  // namespace stress

#endif

// The sizes that the manager benchmarks request: seeded, and the same for every
// subject.
#ifndef ASHLAR_BENCH_MANAGER_SIZES_HPP
#define ASHLAR_BENCH_MANAGER_SIZES_HPP

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench {

/// SplitMix64 (Steele, Lea and Flood 2014), which is cheap beside the measured
/// calls.
class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    std::uint64_t below(std::uint64_t bound) noexcept { return (next() >> 32) * bound >> 32; }
    double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

  private:
    std::uint64_t state_;
};

enum class Sizes { fixed, uniform, power, mixed };
inline constexpr std::array all_sizes{Sizes::fixed, Sizes::uniform, Sizes::power, Sizes::mixed};

inline const char* name_of(Sizes sizes) {
    static constexpr const char* names[] = {"fixed", "uniform", "power", "mixed"};
    return names[static_cast<std::size_t>(sizes)];
}

/// 64 bytes; 1 to 1024; 16 bytes to 32 KiB, twice the size half as often; seven
/// of eight 16 to 256 bytes, the eighth 4 to 64 KiB.
inline std::uint32_t draw(Sizes sizes, Random& random) {
    switch (sizes) {
        case Sizes::fixed: return 64;
        case Sizes::uniform: return static_cast<std::uint32_t>(1 + random.below(1024));
        case Sizes::power:
            return static_cast<std::uint32_t>(16 / (1 - random.unit() * (1 - 0x1p-11)));
        case Sizes::mixed: break;
    }
    const bool large = random.below(8) == 0;
    return static_cast<std::uint32_t>(large ? 4096 + random.below(61441) : 16 + random.below(241));
}

/// Drawn in advance: in the timed loop a size is one load.
class Drawn {
  public:
    explicit Drawn(Sizes sizes) {
        Random random(1);
        for (std::uint32_t& size : sizes_) size = draw(sizes, random);
    }
    [[nodiscard]] std::uint32_t operator[](std::uint64_t i) const noexcept {
        return sizes_[i % sizes_.size()];
    }
    [[nodiscard]] double mean() const noexcept {
        double sum = 0;
        for (const std::uint32_t size : sizes_) sum += size;
        return sum / static_cast<double>(sizes_.size());
    }

  private:
    std::array<std::uint32_t, 4096> sizes_;
};

}  // namespace bench

#endif

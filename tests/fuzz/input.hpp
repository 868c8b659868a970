// The bytes of a fuzzer as a sequence of choices. After the last byte every
// choice is 0.
#ifndef ASHLAR_TESTS_FUZZ_INPUT_HPP
#define ASHLAR_TESTS_FUZZ_INPUT_HPP

#include <cstddef>
#include <cstdint>

namespace fuzz {

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    [[nodiscard]] bool goes_on() const { return at_ != end_; }
    std::uint8_t byte() { return at_ == end_ ? std::uint8_t{0} : *at_++; }
    std::size_t below(std::size_t bound) {
        return bound == 0 ? 0 : (bound <= 256 ? byte() : word()) % bound;
    }
    std::size_t word() {
        const std::size_t low = byte();
        return low | std::size_t{byte()} << 8;
    }
    // A size at or beside the edge of a size class, mostly, else any up to 4
    // MiB.
    std::size_t size() {
        const std::size_t kind = byte();
        const std::size_t near = kind % 3;  // one less, exact, one more
        if (kind < 150) return std::size_t{16} * (kind % 64) + near;
        if (kind < 200) return (std::size_t{1} << (kind % 16)) * (4 + kind % 4) / 4 + near;
        if (kind < 240) return word() + near;
        if (kind < 252) return std::size_t{64} * 1024 * (1 + kind % 18) + near;
        return (word() << 6) + near;
    }

  private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

}  // namespace fuzz

#endif

// Repeatable random numbers in the types that the tests need.
#ifndef ASHLAR_TESTS_SUPPORT_RANDOM_HPP
#define ASHLAR_TESTS_SUPPORT_RANDOM_HPP

#include <cstdint>
#include <random>

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    [[nodiscard]] std::uint64_t next() { return engine_(); }
    // 0 .. bound - 1
    [[nodiscard]] std::uint32_t below(std::size_t bound) {
        return static_cast<std::uint32_t>(engine_() % bound);
    }

  private:
    std::mt19937_64 engine_;
};

#endif

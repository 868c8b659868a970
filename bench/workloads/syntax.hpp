// Text of random arithmetic expressions, for a parser to read.
#ifndef ASHLAR_BENCH_SYNTAX_HPP
#define ASHLAR_BENCH_SYNTAX_HPP

#include "blocks.hpp"

namespace bench {

/// sum := product {"+" product};  product := factor {"*" factor};
/// factor := digits | name | name "(" sum {"," sum} ")" | "(" sum ")". The text
/// ends with a zero.
class Text {
  public:
    explicit Text(std::uint64_t seed) noexcept : random_(seed) {
        while (length_ < capacity / 4) {
            if (length_ != 0) put('+');
            product(deepest);
        }
    }
    [[nodiscard]] const char* begin() noexcept { return &letters_[0]; }

  private:
    static constexpr std::size_t capacity = std::size_t{1} << 17;
    static constexpr unsigned deepest = 4;

    void put(char letter) noexcept {
        if (length_ + 1 >= capacity) fail("an expression does not fit");
        letters_[length_++] = letter;
    }
    void sum(unsigned depth) noexcept {
        product(depth);
        for (std::uint32_t more = random_.below(3); more > 0; --more) {
            put('+');
            product(depth);
        }
    }
    void product(unsigned depth) noexcept {
        factor(depth);
        for (std::uint32_t more = random_.below(3); more > 0; --more) {
            put('*');
            factor(depth);
        }
    }
    void name() noexcept {
        for (std::uint32_t letters = 1 + random_.below(24); letters > 0; --letters)
            put(static_cast<char>('a' + random_.below(26)));
    }
    void factor(unsigned depth) noexcept {
        const std::uint32_t kind = depth == 0 ? random_.below(2) : random_.below(5);
        if (kind == 0) {
            for (std::uint32_t digits = 1 + random_.below(6); digits > 0; --digits) {
                put(static_cast<char>('0' + random_.below(10)));
            }
        } else if (kind == 1) {
            name();
        } else {
            if (kind == 2) name();
            put('(');
            sum(depth - 1);
            for (std::uint32_t more = kind == 2 ? random_.below(4) : 0; more > 0; --more) {
                put(',');
                sum(depth - 1);
            }
            put(')');
        }
    }

    Table<char> letters_{capacity};
    std::size_t length_ = 0;
    Random random_;
};

}  // namespace bench

#endif

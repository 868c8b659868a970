// Arithmetic in which every number is a block and lives for a step or two, as
// in cfrac (Dave Barrett's program of Zorn and Grunwald's set): the continued
// fraction of a square root, by which cfrac factors numbers.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t dropped = 0;

/// As many bytes as the value needs, between the parts of the block's stamp.
class Number {
  public:
    explicit Number(Wide value) noexcept {
        std::size_t bytes = 0;
        for (Wide rest = value; rest != 0; rest >>= 32) bytes += 4;
        const std::size_t size = 8 + bytes + 1;
        block_ = static_cast<unsigned char*>(make(size < smallest_block ? smallest_block : size));
        bytes_ = static_cast<unsigned>(bytes);
        std::memcpy(block_ + 8, &value, bytes);
    }
    ~Number() {
        if (block_ != nullptr) dropped += drop(block_);
    }
    Number(Number&& other) noexcept : block_(other.block_), bytes_(other.bytes_) {
        other.block_ = nullptr;
    }
    Number& operator=(Number&& other) noexcept {
        unsigned char* const held = block_;
        block_ = other.block_;
        other.block_ = held;
        bytes_ = other.bytes_;
        return *this;
    }

    [[nodiscard]] Wide value() const noexcept {
        Wide value = 0;
        std::memcpy(&value, block_ + 8, bytes_);
        return value;
    }
    friend Number operator+(const Number& a, const Number& b) noexcept {
        return Number(a.value() + b.value());
    }
    friend Number operator-(const Number& a, const Number& b) noexcept {
        return Number(a.value() - b.value());
    }
    friend Number operator*(const Number& a, const Number& b) noexcept {
        return Number(a.value() * b.value());
    }
    friend Number operator/(const Number& a, const Number& b) noexcept {
        return Number(a.value() / b.value());
    }
    friend Number operator%(const Number& a, const Number& b) noexcept {
        return Number(a.value() % b.value());
    }

  private:
    unsigned char* block_;
    unsigned bytes_;
};

/// The next term a of the continued fraction of the root of n, (root + p) / q,
/// and its convergent modulo n, whose square is q or -q modulo n.
class Expansion {
  public:
    static constexpr unsigned allocations_a_step = 13;

    explicit Expansion(std::uint64_t n) noexcept
        : n_(n), root_(root_of(n)), term_(root_.value()), now_(root_.value()) {}

    std::uint64_t step() noexcept {
        p_ = term_ * q_ - p_;
        q_ = (n_ - p_ * p_) / q_;
        term_ = (root_ + p_) / q_;
        Number next = (term_ * now_ + before_) % n_;
        negative_ = !negative_;
        const Number square = now_ * now_ % n_;
        if (square.value() != (negative_ ? n_.value() - q_.value() : q_.value()))
            fail("the arithmetic went wrong");
        before_ = static_cast<Number&&>(now_);
        now_ = static_cast<Number&&>(next);
        return static_cast<std::uint64_t>(term_.value());
    }

  private:
    static Number root_of(std::uint64_t n) noexcept {
        std::uint64_t root = 0;
        for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1) {
            if ((root + bit) * (root + bit) <= n) root += bit;
        }
        return Number(root);
    }

    Number n_;
    Number root_;
    Number term_;
    Number p_{0};
    Number q_{1};
    Number before_{1};
    Number now_;
    bool negative_ = false;
};

void cfrac(Measure& measure) {
    constexpr std::uint64_t steps = 50'000;
    const std::uint64_t rounds = measure.scaled(60);
    std::uint64_t sum = 0;
    dropped = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        // the product of two primes, and numbers near it
        Expansion expansion(std::uint64_t{1'000'000'007} * 998'244'353 + 2 * i);
        for (std::uint64_t j = 0; j < steps; ++j) sum += expansion.step();
    }
    measure.stop();
    measure.add(rounds * steps * Expansion::allocations_a_step, sum + dropped);
}

constexpr Workload workloads[] = {
    {"cfrac", "cfrac", 1, cfrac,
     "numbers of up to 25 bytes that live for a step or two (after Barrett's cfrac)"},
};

}  // namespace

Theme fractions() noexcept { return theme(workloads); }

}  // namespace bench

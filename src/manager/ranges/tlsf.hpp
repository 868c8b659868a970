// Two-level segregated fit (Masmano, Ripoll, Crespo, Real: TLSF, ECRTS 2004): a
// list of holes for each of 32 classes of sizes per power of two, and two
// levels of bits that say which lists hold something. Every operation is a
// constant number of instructions, but for a request that no list of larger
// holes can answer: only then those of its own class are looked through.
//
//   size    0 1 2 … 63 | 64-65 66-67 … 126-127 | 128-131 …
//   class   (shift << 5) + (size >> shift): of six significant bits
#ifndef ASHLAR_MANAGER_RANGES_TLSF_HPP
#define ASHLAR_MANAGER_RANGES_TLSF_HPP

#include <ashlar/policy.hpp>
#include <bit>

#include "manager/ranges/lists.hpp"

namespace ashlar::ranges {

class Tlsf final : public Policy {
  public:
    Tlsf() noexcept { is_tlsf_ = true; }
    [[nodiscard]] const char* name() const noexcept override { return "tlsf"; }
    [[nodiscard]] std::size_t state_bytes(Size limit) const noexcept override;
    void attach(Ranges ranges, void* state, bool fresh) noexcept override;
    void insert(RangeId hole) noexcept override {
        state_->link(ranges_, hole, class_of(ranges_[hole].size));
    }
    void erase(RangeId hole) noexcept override {
        state_->unlink(ranges_, hole, class_of(ranges_[hole].size));
    }
    [[gnu::always_inline]] void move(RangeId hole, Offset start, Size size) noexcept override {
        Range& range = ranges_[hole];
        const unsigned from = class_of(range.size);
        const unsigned to = class_of(size);
        range.start = start;
        // A hole that grows goes to the front: those before it have noted its
        // size.
        const bool stays = from == to && size <= range.size;
        range.size = size;
        if (stays) return;
        state_->unlink(ranges_, hole, from);
        state_->link(ranges_, hole, to);
    }
    [[nodiscard]] RangeId find(Size size, Size alignment) noexcept override {
        const RangeId hole = state_->first_from(class_for(size));
        if (alignment == 1 && hole != no_range) [[likely]]
            return hole;
        return find_slowly(hole, size, alignment);
    }
    [[nodiscard]] bool knows(Strategy strategy) const noexcept override {
        return strategy == Strategy::by_policy || strategy == Strategy::tight;
    }
    [[nodiscard]] RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept override;
    [[nodiscard]] Size largest() const noexcept override;
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override;

  private:
    static constexpr unsigned kBits = 5;
    static constexpr Size kMostSize = Size{1} << 62;
    // Of all 64-bit sizes.
    static constexpr unsigned kClasses = ((63 - kBits) << kBits) + (2U << kBits);
    // No hole has size 0.
    using State = Lists<kClasses, 0>;

    [[nodiscard]] static constexpr unsigned shift_of(Size size) noexcept {
        // Without a subtraction.
        return (63U ^ static_cast<unsigned>(std::countl_zero(size | (1U << kBits)))) - kBits;
    }
    [[nodiscard]] static constexpr unsigned class_of(Size size) noexcept {
        const unsigned shift = shift_of(size);
        return (shift << kBits) + static_cast<unsigned>(size >> shift);
    }
    // The first class of which every hole has room for the size: rounded up,
    // which may well make it the first of the next power of two.
    [[nodiscard]] static constexpr unsigned class_for(Size size) noexcept {
        const unsigned shift = shift_of(size);
        return (shift << kBits) + static_cast<unsigned>((size - 1) >> shift) + 1;
    }
    [[nodiscard]] RangeId find_slowly(RangeId hole, Size size, Size alignment) noexcept;

    State* state_ = nullptr;
    mutable Size limit_ = 0;  // that state_bytes() was told; 0: not yet
};

}  // namespace ashlar::ranges

#endif

// How to leave a function: the rules that compilers store for each instruction
// in .eh_frame (DWARF 5, 6.4; System V ABI, AMD64 supplement, 3.7). Reads the
// tables of loaded objects in place: pointers are checked against the bounds of
// the object. No malloc, no lock, usable in signal handlers; any thread.
#ifndef ASHLAR_BASE_FRAME_RULES_HPP
#define ASHLAR_BASE_FRAME_RULES_HPP

#include <cstddef>
#include <cstdint>

#include "base/config.hpp"

namespace ashlar::base {

// Those of DWARF's numbers that calls preserve or that hold return addresses.
inline constexpr unsigned kRegisters = kX86 ? 17 : 32;
inline constexpr unsigned kFramePointer = kX86 ? 6 : 29;
inline constexpr unsigned kStackPointer = kX86 ? 7 : 31;
inline constexpr unsigned kReturnAddress = kX86 ? 16 : 30;

// A part of an object's memory that is read from its beginning. Behind its end
// it reads zeros, and is `bad`.
class FrameBytes {
  public:
    FrameBytes() noexcept = default;
    FrameBytes(std::uintptr_t at, std::uintptr_t end) noexcept : at_(at), end_(end) {}

    template <class T>
    T get() noexcept {
        T value{};
        if (end_ - at_ < sizeof value || at_ > end_) {
            bad_ = true;
            at_ = end_;
            return value;
        }
        __builtin_memcpy(&value, reinterpret_cast<const void*>(at_), sizeof value);
        at_ += sizeof value;
        return value;
    }
    std::uint64_t uleb() noexcept { return leb(false); }
    std::int64_t sleb() noexcept { return static_cast<std::int64_t>(leb(true)); }
    // A pointer in one of the encodings that compilers use for code.
    std::uintptr_t pointer(std::uint8_t encoding) noexcept;
    // The next n bytes; moves behind them.
    FrameBytes part(std::uint64_t n) noexcept;

    [[nodiscard]] std::uintptr_t at() const noexcept { return at_; }
    [[nodiscard]] bool empty() const noexcept { return at_ >= end_; }
    [[nodiscard]] bool bad() const noexcept { return bad_; }

  private:
    std::uint64_t leb(bool is_signed) noexcept;

    std::uintptr_t at_ = 0, end_ = 0;
    bool bad_ = false;
};

enum class FrameRule : std::uint8_t {
    same,
    undefined,
    at_offset,  // at this distance from the frame's address
    offset,     // the frame's address and this distance
    in_register,
    at_expression,  // the expression yields where it is
    expression
};

struct FrameRow {
    FrameRule rules[kRegisters];
    std::int64_t values[kRegisters];  // of an expression: its place in the memory
    // The frame's address: a register and a distance, or an expression.
    unsigned base;
    std::int64_t distance;
    std::uintptr_t expression;  // 0: none
};

struct FrameRules {
    FrameRow row;
    std::uintptr_t end;  // of the object, for expressions
    bool is_signal;      // the frame was made by the delivery of a signal
};

// The rules at an instruction. False: there are none, or unknown ones.
[[nodiscard]] bool find_frame_rules(std::uintptr_t code, FrameRules& out) noexcept;

}  // namespace ashlar::base

#endif

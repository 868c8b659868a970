// The words of a saved state, which docs/manager/state.md describes. All
// numbers are little-endian. In records they are LEB128: seven bits a byte, the
// low ones first.
#ifndef ASHLAR_MANAGER_STATE_STATE_FORMAT_HPP
#define ASHLAR_MANAGER_STATE_STATE_FORMAT_HPP

#include <cstdint>

#include "manager/engine/saved_state.hpp"

namespace ashlar::manager {

// As PNG's: a transfer that drops the eighth bit or changes ends of lines
// breaks it.
inline constexpr unsigned char kMagic[8] = {0x89, 'A', 'S', 'H', '\r', '\n', 0x1a, '\n'};
inline constexpr unsigned char kEndMark[8] = {'A', 'S', 'H', '-', 'E', 'N', 'D', '\n'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kHasBytes = 1;  // a flag of the header

// The first byte of a record: the kind and flags.
inline constexpr unsigned kKindBits = 7;
inline constexpr unsigned kRecordRoot = 1U << 3;
inline constexpr unsigned kRecordUser = 1U << 4;
inline constexpr unsigned kRecordName = 1U << 5;
inline constexpr unsigned kRecordTaken = 1U << 6;  // the policy took more than was asked for

inline bool has_bytes(const SavedBlock& block) noexcept {
    return block.kind != SavedBlock::Kind::slab;
}

}  // namespace ashlar::manager

#endif

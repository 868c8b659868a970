// How much of a part of a slab is in use, by the slab's bits. No state of its
// own.
#ifndef ASHLAR_MALLOC_INSPECT_USED_BYTES_HPP
#define ASHLAR_MALLOC_INSPECT_USED_BYTES_HPP

#include <algorithm>
#include <cstdint>

#include "base/bits.hpp"
#include "base/size_class.hpp"

namespace ashlar::inspect {

// Bytes of the blocks in use within [from, to) of a slab, by its bits of free
// blocks.
class UsedBytes {
  public:
    UsedBytes(const base::ClassGeometry& geometry, const base::Word* free) noexcept
        : g_(geometry), free_(free) {}

    [[nodiscard]] std::uint64_t within(std::uint64_t from, std::uint64_t to) const noexcept {
        to = std::min<std::uint64_t>(to, std::uint64_t{g_.blocks} * g_.size);
        if (from >= to) return 0;
        const std::uint32_t first = base::block_of_offset(g_, from);
        const std::uint32_t last = base::block_of_offset(g_, to - 1);
        std::uint64_t bytes = std::uint64_t{blocks(first, last)} * g_.size;
        if (used(first)) bytes -= from - std::uint64_t{first} * g_.size;
        if (used(last)) bytes -= (std::uint64_t{last} + 1) * g_.size - to;
        return bytes;
    }

  private:
    [[nodiscard]] bool used(std::uint32_t block) const noexcept {
        return (free_[block / base::kWordBits] >> block % base::kWordBits & 1) == 0;
    }
    // How many blocks of [first, last] are in use.
    [[nodiscard]] std::uint32_t blocks(std::uint32_t first, std::uint32_t last) const noexcept {
        std::uint32_t n = 0;
        while (first <= last) {
            const std::uint32_t in_word = first % base::kWordBits;
            const std::uint32_t room = base::kWordBits - in_word;
            const std::uint32_t wanted = std::min(room, last - first + 1);
            n += base::count(~free_[first / base::kWordBits] & base::mask(in_word, wanted));
            first += wanted;
        }
        return n;
    }

    const base::ClassGeometry& g_;
    const base::Word* free_;
};

}  // namespace ashlar::inspect

#endif

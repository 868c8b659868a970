// Blocks of size 0 of processes that are paranoid: addresses in memory that
// can't be touched, so that any read or write through them faults. A bitmap has
// a bit for each address, 1: live. Addresses are used in turn, so that one that
// was freed comes back late. Lock-free, any thread, no constructor needed.
#ifndef ASHLAR_MALLOC_PROCESS_ZERO_BLOCKS_HPP
#define ASHLAR_MALLOC_PROCESS_ZERO_BLOCKS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace ashlar::cache {

class ZeroBlocks {
  public:
    // nullptr: all are live, or the system has refused their address space.
    [[nodiscard]] void* take() noexcept;
    // Whether the address lies in that memory.
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const std::uintptr_t start = base_.load(base::acq);  // [E66]
        return start != 0 && reinterpret_cast<std::uintptr_t>(address) - start < kBytes;
    }
    // The block, live or not, that an address of that memory lies in.
    [[nodiscard]] const void* around(const void* address) const noexcept {
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        return reinterpret_cast<const void*>(at / kApart * kApart);
    }
    // Whether it is a live block.
    [[nodiscard]] bool is_live(const void* address) const noexcept;
    // Frees a block of that memory. Ends the program if it is not live.
    void give(void* block) noexcept;

  private:
    static constexpr std::size_t kBytes = std::size_t{4} << 20;
    static constexpr std::size_t kApart = 16;
    static constexpr std::uint32_t kWords = kBytes / kApart / 64;

    [[nodiscard]] std::uintptr_t reserve() noexcept;
    [[nodiscard]] base::Atomic<base::Word>* words(std::uintptr_t start) const noexcept {
        return reinterpret_cast<base::Atomic<base::Word>*>(start + kBytes);
    }

    // The words lie behind the addresses: [0, kBytes) can't be touched.
    base::Atomic<std::uintptr_t> base_;
    base::Atomic<std::uint32_t> next_;  // word where the next search begins
};

extern ZeroBlocks zero_blocks;

}  // namespace ashlar::cache

#endif

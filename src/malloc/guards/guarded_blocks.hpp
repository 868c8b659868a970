// Sampled blocks on pages of their own, between pages without access
// (ASHLAR_GUARD_SAMPLE), as in GWP-ASan. An access beside such a block, or to
// it after its free, faults; fault_handler.hpp then says what happened.
//
//   | guard | page 0 | guard | page 1 | guard | ... | guard | records |
//
// A freed page has no access and is reused last of all. Lock-free, any thread,
// except start().
#ifndef ASHLAR_MALLOC_GUARDS_GUARDED_BLOCKS_HPP
#define ASHLAR_MALLOC_GUARDS_GUARDED_BLOCKS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "malloc/guards/guard_record.hpp"

namespace ashlar::guards {

class GuardedBlocks {
  public:
    // Called once. `every`: how many misses there are for one guarded block.
    // False: the system refuses.
    bool start(std::uint32_t every) noexcept;
    [[nodiscard]] bool on() const noexcept { return pool() != 0; }

    // Counts a miss. A block for it if its turn has come, or nullptr.
    // `alignment`: a power of two.
    [[nodiscard]] void* sample(std::size_t size, std::size_t alignment) noexcept;
    // nullptr: the request needs more than a page, three quarters of the pages
    // are in use, or the system refuses. O(pages), and a system call.
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    // Frees a block. False: the address is none of the pool. Ends the program
    // over a pointer to no live block, and over bytes that were overwritten
    // beside the block. Two system calls.
    [[nodiscard]] bool give(void* block) noexcept;
    // The size that was asked for, at least 1; 0: the address is none of the
    // pool. Ends the program over a pointer to no live block.
    [[nodiscard]] std::size_t size_of(const void* block) const noexcept;
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const std::uintptr_t start = pool();
        return start != 0 && reinterpret_cast<std::uintptr_t>(address) - start < bytes_;
    }
    // The address lies in a live block.
    [[nodiscard]] bool holds(const void* address) const noexcept;

    // The block that an address of the pool has most to do with: the one on its
    // page, or the nearer one that there ever was beside a guard.
    [[nodiscard]] Record::Copy nearest(std::uintptr_t address) const noexcept;

    // Blocks and bytes in use; relaxed: counters.
    [[nodiscard]] std::size_t blocks() const noexcept { return live_.load(base::rlx); }
    [[nodiscard]] std::size_t held() const noexcept { return held_.load(base::rlx); }
    // The pool, records included; for readers from outside.
    struct Range {
        base::Atomic<std::uintptr_t> start;  // 0: off
        std::size_t bytes;
    };
    [[nodiscard]] const Range& range() const noexcept { return range_; }
    [[nodiscard]] std::uint32_t pages() const noexcept { return pages_; }

  private:
    static constexpr std::uint32_t kMostPages = 256;
    static constexpr std::uint32_t kLeastPages = 32;
    static constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // of all blocks
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    // Its address; 0: off. [E60] acquire, pairs with start(): the other
    // members.
    [[nodiscard]] std::uintptr_t pool() const noexcept { return range_.start.load(base::acq); }
    [[nodiscard]] std::uintptr_t page(std::uint32_t index) const noexcept {
        return pool() + (2 * std::size_t{index} + 1) * page_bytes_;
    }
    [[nodiscard]] std::uint32_t index_of(std::uintptr_t address) const noexcept;
    [[nodiscard]] std::uint32_t claim() noexcept;
    [[nodiscard]] std::uintptr_t place(std::uint32_t index, std::size_t size,
                                       std::size_t alignment) noexcept;
    void release(std::uint32_t index) noexcept;
    void check_rest(std::uint32_t index, std::uintptr_t block, std::size_t size) const noexcept;

    // All but the last three are constant from start() on.
    Range range_;
    std::size_t bytes_;  // without the records
    std::size_t page_bytes_;
    Record* records_;
    std::uint32_t pages_;
    std::uint32_t every_;
    base::Atomic<std::uint64_t> clock_;  // numbers each take and free
    base::Atomic<std::uint32_t> live_;   // pages in use, at most 3/4 of all
    base::Atomic<std::size_t> held_;
};

extern GuardedBlocks guarded_blocks;

}  // namespace ashlar::guards

#endif

// Blocks with a mapping of their own: very large ones, and large ones that
// realloc has moved. The system grows and moves their pages, and gets them back
// when they are freed, as with mmapped chunks in glibc. A block that grows gets
// an eighth more than is asked for, so that it moves O(log n) times. A table
// finds the mapping of a block by its address. Lock-free, any thread.
#ifndef ASHLAR_MALLOC_PROCESS_MAPPED_BLOCKS_HPP
#define ASHLAR_MALLOC_PROCESS_MAPPED_BLOCKS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "malloc/inspect/layout.hpp"

namespace ashlar::cache {

inline constexpr std::size_t kMapped = std::size_t{32} << 20;  // blocks from here on are mapped
// From here on, blocks that realloc moves are mapped.
inline constexpr std::size_t kMapMoved = std::size_t{1} << 20;

class MappedBlocks {
  public:
    // At least `size` zero bytes at a multiple of `alignment` (a power of two);
    // nullptr: the system refuses, or the table is full. O(1), and one or two
    // system calls.
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    // From now on, and before the first block: a page before and behind each
    // block can't be touched. Relaxed: see guard_bytes().
    void set_guarded() noexcept { guarded_.store(1, base::rlx); }
    // Frees a block and returns its bytes; 0: it is not the start of a mapped
    // block.
    [[nodiscard]] std::size_t give(void* block) noexcept;
    // Usable bytes; 0: it is not the start of a mapped block.
    [[nodiscard]] std::size_t size_of(const void* block) const noexcept;
    // The size that the program asked for, of a block that the caller holds.
    // Only checks use it. 0: it is not the start of a mapped block.
    [[nodiscard]] std::size_t asked(const void* block) const noexcept;
    void set_asked(const void* block, std::size_t size) noexcept;
    // Resizes a block that the caller holds; moves its pages if it must, never
    // its bytes. nullptr: nothing changed.
    [[nodiscard]] void* resize(void* block, std::size_t size) noexcept;
    // Usable bytes of the block that the address lies in; 0: none. O(table).
    [[nodiscard]] std::size_t around(const void* address) const noexcept;

    // Bytes in use; relaxed: counters.
    [[nodiscard]] std::size_t held() const noexcept { return held_.load(base::rlx); }
    [[nodiscard]] std::size_t peak() const noexcept { return peak_.load(base::rlx); }

    // Where its places lie, for readers from outside.
    void describe(inspect::ProcessTables& out) const noexcept;
    // Calls f(block, bytes) for each; exact only while no thread changes them.
    template <class F>
    void visit(F f) const noexcept {
        for (const Place& place : places_) {
            const std::uintptr_t start = place.start.load(base::acq);  // [E39]
            if (start > kBusy) f(reinterpret_cast<void*>(start), place.bytes.load(base::rlx));
        }
    }

  private:
    static constexpr std::uint32_t kPlaces = 2048;
    static constexpr std::uint32_t kWindow = 64;  // places that an address may have
    static constexpr std::uintptr_t kBusy = 1;    // the place belongs to one thread

    struct Place {
        base::Atomic<std::uintptr_t> start;  // of the block; 0: empty; kBusy. [E39]
        base::Atomic<std::size_t> bytes;     // whole pages; changed by the block's holder
    };

    [[nodiscard]] std::size_t guard_bytes() const noexcept;
    static std::uint32_t first_place(std::uintptr_t start) noexcept;
    [[nodiscard]] Place* find(std::uintptr_t start) noexcept;
    [[nodiscard]] Place* claim(std::uintptr_t start, std::size_t bytes) noexcept;
    [[nodiscard]] bool insert(std::uintptr_t start, std::size_t bytes) noexcept;
    [[nodiscard]] void* move(Place& place, std::uintptr_t start, std::size_t bytes) noexcept;
    void count(std::size_t more, std::size_t less) noexcept;

    Place places_[kPlaces];
    base::Atomic<std::size_t> asked_[kPlaces];  // of each place; changed by the block's holder
    base::Atomic<std::uint32_t> guarded_;
    base::Atomic<std::size_t> held_;
    base::Atomic<std::size_t> peak_;
};

extern MappedBlocks mapped_blocks;

}  // namespace ashlar::cache

#endif

// User data of small blocks, and which of them have a name: a word and a bit
// for each block that the slabs may have, by its number. The table is mapped
// with the first annotation, as zeros, and its pages come as they are touched.
// Any thread, for a block that it holds: the hand-over of a block orders its
// word, so that its accesses are relaxed. The bits of 64 blocks share a word.
#ifndef ASHLAR_MANAGER_BASE_SMALL_ANNOTATIONS_HPP
#define ASHLAR_MANAGER_BASE_SMALL_ANNOTATIONS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace ashlar::manager {

class SmallAnnotations {
  public:
    SmallAnnotations() noexcept = default;
    SmallAnnotations(const SmallAnnotations&) = delete;
    SmallAnnotations& operator=(const SmallAnnotations&) = delete;
    ~SmallAnnotations();

    // Numbers are below `blocks`, a multiple of 64.
    void layout(std::size_t blocks) noexcept { blocks_ = blocks; }
    // Whether there is a table. If not, no block has an annotation.
    [[nodiscard]] bool any() const noexcept { return table() != nullptr; }
    // False: the system refuses the mapping.
    [[nodiscard]] bool create() noexcept;

    // Relaxed, as all below: the hand-over of a block orders its word.
    [[nodiscard]] std::uint64_t user(std::size_t block) const noexcept {
        return any() ? table()[block].load(base::rlx) : 0;
    }
    // Relaxed: as above.
    [[nodiscard]] bool named(std::size_t block) const noexcept {
        return any() && (names(block).load(base::rlx) & base::bit(block % base::kWordBits)) != 0;
    }
    // create() was called, for this one and the next. Relaxed: as above.
    void set_user(std::size_t block, std::uint64_t value) noexcept {
        touch();
        table()[block].store(value, base::rlx);
    }
    // Relaxed: as above.
    void set_named(std::size_t block) noexcept {
        touch();
        names(block).fetch_or(base::bit(block % base::kWordBits), base::rlx);
    }
    // Bytes of the table for so many blocks; 0 if none has had an annotation
    // since clear(). Relaxed: for statistics.
    [[nodiscard]] std::size_t metadata(std::size_t blocks) const noexcept {
        return touched_.load(base::rlx) == 0 ? 0 : blocks * sizeof(std::uint64_t) + blocks / 8;
    }
    // Gives back the words of blocks [from, to), none of which is live.
    void give_back(std::size_t from, std::size_t to) noexcept;
    // The block is about to go. True: it had a name. Words that are zero are
    // only read, so that they need no memory.
    bool erase(std::size_t block) noexcept {
        if (!any()) return false;
        if (user(block) != 0) set_user(block, 0);
        const base::Word bit = base::bit(block % base::kWordBits);
        // Relaxed: as above.
        return (names(block).load(base::rlx) & bit) != 0 &&
               (names(block).fetch_and(~bit, base::rlx) & bit) != 0;
    }
    // Quiet.
    void clear() noexcept;

  private:
    using Table = base::Atomic<std::uint64_t>*;

    // [E42] acquire, pairs with the release in create(): the mapping.
    [[nodiscard]] Table table() const noexcept { return table_.load(base::acq); }
    [[nodiscard]] base::Atomic<std::uint64_t>& names(std::size_t block) const noexcept {
        return table()[blocks_ + block / base::kWordBits];
    }
    [[nodiscard]] std::size_t bytes() const noexcept {
        return (blocks_ + blocks_ / base::kWordBits) * sizeof(std::uint64_t);
    }

    // Relaxed: see metadata().
    void touch() noexcept {
        if (touched_.load(base::rlx) == 0) touched_.store(1, base::rlx);
    }

    std::size_t blocks_ = 0;
    base::Atomic<std::uint32_t> touched_{0};
    base::Atomic<Table> table_{nullptr};
};

}  // namespace ashlar::manager

#endif

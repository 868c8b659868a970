// BitmapIndex: a set of ids as a hierarchy of bits, for any number of threads,
// lock-free. From any moment on at which an insert has finished and the id has
// not been removed, every summary on its path says "maybe". Summaries may say
// too much.
//
//   summary word    63      32 31       0      one "some" bit and one "busy" bit for each of 32
//   child words;
//                  |   busy   |   some   |     a child may be non-empty when either is set
//   leaf word      |       64 ids        |
#ifndef ASHLAR_BASE_BITMAP_INDEX_HPP
#define ASHLAR_BASE_BITMAP_INDEX_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace ashlar::base {

class BitmapIndex {
  public:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    static constexpr std::uint32_t kMaxLevels = 7;
    static constexpr unsigned kFanShift = 5;
    static constexpr std::uint32_t kFan = 1U << kFanShift;

    // A word of level `level` stands for 2^shift ids.
    static constexpr unsigned shift_of_level(std::uint32_t level) noexcept {
        return kWordShift + level * kFanShift;
    }

    // Words that level `level` of an index over ids [0, ids) has; the levels
    // end where there is one word.
    static constexpr std::uint32_t words_of_level(std::uint32_t ids, std::uint32_t level) noexcept {
        std::uint32_t words = (ids + kWordBits - 1) / kWordBits;
        for (std::uint32_t l = 0; l < level; ++l) words = (words + kFan - 1) / kFan;
        return words;
    }
    static constexpr std::uint32_t levels(std::uint32_t ids) noexcept {
        std::uint32_t level = 0;
        while (words_of_level(ids, level) > 1) ++level;
        return level + 1;
    }

    // Word i of a level lies at level[i * stride]: several indexes can share
    // their cache lines and pages.
    void attach(std::uint32_t level, Atomic<Word>* words, std::uint32_t stride) noexcept {
        level_[level] = words;
        stride_ = stride;
        if (level >= depth_) depth_ = level + 1;
    }

    // False: it was in already.
    bool insert(std::uint32_t id) noexcept;
    // Takes the id out; false: it was not in.
    bool remove(std::uint32_t id) noexcept;
    // Takes the lowest id that it meets, or kNone. An id that is in all the
    // while, and was put in before in happens-before, is not missed.
    [[nodiscard]] std::uint32_t take_lowest() noexcept;
    // The same, but the id stays in.
    [[nodiscard]] std::uint32_t lowest_id() noexcept;
    // Whether some id was in at a moment during the call. Reads down to the
    // leaves: a summary may say too much for ever.
    [[nodiscard]] bool any() const noexcept { return any_in(depth_ - 1, 0); }
    // [E3] seq_cst, for a check that looks at hint and state as a taker does;
    // for others only a choice.
    [[nodiscard]] bool contains(std::uint32_t id) const noexcept {
        return (leaf(id / kWordBits).load(seq_cst) & bit(id % kWordBits)) != 0;
    }

    // Claims of several ids of one leaf word at once, for sets whose leaf bits
    // are themselves the truth.
    [[nodiscard]] Word take_mask(std::uint32_t word, Word ids) noexcept {
        // [E8] acquire, pairs with the release in give_mask(): what the last
        // holder of these ids wrote.
        const Word old = leaf(word).fetch_and(~ids, acq);
        if (old != 0 && (old & ~ids) == 0) clear(1, word);
        return old & ids;
    }
    // Returns the bits that were already in: a fault of the giver.
    Word give_mask(std::uint32_t word, Word ids) noexcept {
        // [E8] release, pairs with the acquire in take_mask(); seq_cst for the
        // way up, as in insert() [E4].
        const Word old = leaf(word).fetch_or(ids, seq_cst);
        raise(word);
        return old & ids;
    }
    // The leaf word as it is now, for looking only. [E9] seq_cst, after the
    // hint that led here was taken: its giver may only have tested that the
    // hint is there, which orders nothing by itself.
    [[nodiscard]] Word leaf_word(std::uint32_t word) const noexcept {
        return leaf(word).load(seq_cst);
    }
    // The first leaf word at or after `word` that may be non-empty, below
    // `end`; `end` where there is none.
    [[nodiscard]] std::uint32_t next_word(std::uint32_t word, std::uint32_t end) const noexcept;

    // Where the leaf words lie, each `stride` words behind the one before: for
    // readers from outside.
    [[nodiscard]] const Atomic<Word>* leaf_words() const noexcept { return level_[0]; }
    [[nodiscard]] std::uint32_t stride() const noexcept { return stride_; }

  private:
    [[nodiscard]] Atomic<Word>& at(std::uint32_t level, std::uint32_t word) const noexcept {
        return level_[level][static_cast<std::size_t>(word) * stride_];
    }
    [[nodiscard]] Atomic<Word>& leaf(std::uint32_t word) const noexcept { return at(0, word); }
    static Word maybe(Word summary) noexcept { return (summary | summary >> kFan) & 0xffffffffU; }

    void raise(std::uint32_t word) noexcept;
    void clear(std::uint32_t level, std::uint32_t child) noexcept;
    template <class Leaf>
    std::uint32_t find_in(std::uint32_t level, std::uint32_t word, Leaf look) noexcept;
    std::uint32_t take_leaf(std::uint32_t word) noexcept;
    [[nodiscard]] bool any_in(std::uint32_t level, std::uint32_t word) const noexcept;

    Atomic<Word>* level_[kMaxLevels];
    std::uint32_t stride_;
    std::uint32_t depth_;
};

}  // namespace ashlar::base

#endif

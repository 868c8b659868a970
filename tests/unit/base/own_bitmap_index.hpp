// A BitmapIndex over words that the test owns: it can read the summaries, or
// set them as a stopped thread would leave them.
#ifndef ASHLAR_TESTS_UNIT_BASE_OWN_BITMAP_INDEX_HPP
#define ASHLAR_TESTS_UNIT_BASE_OWN_BITMAP_INDEX_HPP

#include <cstdint>
#include <vector>

#include "base/bitmap_index.hpp"

class OwnBitmapIndex {
  public:
    using Word = ashlar::base::Word;

    explicit OwnBitmapIndex(std::uint32_t ids) : ids_(ids) {
        for (std::uint32_t level = 0; level < ashlar::base::BitmapIndex::levels(ids); ++level) {
            words_.emplace_back(ashlar::base::BitmapIndex::words_of_level(ids, level));
        }
        for (std::uint32_t level = 0; level < words_.size(); ++level)
            index.attach(level, words_[level].data(), 1);
    }

    [[nodiscard]] std::uint32_t ids() const { return ids_; }
    [[nodiscard]] std::uint32_t depth() const { return static_cast<std::uint32_t>(words_.size()); }
    ashlar::base::Atomic<Word>& word(std::uint32_t level, std::uint32_t i) {
        return words_[level][i];
    }

    // P5: the summary of each word that is not zero covers it. Returns the
    // number of words without this. Call it while no thread changes the index.
    [[nodiscard]] std::size_t unnamed() {
        std::size_t count = 0;
        for (std::uint32_t level = 1; level < depth(); ++level) {
            for (std::uint32_t child = 0; child < words_[level - 1].size(); ++child) {
                const Word summary = word(level, child / 32).load(ashlar::base::seq_cst);
                const bool maybe =
                    (summary >> child % 32 & 1) != 0 || (summary >> (32 + child % 32) & 1) != 0;
                if (word(level - 1, child).load(ashlar::base::seq_cst) != 0 && !maybe) ++count;
            }
        }
        return count;
    }
    // Whether every word of every level is zero.
    [[nodiscard]] bool blank() {
        for (std::uint32_t level = 0; level < depth(); ++level) {
            for (auto& each : words_[level]) {
                if (each.load(ashlar::base::seq_cst) != 0) return false;
            }
        }
        return true;
    }

    ashlar::base::BitmapIndex index{};

  private:
    std::uint32_t ids_;
    std::vector<std::vector<ashlar::base::Atomic<Word>>> words_;
};

#endif

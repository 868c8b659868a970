// Lists of holes by classes, and two levels of bits that say which of them hold
// something, so that the first one from a given class on is found in a constant
// number of instructions. Newest first. All zero is empty.
#ifndef ASHLAR_MANAGER_RANGES_LISTS_HPP
#define ASHLAR_MANAGER_RANGES_LISTS_HPP

#include <algorithm>
#include <ashlar/policy.hpp>
#include <cstring>

#include "base/bits.hpp"
#include "manager/ranges/kind.hpp"

namespace ashlar::ranges {

// `none`: what first_class() returns if there is none; a class without holes,
// or one too many.
template <unsigned classes, unsigned none = classes>
class Lists {
  public:
    static constexpr unsigned kNone = none;
    // Bytes of an object of which only the lists of classes [0, used) are ever
    // used.
    [[nodiscard]] static constexpr std::size_t bytes_for(unsigned used) noexcept {
        return sizeof(Lists) - (classes + 1 - used) * sizeof(RangeId);
    }

    // Record 0 is before the first hole of a list and behind the last one: its
    // links are written and never read.
    void link(Ranges ranges, RangeId hole, unsigned cls) noexcept {
        RangeId& head = heads_[cls];
        note_behind(ranges, hole, head);
        last(ranges, hole) = no_range;
        next(ranges, hole) = head;
        last(ranges, head) = hole;
        head = hole;
        words_[cls / base::kWordBits] |= base::bit(cls % base::kWordBits);
        summary_ |= base::bit(cls / base::kWordBits);
    }
    void unlink(Ranges ranges, RangeId hole, unsigned cls) noexcept {
        const RangeId before = last(ranges, hole);
        const RangeId after = next(ranges, hole);
        last(ranges, after) = before;
        if (before != no_range) {
            next(ranges, before) = after;
            return;
        }
        heads_[cls] = after;
        if (after != no_range) return;
        base::Word& word = words_[cls / base::kWordBits];
        word &= ~base::bit(cls % base::kWordBits);
        if (word == 0) summary_ &= ~base::bit(cls / base::kWordBits);
    }

    // The first class >= cls, at most `classes`, with holes; kNone: none.
    [[nodiscard]] unsigned first_class(unsigned cls) const noexcept {
        unsigned at = cls / base::kWordBits;
        base::Word word = words_[at] & ~base::Word{0} << cls % base::kWordBits;
        if (word == 0) {
            const base::Word words = summary_ & ~base::Word{1} << at;
            if (words == 0) return kNone;
            at = base::lowest(words);
            word = words_[at];
        }
        return at * base::kWordBits + base::lowest(word);
    }
    [[nodiscard]] RangeId head(unsigned cls) const noexcept { return heads_[cls]; }
    [[nodiscard]] RangeId first_from(unsigned cls) const noexcept {
        return heads_[first_class(cls)];
    }
    // The newest of the last class that has any.
    [[nodiscard]] RangeId top() const noexcept {
        if (summary_ == 0) return no_range;
        const unsigned at = base::highest(summary_);
        return heads_[at * base::kWordBits + base::highest(words_[at])];
    }

    // The first hole of the classes [from, to) that is `good`.
    template <class Good>
    [[nodiscard]] RangeId search(Ranges ranges, unsigned from, unsigned to,
                                 Good good) const noexcept {
        for (unsigned cls = first_class(from); cls != kNone && cls < to;
             cls = first_class(cls + 1)) {
            for (RangeId at = heads_[cls]; at != no_range; at = next(ranges, at)) {
                if (good(ranges[at])) return at;
            }
        }
        return no_range;
    }

    // The first hole of one class that is `good`, for which it needs `size`
    // bytes. Ends where no hole behind has so many. If it came to the end, the
    // next search need not.
    template <class Good>
    [[nodiscard]] RangeId search_class(Ranges ranges, unsigned cls, Size size, Good good) noexcept {
        RangeId end = no_range;
        for (RangeId at = heads_[cls]; at != no_range; at = next(ranges, at)) {
            if (good(ranges[at])) return at;
            if (behind(ranges, at) < size) return no_range;
            end = at;
        }
        for (; end != no_range; end = last(ranges, end))
            note_behind(ranges, end, next(ranges, end));
        return no_range;
    }

    // Whether there are just so many holes, all in the lists of their classes,
    // and the bits say so. Classes from `used` on will have no holes; see
    // bytes_for().
    void limit_to(unsigned used) noexcept { used_ = used; }
    [[nodiscard]] unsigned used() const noexcept { return used_ == 0 ? classes : used_; }
    template <class ClassOf>
    [[nodiscard]] bool check(Ranges ranges, std::uint64_t holes, ClassOf class_of) const noexcept {
        const unsigned used = this->used();
        if (summary_ >> kWords != 0 || words_[kWords] != 0 || heads_[kNone] != no_range)
            return false;
        if (used > classes || first_class(used) != kNone) return false;
        for (unsigned cls = 0; cls < used; ++cls) {
            const base::Word word = words_[cls / base::kWordBits];
            const bool marked = (word & base::bit(cls % base::kWordBits)) != 0;
            const bool summed = (summary_ & base::bit(cls / base::kWordBits)) != 0;
            if (marked != (heads_[cls] != no_range) || summed != (word != 0)) return false;
            RangeId before = no_range;
            Size most = ~Size{0};
            for (RangeId at = heads_[cls]; at != no_range; before = at, at = next(ranges, at)) {
                if (holes-- == 0 || at > ranges.last() || kind(ranges[at]) != Kind::hole)
                    return false;
                if (last(ranges, at) != before || class_of(ranges[at].size) != cls) return false;
                if (ranges[at].size > most) return false;
                most = behind(ranges, at);
            }
        }
        return holes == 0;
    }

  private:
    static constexpr unsigned kWords = classes / base::kWordBits;
    static_assert(classes % base::kWordBits == 0 && kWords < base::kWordBits);

    [[nodiscard]] static RangeId& last(Ranges ranges, RangeId hole) noexcept {
        return ranges[hole].link[0];
    }
    // No hole behind this one in its list is larger: exact when it was linked,
    // too large after the largest has left. Record 0 has size 0, and nothing
    // behind it.
    [[nodiscard]] static Size behind(Ranges ranges, RangeId hole) noexcept {
        Size most = 0;
        std::memcpy(&most, &ranges[hole].link[2], sizeof most);
        return most;
    }
    static void note_behind(Ranges ranges, RangeId hole, RangeId next) noexcept {
        const Size most = std::max(ranges[next].size, behind(ranges, next));
        std::memcpy(&ranges[hole].link[2], &most, sizeof most);
    }
    [[nodiscard]] static RangeId& next(Ranges ranges, RangeId hole) noexcept {
        return ranges[hole].link[1];
    }

    base::Word summary_;  // bit w: words_[w] is not zero
    // Bit c % 64 of words_[c / 64]: there are holes of class c; never of kNone.
    base::Word words_[kWords + 1];
    std::uint32_t used_;          // 0: all classes
    RangeId heads_[classes + 1];  // the last member: see bytes_for()
};

}  // namespace ashlar::ranges

#endif

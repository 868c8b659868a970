#include "depot/depot.hpp"

#include <cstring>

namespace ashlar::depot {

using base::acq;
using base::Atomic;
using base::Bin;
using base::bit;
using base::kWordBits;
using base::rel;
using base::rlx;
using base::Word;

namespace {

// Which bits of word w of a class's lists stand for magazines.
constexpr Word valid(Bin c, std::uint32_t w) noexcept {
    const std::uint32_t magazines = magazines_of_class(c);
    if (magazines <= w * kWordBits) return 0;
    const std::uint32_t here = magazines - w * kWordBits;
    return base::mask(0, here < kWordBits ? here : kWordBits);
}

}  // namespace

void Depot::layout(region::Carver& carver) noexcept {
    for (Bin c = 1; c < base::kClasses; ++c) {
        magazines_[c] = carver.array<Magazine>(magazines_of_class(c));
        for (std::uint32_t w = 0; w < kWords; ++w) class_[c].empty[w].store(valid(c, w), rlx);  // relaxed: not published yet
    }
}

bool Depot::own(Atomic<Word>* set, std::uint32_t words, End end, std::uint32_t& which) noexcept {
    for (std::uint32_t i = 0; i < words; ++i) {
        const std::uint32_t w = end == End::lowest ? i : words - 1 - i;
        Word seen = set[w].load(rlx);  // relaxed: a choice; the fetch_and decides
        while (seen != 0) {
            const unsigned chosen = end == End::lowest ? base::lowest(seen) : base::highest(seen);
            // [E10] acquire, pairs with the release in publish(): the magazine as its last owner left it.
            const Word old = set[w].fetch_and(~bit(chosen), acq);
            if ((old & bit(chosen)) != 0) {
                which = w * kWordBits + chosen;
                return true;
            }
            seen = old;
        }
    }
    return false;
}

void Depot::publish(Atomic<Word>* set, std::uint32_t which) noexcept {
    // [E10] release, pairs with the acquire in own(): count, pointers, the blocks' bytes; or that we have read all of it.
    set[which / kWordBits].fetch_or(bit(which % kWordBits), rel);
}

bool Depot::give(Bin c, void* const* blocks, std::uint32_t n, std::size_t budget) noexcept {
    if (kLots[c].words == 0) return false;
    const std::uint32_t refused = class_[c].refused.load(rlx);  // relaxed, here and below: a heuristic
    if (refused == kClosed) return false;
    std::uint32_t which;
    if (bytes_.load(rlx) >= budget || !own(class_[c].empty, kLots[c].words, End::lowest, which)) {
        if (refused < kClosed - 1) class_[c].refused.store(refused + 1, rlx);
        return false;
    }
    Magazine& magazine = magazines_[c][which];
    magazine.count = n;
    std::memcpy(magazine.blocks, blocks, n * sizeof(void*));
    bytes_.fetch_add(std::size_t{n} * base::kGeometry[c].size, rlx);  // relaxed: a bound
    publish(class_[c].full, which);
    return true;
}

std::uint32_t Depot::take(Bin c, void** out, bool wanted) noexcept {
    if (wanted && class_[c].refused.load(rlx) != 0) class_[c].refused.store(0, rlx);  // relaxed: a heuristic
    std::uint32_t which;
    if (!own(class_[c].full, kLots[c].words, End::highest, which)) return 0;
    const Magazine& magazine = magazines_[c][which];
    const std::uint32_t n = magazine.count;
    std::memcpy(out, magazine.blocks, n * sizeof(void*));
    bytes_.fetch_sub(std::size_t{n} * base::kGeometry[c].size, rlx);  // relaxed: a bound
    publish(class_[c].empty, which);
    return n;
}

bool Depot::close(Bin c) noexcept {
    constexpr std::uint32_t kTimes = 4;
    const std::uint32_t refused = class_[c].refused.load(rlx);  // relaxed, here and below: a heuristic
    if (refused < kTimes || refused == kClosed) return false;
    std::uint32_t full = 0;
    for (const Atomic<Word>& word : class_[c].full) full += base::count(word.load(rlx));
    if (full == 0 || refused <= kTimes * full) return false;
    class_[c].refused.store(kClosed, rlx);
    return true;
}

std::uint64_t Depot::stand(Bin c) const noexcept {
    std::uint64_t sum = 0;
    for (const Atomic<Word>& word : class_[c].full) sum = sum * 31 + word.load(rlx);  // relaxed: a look
    return sum;
}

void Depot::adopt_fork() noexcept {
    std::size_t bytes = 0;
    for (Bin c = 1; c < base::kClasses; ++c) {
        for (std::uint32_t w = 0; w < kWords; ++w) {
            class_[c].empty[w].store(valid(c, w) & ~class_[c].full[w].load(rlx), rlx);  // relaxed: alone here
        }
        visit(c, [&bytes, c](void*) noexcept { bytes += base::kGeometry[c].size; });
    }
    bytes_.store(bytes, rlx);
}

}  // namespace ashlar::depot

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

// The bits of a shelf's lists that stand for magazines.
constexpr Word valid(Bin c) noexcept { return base::mask(0, kLots[c].magazines); }

constexpr unsigned kNone = kWordBits;

}  // namespace

void Depot::layout(region::Carver& carver) noexcept {
    class_ = carver.array<Class>(base::kClasses);
    bytes_ = carver.array<Bytes>(kShelves);
    for (Bin c = 1; c < base::kClasses; ++c) magazines_[c] = carver.array<Magazine>(magazines_of_class(c));
    for (Bin c = 1; c < base::kClasses && carver.places(); ++c) {
        for (Shelf& shelf : class_[c].shelves) shelf.empty.store(valid(c), rlx);  // relaxed: not published yet
    }
}

unsigned Depot::own(Atomic<Word>& list, End end) noexcept {
    Word seen = list.load(rlx);  // relaxed: a choice; the fetch_and decides
    while (seen != 0) {
        const unsigned chosen = end == End::lowest ? base::lowest(seen) : base::highest(seen);
        // [E10] acquire, pairs with the release in publish(): the magazine as its last owner left it.
        const Word old = list.fetch_and(~bit(chosen), acq);
        if ((old & bit(chosen)) != 0) return chosen;
        seen = old;
    }
    return kNone;
}

void Depot::publish(Atomic<Word>& list, unsigned which) noexcept {
    // [E10] release, pairs with the acquire in own(): count, pointers, the blocks' bytes; or that we have read all of it.
    list.fetch_or(bit(which), rel);
}

// A shelf's bytes alone say yes while they are few, so that a giver looks at a line of its own only.
bool Depot::has_room(std::uint32_t s, std::size_t budget) const noexcept {
    if (bytes_[s].full.load(rlx) < budget / kShelves / 2) return true;  // relaxed, here and below: a bound
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < kShelves; ++i) sum += bytes_[i].full.load(rlx);
    return sum < budget;
}

bool Depot::give(Bin c, void* const* blocks, std::uint32_t n, std::size_t budget, Way& way) noexcept {
    const std::uint32_t refused = class_[c].refused.load(rlx);  // relaxed, here and below: a heuristic
    if (refused == kClosed) return false;
    keep(c, way, false);
    for (std::uint32_t i = 0; i < kLots[c].reach; ++i) {
        const std::uint32_t s = (way.home + i) % kShelves;
        if (class_[c].shelves[s].empty.load(rlx) == 0) continue;  // relaxed: a choice, spares the look at the budget
        if (!has_room(s, budget)) break;
        const unsigned which = own(class_[c].shelves[s].empty, End::lowest);
        if (which == kNone) continue;
        Magazine& mine = magazine(c, s, which);
        mine.count = n;
        std::memcpy(mine.blocks, blocks, n * sizeof(void*));
        bytes_[s].full.fetch_add(std::size_t{n} * base::kGeometry[c].size, rlx);  // relaxed: a bound
        publish(class_[c].shelves[s].full, which);
        way.uses[c].top = static_cast<std::uint8_t>(s);
        return true;
    }
    if (refused < kClosed - 1) class_[c].refused.store(refused + 1, rlx);
    return false;
}

std::uint32_t Depot::take_from(std::uint32_t s, Bin c, void** out) noexcept {
    const unsigned which = own(class_[c].shelves[s].full, End::highest);
    if (which == kNone) return 0;
    const Magazine& mine = magazine(c, s, which);
    const std::uint32_t n = mine.count;
    std::memcpy(out, mine.blocks, n * sizeof(void*));
    bytes_[s].full.fetch_sub(std::size_t{n} * base::kGeometry[c].size, rlx);  // relaxed: a bound
    publish(class_[c].shelves[s].empty, which);
    return n;
}

// The way back from where it gave last to its home, then what lies with others.
std::uint32_t Depot::take(Bin c, void** out, Way& way) noexcept {
    if (class_[c].refused.load(rlx) != 0) class_[c].refused.store(0, rlx);  // relaxed: a heuristic
    keep(c, way, true);
    Way::Use& use = way.uses[c];
    std::uint32_t n = take_from(use.top, c, out);
    while (n == 0 && use.top != way.home) {
        use.top = static_cast<std::uint8_t>((use.top + kShelves - 1) % kShelves);
        n = take_from(use.top, c, out);
    }
    return n != 0 ? n : take_others(c, out, use);
}

std::uint32_t Depot::take_others(Bin c, void** out, Way::Use& use) noexcept {
    for (std::uint32_t i = 0; i < kShelves; ++i) {
        const std::uint32_t s = (use.found + i) % kShelves;
        const Shelf& shelf = class_[c].shelves[s];
        const Word full = shelf.full.load(rlx);  // relaxed, here and below: a heuristic
        if (full == 0 || base::count(full) <= shelf.kept.load(rlx)) continue;
        const std::uint32_t n = take_from(s, c, out);
        if (n == 0) continue;
        use.found = static_cast<std::uint8_t>(s);
        return n;
    }
    return 0;
}

std::uint32_t Depot::take_any(Bin c, void** out) noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t s = 0; s < kShelves && n == 0; ++s) n = take_from(s, c, out);
    return n;
}

// Blocks that share cache lines stay with the thread that uses them up and fills them again, as whoever builds and tears down
// does: as many magazines as it took in a row of late are not for others. Who only frees takes none, and keeps none from them.
// More than eight threads share homes, and who looked last decides.
void Depot::keep(Bin c, Way& way, bool takes) noexcept {
    constexpr std::uint8_t kLate = 64;
    if (!base::shares_lines(c)) return;
    Way::Use& use = way.uses[c];
    if (takes && use.want < kMostKept) ++use.want;
    if (!takes && use.want > 0) --use.want;
    Atomic<std::uint32_t>& kept = class_[c].shelves[way.home].kept;
    if (use.want > use.most) {
        use.most = use.want;
        if (kept.load(rlx) < use.most) kept.store(use.most, rlx);  // relaxed, here and below: a heuristic
    }
    if (++use.moves < kLate) return;
    if (kept.load(rlx) != use.most) kept.store(use.most, rlx);
    use.most = use.want;
    use.moves = 0;
}

void Depot::forget(const Way& way) noexcept {
    for (Bin c = 1; c < base::kClasses && base::shares_lines(c); ++c) {
        Atomic<std::uint32_t>& kept = class_[c].shelves[way.home].kept;
        if (kept.load(rlx) != 0) kept.store(0, rlx);  // relaxed: a heuristic
    }
}

bool Depot::close(Bin c) noexcept {
    const std::uint32_t times = kLots[c].patience;
    const std::uint32_t refused = class_[c].refused.load(rlx);  // relaxed, here and below: a heuristic
    if (refused < times || refused == kClosed) return false;
    std::uint32_t full = 0;
    for (const Shelf& shelf : class_[c].shelves) full += base::count(shelf.full.load(rlx));
    if (full == 0 || refused <= times * full) return false;
    class_[c].refused.store(kClosed, rlx);
    return true;
}

std::uint64_t Depot::stand(Bin c) const noexcept {
    std::uint64_t sum = 0;
    for (const Shelf& shelf : class_[c].shelves) sum = sum * 31 + shelf.full.load(rlx);  // relaxed: a look
    return sum;
}

void Depot::adopt_fork() noexcept {
    for (std::uint32_t s = 0; s < kShelves; ++s) {
        std::size_t bytes = 0;
        for (Bin c = 1; c < base::kClasses; ++c) {
            Shelf& shelf = class_[c].shelves[s];
            const Word full = shelf.full.load(rlx);  // relaxed, here and below: alone here
            shelf.empty.store(valid(c) & ~full, rlx);
            shelf.kept.store(0, rlx);
            for (Word left = full; left != 0; left &= left - 1) {
                bytes += std::size_t{magazine(c, s, base::lowest(left)).count} * base::kGeometry[c].size;
            }
        }
        bytes_[s].full.store(bytes, rlx);
    }
}

}  // namespace ashlar::depot

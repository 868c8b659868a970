#include "malloc/depot/depot.hpp"

#include <cstddef>
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

// The valid bits of a shard's lists: one for each magazine.
constexpr Word valid(Bin c) noexcept { return base::mask(0, kMagazineParameters[c].magazines); }

constexpr unsigned kNone = kWordBits;

}  // namespace

void Depot::layout(region::Carver& carver, const region::Source& source) noexcept {
    source_ = &source;
    class_ = carver.array<Class>(base::kClasses);
    bytes_ = carver.array<Bytes>(kShards);
    for (Bin c = 1; c < base::kClasses; ++c)
        magazines_[c] = carver.later<Magazine>(magazines_of_class(c));
}

DepotAddresses Depot::addresses() const noexcept {
    static_assert(offsetof(Class, shards) == 0 && offsetof(Shard, full) == 0 &&
                  offsetof(Magazine, count) == 0);
    DepotAddresses found{class_, sizeof(Class), sizeof(Shard), sizeof(Magazine), {}};
    for (Bin c = 1; c < base::kClasses; ++c) found.magazines[c] = magazines_[c];
    return found;
}

// Commits a shard's magazines when the first batch comes. Committing is
// idempotent; one thread then lists them.
void Depot::make_ready(Bin c, std::uint32_t s) noexcept {
    Shard& shard = class_[c].shards[s];
    if (shard.ready.load(rlx) != 0) return;  // relaxed: the exchange decides
    if (!region::commit_around(*source_, &magazine(c, s, 0),
                               kMagazineParameters[c].magazines * sizeof(Magazine)))
        return;
    // [E10] release, pairs with the acquire in own(): the pages are accessible.
    // Relaxed before: only one thread gets here.
    if (shard.ready.exchange(1, rlx) == 0) shard.empty.fetch_or(valid(c), rel);
}

unsigned Depot::own(Atomic<Word>& list, End end) noexcept {
    Word seen = list.load(rlx);  // relaxed: a choice; the fetch_and decides
    while (seen != 0) {
        const unsigned chosen = end == End::lowest ? base::lowest(seen) : base::highest(seen);
        // [E10] acquire, pairs with the release in publish(): the magazine as
        // its last owner left it.
        const Word old = list.fetch_and(~bit(chosen), acq);
        if ((old & bit(chosen)) != 0) return chosen;
        seen = old;
    }
    return kNone;
}

void Depot::publish(Atomic<Word>& list, unsigned which) noexcept {
    // [E10] release, pairs with the acquire in own(): count, pointers, the
    // blocks' bytes; or that we have read all of it.
    list.fetch_or(bit(which), rel);
}

// While this shard holds few bytes, that number decides. The freeing thread
// then reads no line of another shard.
bool Depot::has_room(std::uint32_t s, std::size_t budget) const noexcept {
    // Relaxed, here and below: a bound.
    if (bytes_[s].full.load(rlx) < budget / kShards / 2) return true;
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < kShards; ++i) sum += bytes_[i].full.load(rlx);
    return sum < budget;
}

bool Depot::give(Bin c, void* const* blocks, std::uint32_t n, std::size_t budget,
                 DepotHandle& handle) noexcept {
    // Relaxed, here and below: a heuristic.
    const std::uint32_t refused = class_[c].refused.load(rlx);
    if (refused == kClosed) return false;
    keep(c, handle, false);
    for (std::uint32_t i = 0; i < kMagazineParameters[c].reach; ++i) {
        const std::uint32_t s = (handle.home + i) % kShards;
        // Relaxed: a choice; it saves reading the budget.
        if (class_[c].shards[s].empty.load(rlx) == 0) {
            make_ready(c, s);
            if (class_[c].shards[s].empty.load(rlx) == 0) continue;
        }
        if (!has_room(s, budget)) break;
        const unsigned which = own(class_[c].shards[s].empty, End::lowest);
        if (which == kNone) continue;
        Magazine& mine = magazine(c, s, which);
        mine.count = n;
        std::memcpy(mine.blocks, blocks, n * sizeof(void*));
        // Relaxed: a bound.
        bytes_[s].full.fetch_add(std::size_t{n} * base::kGeometry[c].size, rlx);
        // Relaxed: a heuristic.
        if (class_[c].shards[s].used.load(rlx) == 0) class_[c].shards[s].used.store(1, rlx);
        publish(class_[c].shards[s].full, which);
        handle.uses[c].top = static_cast<std::uint8_t>(s);
        return true;
    }
    if (refused < kClosed - 1) class_[c].refused.store(refused + 1, rlx);
    return false;
}

std::uint32_t Depot::take_from(std::uint32_t s, Bin c, void** out, End end) noexcept {
    const unsigned which = own(class_[c].shards[s].full, end);
    if (which == kNone) return 0;
    const Magazine& mine = magazine(c, s, which);
    const std::uint32_t n = mine.count;
    std::memcpy(out, mine.blocks, n * sizeof(void*));
    bytes_[s].full.fetch_sub(std::size_t{n} * base::kGeometry[c].size, rlx);  // relaxed: a bound
    publish(class_[c].shards[s].empty, which);
    return n;
}

// Tries the shards that this thread filled last, newest first, down to its
// home; then the shards of other threads.
std::uint32_t Depot::take(Bin c, void** out, DepotHandle& handle) noexcept {
    if (class_[c].refused.load(rlx) != 0) class_[c].refused.store(0, rlx);  // relaxed: a heuristic
    keep(c, handle, true);
    DepotHandle::Use& use = handle.uses[c];
    std::uint32_t n = take_from(use.top, c, out);
    while (n == 0 && use.top != handle.home) {
        use.top = static_cast<std::uint8_t>((use.top + kShards - 1) % kShards);
        n = take_from(use.top, c, out);
    }
    return n != 0 ? n : take_others(c, out, use);
}

std::uint32_t Depot::take_others(Bin c, void** out, DepotHandle::Use& use) noexcept {
    for (std::uint32_t i = 0; i < kShards; ++i) {
        const std::uint32_t s = (use.found + i) % kShards;
        const Shard& shard = class_[c].shards[s];
        const Word full = shard.full.load(rlx);  // relaxed, here and below: a heuristic
        if (full == 0 || base::count(full) <= shard.kept.load(rlx)) continue;
        const std::uint32_t n = take_from(s, c, out);
        if (n == 0) continue;
        use.found = static_cast<std::uint8_t>(s);
        return n;
    }
    return 0;
}

std::uint32_t Depot::take_any(Bin c, void** out) noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t s = 0; s < kShards && n == 0; ++s) n = take_from(s, c, out);
    return n;
}

// Blocks that share cache lines should return to the thread that used them.
// Each thread therefore reserves as many magazines as its longest recent run of
// takes. A thread that only frees takes none, and reserves none. If there are
// more threads than shards, several share a home: the last of them to come here
// sets the reservation.
void Depot::keep(Bin c, DepotHandle& handle, bool takes) noexcept {
    constexpr std::uint8_t kLate = 64;
    if (!base::shares_lines(c)) return;
    DepotHandle::Use& use = handle.uses[c];
    if (takes && use.want < kMostKept) ++use.want;
    if (!takes && use.want > 0) --use.want;
    Atomic<std::uint32_t>& kept = class_[c].shards[handle.home].kept;
    if (use.want > use.most) {
        use.most = use.want;
        // Relaxed, here and below: a heuristic.
        if (kept.load(rlx) < use.most) kept.store(use.most, rlx);
    }
    if (++use.moves < kLate) return;
    if (kept.load(rlx) != use.most) kept.store(use.most, rlx);
    use.most = use.want;
    use.moves = 0;
}

void Depot::forget(const DepotHandle& handle) noexcept {
    for (Bin c = 1; c < base::kClasses && base::shares_lines(c); ++c) {
        Atomic<std::uint32_t>& kept = class_[c].shards[handle.home].kept;
        if (kept.load(rlx) != 0) kept.store(0, rlx);  // relaxed: a heuristic
    }
}

bool Depot::close(Bin c) noexcept {
    const std::uint32_t times = kMagazineParameters[c].patience;
    // Relaxed, here and below: a heuristic.
    const std::uint32_t refused = class_[c].refused.load(rlx);
    if (refused < times || refused == kClosed) return false;
    std::uint32_t full = 0;
    for (const Shard& shard : class_[c].shards) full += base::count(shard.full.load(rlx));
    if (full == 0 || refused <= times * full) return false;
    class_[c].refused.store(kClosed, rlx);
    return true;
}

std::uint64_t Depot::version(Bin c) const noexcept {
    std::uint64_t sum = 0;
    // Relaxed: approximate.
    for (const Shard& shard : class_[c].shards) sum = sum * 31 + shard.full.load(rlx);
    return sum;
}

// Takes all magazines of a shard that no thread has used for a second: they are
// all empty. Threads that want one go to another shard meanwhile.
bool Depot::own_all(Bin c, std::uint32_t s) noexcept {
    Shard& shard = class_[c].shards[s];
    // Relaxed, here and below: a heuristic.
    if (shard.ready.load(rlx) == 0) return false;
    const bool was = shard.quiet.load(rlx) != 0;
    const bool is = shard.full.load(rlx) == 0;
    shard.quiet.store(is ? 1 : 0, rlx);
    Word empty = valid(c);
    // [E10] acquire, pairs with the release in publish(): the last owners of
    // the magazines have read them.
    return was && is && shard.empty.cas(empty, 0, acq, rlx);
}

// Shards whose neighbours are owned too, since they share pages.
void Depot::purge_idle(Bin c) noexcept {
    const std::uint32_t magazines = kMagazineParameters[c].magazines;
    for (std::uint32_t s = 0; s < kShards; ++s) {
        const std::uint32_t first = s;
        bool used = false;
        for (; s < kShards && own_all(c, s); ++s) {
            // Relaxed, both: a heuristic. give() owns a magazine when it sets
            // it.
            used = used || class_[c].shards[s].used.load(rlx) != 0;
            class_[c].shards[s].used.store(0, rlx);
        }
        if (used) {
            Magazine* const start = &magazine(c, first, 0);
            region::purge_within(*source_, start, start + (s - first) * std::size_t{magazines});
        }
        // [E10] release, pairs with the acquire in own(): the pages are gone.
        for (std::uint32_t i = first; i < s; ++i) class_[c].shards[i].empty.fetch_or(valid(c), rel);
    }
}

void Depot::adopt_fork() noexcept {
    for (std::uint32_t s = 0; s < kShards; ++s) {
        std::size_t bytes = 0;
        for (Bin c = 1; c < base::kClasses; ++c) {
            Shard& shard = class_[c].shards[s];
            // Relaxed, here and below: no other thread runs.
            const Word full = shard.full.load(rlx);
            if (shard.ready.load(rlx) != 0) shard.empty.store(valid(c) & ~full, rlx);
            shard.kept.store(0, rlx);
            for (Word left = full; left != 0; left &= left - 1) {
                bytes +=
                    std::size_t{magazine(c, s, base::lowest(left)).count} * base::kGeometry[c].size;
            }
        }
        bytes_[s].full.store(bytes, rlx);
    }
}

}  // namespace ashlar::depot

// Arena: returning the pages of free blocks in slabs that are in use: all of
// them on request, or idle ones while the program goes on. A page is idle if
// all its blocks were free at two looks, and no thread took blocks of its slab
// for some looks. If its pages are wanted back soon, a slab is left alone for
// twice as long. The thread that purges owns the slab. Lock-free, any thread.
#include "core/arena/arena.hpp"

namespace ashlar::arena {

using base::acq;
using base::Atomic;
using base::Bin;
using base::kGeometry;
using base::rlx;
using base::UnitId;
using base::Word;

namespace {

// Of one purge_idle().
constexpr std::uint32_t kUnitsPerLook = 16384;
// System calls of one purge_idle(), apart from those for its last slab: a
// quarter of the units that were ever used, within these bounds.
constexpr std::size_t kLeastCalls = 64;
constexpr std::size_t kMostCalls = 2048;
// Looks before pages go back, times 2^patience.
constexpr std::uint32_t kLeastLooks = 4;
constexpr std::uint8_t kMostPatience = 3;
// A slab that was idle for so many looks has no patience any more.
constexpr std::uint8_t kMostLooks = 64;
// Pages that are wanted back within so many looks, times 2^patience, were
// returned too early.
constexpr std::uint32_t kSoon = 8;

constexpr std::size_t kLeastPage = 4096;
constexpr std::uint32_t kPagesOfUnit = base::kUnitSize / kLeastPage;

// Whether blocks [first, last] are free, by a copy of the slab's bits.
bool all_free(const Word* bits, std::uint32_t first, std::uint32_t last) noexcept {
    const std::uint32_t low = first / base::kWordBits;
    const std::uint32_t high = last / base::kWordBits;
    for (std::uint32_t w = low; w <= high; ++w) {
        const unsigned from = w == low ? first % base::kWordBits : 0;
        const unsigned to = w == high ? last % base::kWordBits + 1 : base::kWordBits;
        const Word wanted = base::mask(from, to - from);
        if ((bits[w] & wanted) != wanted) return false;
    }
    return true;
}

}  // namespace

// A set of pages of one slab: a bit for each in the word of its unit.
class Arena::Pages {
  public:
    [[nodiscard]] std::uint32_t& of(std::uint32_t unit) noexcept { return units_[unit]; }
    [[nodiscard]] bool has(std::size_t at) const noexcept {
        return (units_[at / base::kUnitSize] & bit(at)) != 0;
    }
    void add(std::size_t at) noexcept { units_[at / base::kUnitSize] |= bit(at); }
    void remove(std::size_t at) noexcept { units_[at / base::kUnitSize] &= ~bit(at); }

  private:
    static std::uint32_t bit(std::size_t at) noexcept {
        return 1U << at % base::kUnitSize / kLeastPage;
    }
    std::uint32_t units_[base::kMaxSlabUnits] = {};
};

// The pages that only free blocks lie on, by a copy of the slab's bits.
Arena::Pages Arena::free_pages(Bin c, const Word* bits) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::size_t page = region::page_size();
    const std::size_t bytes = std::size_t{g.blocks} * g.size;
    Pages pages;
    for (std::size_t at = 0; at < bytes; at += page) {
        const std::size_t next = at + page < bytes ? at + page : bytes;
        if (all_free(bits, base::block_of_offset(g, at), base::block_of_offset(g, next - 1)))
            pages.add(at);
    }
    return pages;
}

// The blocks that have bytes in [from, to) of the slab lose their content.
void Arena::clear_states(UnitId slab, Bin c, std::size_t from, std::size_t to) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::size_t first = std::size_t{base::block_of_offset(g, from)} * g.size;
    const std::uintptr_t offset = std::uintptr_t{slab} << base::kUnitShift;
    states_.clear(c, offset + first, offset + to);
}

// Purges each run of these pages with one call. Pages that the system refuses
// leave the set. Returns the number of calls.
std::uint32_t Arena::purge_pages(UnitId slab, Bin c, Pages& pages) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    const std::size_t page = region::page_size();
    const std::size_t bytes = base::round_up(std::size_t{g.blocks} * g.size, page);
    std::uint32_t calls = 0;
    for (std::size_t at = 0; at < bytes; at += page) {
        std::size_t end = at;
        while (end < bytes && pages.has(end)) end += page;
        if (end == at) continue;
        ++calls;
        if (states_.on()) clear_states(slab, c, at, end);
        auto* const start = reinterpret_cast<void*>(spans_->region().address(slab) + at);
        const bool purged = spans_->region().source->purge(start, end - at);
        if (!purged) {
            refused_.store(1, rlx);  // relaxed: a hint
            for (std::size_t kept = at; kept < end; kept += page) pages.remove(kept);
        }
        at = end;
    }
    return calls;
}

// Purges those of the wanted pages that are free. While the slab is ours, no
// other thread takes its blocks. The copy of the bits lacks blocks that are
// freed meanwhile; they keep their pages. `wanted` then has what was purged.
std::uint32_t Arena::purge_slab(UnitId slab, Bin c, Pages& wanted) noexcept {
    if (!claim(slab, c)) {
        wanted = {};
        return 0;
    }
    const base::ClassGeometry& g = kGeometry[c];
    Word bits[base::kMaxSlabWords];
    // [E5] acquire: the last users' bytes.
    for (std::uint32_t w = 0; w < g.words; ++w) bits[w] = words(slab)[w].load(acq);
    Pages free = free_pages(c, bits);
    for (std::uint32_t i = 0; i < g.units; ++i) wanted.of(i) &= free.of(i);
    const std::uint32_t calls = purge_pages(slab, c, wanted);
    for (std::uint32_t i = 0; i < g.units; ++i) {
        Atomic<std::uint32_t>& noted = notes_[slab + i].pages;
        // Relaxed: a heuristic.
        noted.store(noted.load(rlx) | wanted.of(i) << kPagesOfUnit, rlx);
    }
    publish(slab, c);
    return calls;
}

bool Arena::purge() noexcept {
    bool purged = false;
    const UnitId end = spans_->frontier();
    for (UnitId unit = 1; unit < end; ++unit) {
        const State state = spans_->state(unit, rlx);  // relaxed: the claim decides
        if (state.kind() != Kind::shared) continue;
        Pages pages;
        for (std::uint32_t i = 0; i < kGeometry[state.value()].units; ++i) pages.of(i) = ~0U;
        static_cast<void>(purge_slab(unit, state.value(), pages));
        for (std::uint32_t i = 0; i < base::kMaxSlabUnits; ++i) purged = purged || pages.of(i) != 0;
    }
    return purged;
}

// Whether the idle pages of the slab are to go back now. Relaxed, all of it: a
// heuristic.
bool Arena::is_idle(Note& note, bool taken, bool returned) noexcept {
    const std::uint32_t looks = note.looks.load(rlx);
    std::uint32_t patience = note.patience.load(rlx);
    if (taken) {
        if (returned && looks <= kSoon << patience && patience < kMostPatience) ++patience;
        note.looks.store(0, rlx);
    } else if (looks < kMostLooks) {
        note.looks.store(static_cast<std::uint8_t>(looks + 1), rlx);
    } else {
        patience = 0;
    }
    note.patience.store(static_cast<std::uint8_t>(patience), rlx);
    return !taken && looks + 1 >= kLeastLooks << patience;
}

// Looks at a slab, and purges its idle pages. Returns the number of system
// calls.
std::uint32_t Arena::look_at(UnitId slab, Bin c) noexcept {
    const base::ClassGeometry& g = kGeometry[c];
    // Relaxed, all of it: purge_slab() reads the bits again. A take that is
    // missed costs a page fault.
    const bool taken = notes_[slab].taken.load(rlx) != 0;
    if (taken) notes_[slab].taken.store(0, rlx);
    Word bits[base::kMaxSlabWords];
    bool all = true;
    for (std::uint32_t w = 0; w < g.words; ++w) {
        bits[w] = words(slab)[w].load(rlx);
        all = all && bits[w] == base::full_word(g, w);
    }
    if (all) return 0;  // it will be retired
    Pages free = free_pages(c, bits);
    Pages idle;
    bool returned = false;
    bool any = false;
    for (std::uint32_t i = 0; i < g.units; ++i) {
        const std::uint32_t noted = notes_[slab + i].pages.load(rlx);
        const std::uint32_t gone = noted >> kPagesOfUnit;
        returned = returned || gone != 0;
        idle.of(i) = free.of(i) & noted & ~gone;
        any = any || idle.of(i) != 0;
        notes_[slab + i].pages.store(free.of(i) | (taken ? 0 : gone & free.of(i)) << kPagesOfUnit,
                                     rlx);
    }
    if (!is_idle(notes_[slab], taken, returned) || !any) return 0;
    return purge_slab(slab, c, idle);
}

// Returns the pages of the bitmap table on which only free units have entries,
// of 64 units. Such an entry is not zero if a slab has been there since the
// page was returned. Returns the number of system calls.
std::uint32_t Arena::discard_bits(std::uint32_t word) noexcept {
    const std::size_t entry = base::kMaxSlabWords * sizeof(Word);
    const auto units = static_cast<unsigned>(region::page_size() / entry);  // of a page
    const Word free = spans_->free_word(word);
    if (free == 0 || units > base::kWordBits) return 0;
    Word wanted = 0;
    for (unsigned at = 0; at < base::kWordBits; at += units) {
        const Word page = base::mask(at, units);
        if ((free & page) != page) continue;
        bool used = false;
        // Relaxed: a choice; the claim of the units decides.
        for (unsigned i = 0; i < units && !used; ++i)
            used = words(word * base::kWordBits + at + i)[0].load(rlx) != 0;
        if (used) wanted |= page;
    }
    return wanted != 0 ? spans_->discard_tables(word, wanted) : 0;
}

void Arena::purge_idle() noexcept {
    refused_.store(0, rlx);  // relaxed, here and below: a hint
    const UnitId end = spans_->frontier();
    UnitId unit = cursor_.load(rlx);  // relaxed, here and below: only where to go on
    const std::size_t share = end / 4;
    const std::size_t most = share < kLeastCalls  ? kLeastCalls
                             : share < kMostCalls ? share
                                                  : kMostCalls;
    std::uint32_t calls = 0;
    for (std::uint32_t left = end - 1 < kUnitsPerLook ? end - 1 : kUnitsPerLook;
         left > 0 && calls < most && refused_.load(rlx) == 0; --left) {
        unit = unit + 1 < end ? unit + 1 : 1;
        const State state = spans_->state(unit, rlx);  // relaxed: the claim decides
        if (state.kind() == Kind::shared) calls += look_at(unit, state.value());
        if (unit % base::kWordBits == 0) calls += discard_bits(unit / base::kWordBits - 1);
    }
    cursor_.store(unit, rlx);
}

}  // namespace ashlar::arena

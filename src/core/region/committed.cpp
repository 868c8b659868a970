#include "core/region/committed.hpp"

#include <initializer_list>

namespace ashlar::region {

using base::acq;
using base::rel;
using base::rlx;
using base::UnitId;
using base::Word;

namespace {

// A quarter of a MiB at first, then an eighth of what is committed, at most 64
// MiB. Small steps keep a small process small under mlockall() and strict
// overcommit. They also deny its memory to transparent huge pages, which need 2
// MiB at once.
constexpr UnitId kLeastStep = 4;
constexpr UnitId kMostStep = 1024;

constexpr UnitId step_from(UnitId reach) noexcept {
    const UnitId share = reach / 8;
    return share < kLeastStep ? kLeastStep : share > kMostStep ? kMostStep : share;
}

// A stepwise region reserves 8 MiB at once, or a quarter of what it has if that
// is more.
constexpr UnitId kLeastReserved = 128;

constexpr UnitId reserved_from(UnitId limit) noexcept {
    const UnitId share = limit / 4;
    return share < kLeastReserved ? kLeastReserved : share;
}

// How often a thread tries the lock, and how long it pauses before the next
// try. The holder makes a system call for each table.
constexpr std::uint32_t kTries = 32;
constexpr std::uint32_t kPauses = 512;

// A search of the tables' bits may read one word beyond the last unit's.
constexpr UnitId kSlack = base::kWordBits;

constexpr UnitId reach_of(Word word) noexcept { return static_cast<UnitId>(word); }
constexpr UnitId limit_of(Word word) noexcept { return static_cast<UnitId>(word >> 32); }
constexpr Word pack(UnitId limit, UnitId reach) noexcept { return Word{limit} << 32 | reach; }

}  // namespace

bool Committed::start(const Region& region, const Tables& tables, bool tables_only) noexcept {
    region_ = region;
    tables_only_ = tables_only;
    tables_ = tables;
    reach_.store(pack(region.stepwise ? 0 : region.end, 0), rlx);  // relaxed: not published yet
    return cover(1);
}

UnitId Committed::limit() const noexcept { return limit_of(reach_.load(rlx)); }  // relaxed: a bound

// Calls f(start, end) for the pages that [0, to) needs and [0, from) does not:
// those of the units, then those of each table. Stops when f returns false.
template <class F>
bool Committed::each_part(UnitId from, UnitId to, F f) const noexcept {
    const std::size_t page = page_size();
    const auto end_of = [this, page](const Table& table, UnitId unit) noexcept {
        const UnitId last = region_.end - unit > kSlack ? unit + kSlack : region_.end;
        return base::round_up(table.entry(last) + table.stride, page);
    };
    // Unit 0 is unused.
    if (!f(region_.address(from == 0 ? 1 : from), region_.address(to))) return false;
    for (std::uint32_t i = 0; i < tables_.count; ++i) {
        const Table& table = tables_.list[i];
        const std::uintptr_t low = from == 0 ? table.start & ~(page - 1) : end_of(table, from);
        const std::uintptr_t high = end_of(table, to);
        if (low < high && !f(low, high)) return false;
    }
    return true;
}

std::size_t Committed::reserved() const noexcept {
    std::size_t bytes = 0;
    if (limit() == 0) return bytes;
    each_part(0, limit(), [&bytes](std::uintptr_t start, std::uintptr_t end) noexcept {
        bytes += end - start;
        return true;
    });
    return bytes;
}

bool Committed::commit(UnitId from, UnitId to) const noexcept {
    const std::uintptr_t units = tables_only_ ? region_.base : ~std::uintptr_t{0};
    return each_part(from, to, [&](std::uintptr_t start, std::uintptr_t end) noexcept {
        return start == end || start >= units ||
               region_.source->commit(reinterpret_cast<void*>(start), end - start);
    });
}

void Committed::release(UnitId from, UnitId to) const noexcept {
    each_part(from, to, [this](std::uintptr_t start, std::uintptr_t end) noexcept {
        if (start != end) region_.source->release(reinterpret_cast<void*>(start), end - start);
        return true;
    });
}

void Committed::release() noexcept {
    if (limit() != 0) release(0, limit());
}

void Committed::release_parts(UnitId from, UnitId to, std::uint32_t parts) const noexcept {
    each_part(from, to, [&](std::uintptr_t start, std::uintptr_t end) noexcept {
        if (parts == 0) return false;
        --parts;
        if (start != end) region_.source->release(reinterpret_cast<void*>(start), end - start);
        return true;
    });
}

// All parts or none. The notes for the child of a fork are relaxed: the child
// runs alone.
bool Committed::reserve(UnitId from, UnitId to) noexcept {
    std::uint32_t done = 0;
    reserved_parts_.store(0, rlx);
    reserving_to_.store(to, rlx);
    const bool all = each_part(from, to, [&](std::uintptr_t start, std::uintptr_t end) noexcept {
        const bool granted =
            start == end || region_.source->reserve_at(reinterpret_cast<void*>(start), end - start);
        if (granted) reserved_parts_.store(++done, rlx);
        return granted;
    });
    if (!all) {
        release_parts(from, to, done);
        reserving_to_.store(0, rlx);
    }
    return all;
}

// The other thread may have raised the limit already. The part that it reserved
// last may stay reserved: the heap then goes on elsewhere.
void Committed::adopt_fork() noexcept {
    const UnitId limit = limit_of(reach_.load(rlx));  // relaxed, all of it: alone here
    const UnitId to = reserving_to_.load(rlx);
    if (to > limit) release_parts(limit, to, reserved_parts_.load(rlx));
    reserving_to_.store(0, rlx);
    reserving_.reset();
    reserving_briefly.reset();
}

// Whether as much address space is left as units [0, to) take, and room for two
// stacks. The region leaves that to stacks, libraries, and blocks with mappings
// of their own.
bool Committed::spares(UnitId to) const noexcept {
    constexpr std::size_t kStacks = std::size_t{16} << 20;
    const std::size_t bytes = kStacks + (std::size_t{to} << base::kUnitShift);
    const bool alone = reserving_briefly.lock_soon(kTries, kPauses);
    void* spare = region_.source->reserve(bytes);
    if (spare != nullptr) region_.source->release(spare, bytes);
    if (alone) reserving_briefly.leave();
    return spare != nullptr;
}

// Reserves units [0, end) and some more. False: the system refuses, something
// else is mapped there, or another thread holds the lock for long. If the full
// step is refused, half of it is tried.
bool Committed::reserve_more(UnitId end) noexcept {
    if (!reserving_.lock_soon(kTries, kPauses)) return false;
    const UnitId limit = limit_of(reach_.load(rlx));  // relaxed: only the holder changes it, [E34]
    bool done = limit >= end;
    for (const UnitId step : {reserved_from(limit), reserved_from(limit) / 2}) {
        if (done) break;
        const UnitId to = region_.end - end > step ? end + step : region_.end;
        done = spares(to) && reserve(limit, to);
        // [E40] release, pairs with the load in extend(): addresses are ours.
        if (done) reach_.fetch_add(pack(to - limit, 0), rel);
        reserving_to_.store(0, rlx);
    }
    reserving_.leave();
    return done;
}

// Reserves before the next step needs it, so that no thread waits for another
// that reserves.
void Committed::reserve_ahead(UnitId reach) noexcept {
    const UnitId limit = limit_of(reach_.load(rlx));  // relaxed: a choice
    if (region_.stepwise && limit < region_.end && limit - reach < reserved_from(limit) / 2 &&
        !reserving_.looks_taken()) {
        static_cast<void>(reserve_more(limit + 1));
    }
}

bool Committed::extend(UnitId end) noexcept {
    Word seen = reach_.load(acq);  // [E40] acquire, pairs with reserve_more()
    while (reach_of(seen) < end) {
        const UnitId limit = limit_of(seen);
        if (end > limit) {
            if (end > region_.end || !reserve_more(end)) return false;
            seen = reach_.load(acq);  // [E40]
            continue;
        }
        const UnitId wanted = reach_of(seen) + step_from(reach_of(seen));
        const UnitId reach = wanted > limit ? limit : wanted > end ? wanted : end;
        // [E40] acquire, as the load above.
        if (reach_.cas(seen, pack(limit, reach), acq, acq)) seen = pack(limit, reach);
    }
    const UnitId from = done_.load(acq);  // [E38]
    if (from >= end) return true;
    UnitId to = reach_of(seen);
    if (!commit(from, to)) {  // perhaps only the step was too much
        to = end;
        if (!commit(from, to)) return false;
    }
    raise(to);
    reserve_ahead(to);
    return true;
}

void Committed::raise(UnitId end) noexcept {
    UnitId done = done_.load(rlx);
    // [E38] release, pairs with the acquire in cover(): the pages are
    // accessible.
    while (done < end && !done_.cas(done, end, rel, rlx)) {
    }
}

std::uint32_t Committed::discard(UnitId from, UnitId to) const noexcept {
    std::uint32_t calls = 0;
    const std::size_t page = page_size();
    for (std::uint32_t i = 0; i < tables_.count; ++i) {
        const Table& table = tables_.list[i];
        if (!table.discardable) continue;
        const std::uintptr_t low = base::round_up(table.entry(from), page);
        const std::uintptr_t high = table.entry(to) & ~(page - 1);
        if (low >= high) continue;
        region_.source->purge(reinterpret_cast<void*>(low), high - low);
        ++calls;
    }
    return calls;
}

bool Committed::shed() noexcept {
    if (!tables_.own_pages || !reserving_.try_lock()) return false;
    Word seen = reach_.load(rlx);  // relaxed: after the CAS no thread commits anything beyond it
    while (limit_of(seen) != reach_of(seen) &&
           !reach_.cas(seen, pack(reach_of(seen), reach_of(seen)), rlx, rlx)) {
    }
    const bool any = limit_of(seen) != reach_of(seen);
    if (any) release(reach_of(seen), limit_of(seen));
    reserving_.leave();
    return any;
}

}  // namespace ashlar::region

// How far a region is committed: units [0, end()) and the entries of all tables
// for them can be accessed. Committing is idempotent, so that a thread that
// stops while it commits delays no other. A stepwise region is reserved a
// little further than it is committed. Reserving is not idempotent: one thread
// at a time does it, under a lock that is only tried. Lock-free, any thread.
//
//   reach_  | limit | reach |   units below `limit` are reserved; any thread
//           63    31      0     may commit those below `reach`
#ifndef ASHLAR_CORE_REGION_COMMITTED_HPP
#define ASHLAR_CORE_REGION_COMMITTED_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"
#include "core/region/region.hpp"

namespace ashlar::region {

class Committed {
  public:
    // Called before the heap is published. False: the system refuses even the
    // first unit.
    // With tables_only, the owner makes the units themselves accessible.
    [[nodiscard]] bool start(const Region& region, const Tables& tables,
                             bool tables_only = false) noexcept;

    // Commits at least units [0, end). False: the region has fewer units, or
    // the system refuses.
    [[nodiscard]] bool cover(base::UnitId end) noexcept {
        // [E38] acquire, pairs with raise(): the pages were made accessible
        // before.
        return end <= done_.load(base::acq) || extend(end);
    }
    [[nodiscard]] base::UnitId end() const noexcept { return done_.load(base::acq); }  // [E38]
    // Where end() is kept, for readers from outside.
    [[nodiscard]] const base::Atomic<base::UnitId>* end_word() const noexcept { return &done_; }
    // In its high half: limit().
    [[nodiscard]] const base::Atomic<base::Word>* reach_word() const noexcept { return &reach_; }
    // Units that are reserved.
    [[nodiscard]] base::UnitId limit() const noexcept;
    // Bytes of the tables and units that are reserved.
    [[nodiscard]] std::size_t reserved() const noexcept;
    // Purges the pages of discardable tables that describe only units [from,
    // to), which the caller holds. Their entries then read as zero or as
    // before. Returns how many system calls that took.
    std::uint32_t discard(base::UnitId from, base::UnitId to) const noexcept;
    // Releases the address space that no thread has begun to commit. True:
    // there was any.
    bool shed() noexcept;
    // Releases tables and units of a stepwise region. No thread uses the heap
    // any more.
    void release() noexcept;
    // In the child of a fork, where only the caller runs: releases what another
    // thread was reserving.
    void adopt_fork() noexcept;

  private:
    bool extend(base::UnitId end) noexcept;
    [[nodiscard]] bool commit(base::UnitId from, base::UnitId to) const noexcept;
    void raise(base::UnitId end) noexcept;
    template <class F>
    bool each_part(base::UnitId from, base::UnitId to, F f) const noexcept;
    void release(base::UnitId from, base::UnitId to) const noexcept;
    [[nodiscard]] bool reserve(base::UnitId from, base::UnitId to) noexcept;
    void release_parts(base::UnitId from, base::UnitId to, std::uint32_t parts) const noexcept;
    [[nodiscard]] bool spares(base::UnitId to) const noexcept;
    [[nodiscard]] bool reserve_more(base::UnitId end) noexcept;
    void reserve_ahead(base::UnitId reach) noexcept;

    Region region_;
    Tables tables_;
    bool tables_only_;
    base::Atomic<base::Word> reach_;
    base::Atomic<base::UnitId> done_;
    // Notes of the lock's holder for the child of a fork: units up to the first
    // are being reserved, so many parts already are.
    base::Atomic<base::UnitId> reserving_to_;
    base::Atomic<std::uint32_t> reserved_parts_;
    base::TryLock reserving_;  // its holder may change `limit`
};

}  // namespace ashlar::region

#endif

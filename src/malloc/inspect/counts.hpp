// The contents of a heap, in bytes. The parts come from one walk over the
// units, and each unit is counted once: no part is negative, or larger than the
// whole, also while threads change the heap. Exact while it is quiet. No state.
#ifndef ASHLAR_MALLOC_INSPECT_COUNTS_HPP
#define ASHLAR_MALLOC_INSPECT_COUNTS_HPP

#include <cstddef>
#include <cstdint>

#include "base/size_class.hpp"
#include "malloc/inspect/layout.hpp"

namespace ashlar::inspect {

// Bytes, and how many of them lie on resident pages.
struct Part {
    std::uint64_t bytes, resident;
    void add(std::uint64_t more, std::uint64_t more_resident) noexcept {
        bytes += more;
        resident += more_resident;
    }
};

// The slabs of a class, or the runs of a length.
struct ClassCounts {
    std::uint64_t slabs;             // or runs
    std::uint64_t blocks;            // that the slabs have
    std::uint64_t in_use;            // blocks that are not free in their slab
    std::uint64_t cached, in_depot;  // of those: free blocks in caches and in the depot
    std::uint64_t refills;           // of caches
    Part used;                       // blocks in use
    Part free;                       // blocks that are free in their slab
    Part rest;                       // behind the last block of each slab
    [[nodiscard]] std::uint64_t live() const noexcept { return in_use - cached - in_depot; }
};

// Bins 1 to 40 are classes, bins 41 to 72 runs; bin 0 stands for longer runs.
struct HeapCounts {
    ClassCounts bins[base::kBins];
    Part kept;               // runs kept for exact reuse, or in a thread's hands at this moment
    Part dirty;              // free, with pages that may be resident
    Part aged;               // the same, freed before the last tick
    Part clean;              // free, and given back to the system
    Part fresh;              // never used, but committed
    std::uint64_t metadata;  // bytes of tables and caches that are in use
    std::uint64_t peak;      // of used units
    std::uint64_t reserved;  // address space of the units
    std::uint64_t caches;    // of threads, in use
    std::uint64_t lock_taken, lock_refused;
    std::uint64_t misses[kMisses];
    std::uint64_t unreadable;  // reads that failed: the heap was ending, or is damaged
};

class Residency;

// The use of a run of units, as a visitor sees it.
enum class UnitKind : unsigned { slab, run, kept, dirty, aged, clean, fresh };

struct UnitRecord {
    std::uint64_t address;
    std::uint64_t units;
    UnitKind kind;
    base::Bin bin;         // of a slab or a run; 0: a run without a bin
    std::uint64_t in_use;  // blocks of a slab that are not free in it
    Part used;             // their bytes
    std::uint64_t resident;
    const base::Word* free;  // of a slab: a bit for each free block
    Residency* pages;        // of the process; null: not known
};

// Called for each run of units, in the order of addresses. It may use the
// memory of its context, and what the record points to during the call.
struct UnitVisitor {
    void (*visit)(void* context, const UnitRecord& record) noexcept;
    void* context;
};

// A slab that holds much and is used for little.
struct SlabRecord {
    std::uint64_t address;
    base::Bin bin;
    std::uint64_t resident, used;  // bytes
    [[nodiscard]] std::uint64_t waste() const noexcept {
        return resident > used ? resident - used : 0;
    }
};

inline constexpr unsigned kMostSlabs = 8;

// The slabs with the most waste, the worst first.
class WorstSlabs {
  public:
    void add(const SlabRecord& record) noexcept {
        if (count_ == kMostSlabs && list_[count_ - 1].waste() >= record.waste()) return;
        unsigned at = count_ < kMostSlabs ? count_++ : count_ - 1;
        for (; at > 0 && list_[at - 1].waste() < record.waste(); --at) list_[at] = list_[at - 1];
        list_[at] = record;
    }
    // A visitor that adds each slab to the WorstSlabs of its context.
    static void visit(void* self, const UnitRecord& record) noexcept {
        if (record.kind != UnitKind::slab || record.resident == 0) return;
        static_cast<WorstSlabs*>(self)->add(
            {record.address, record.bin, record.resident, record.used.resident});
    }
    [[nodiscard]] const SlabRecord* begin() const noexcept { return list_; }
    [[nodiscard]] const SlabRecord* end() const noexcept { return list_ + count_; }

  private:
    SlabRecord list_[kMostSlabs];
    unsigned count_;
};

// Sums over classes and runs.
struct Sums {
    std::uint64_t blocks;  // live
    Part live;             // in blocks that the program holds
    std::uint64_t asked;   // of these, what the program asked for: an estimate
    Part cached, in_depot, free_in_slabs, rests;
    std::uint64_t held;  // units in use: the five above, and HeapCounts::kept
};

// The bytes that a request for a block of this bin has on average, if programs
// ask for multiples of 8 bytes, each as often as the others.
constexpr std::uint64_t typical_request(base::Bin bin) noexcept {
    if (bin == 0) return 0;
    return (base::size_of_bin(bin - 1) + 8 + base::size_of_bin(bin)) / 2;
}

[[nodiscard]] Sums sums_of(const HeapCounts& counts) noexcept;

}  // namespace ashlar::inspect

#endif

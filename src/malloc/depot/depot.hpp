// The depot: full magazines (batches of blocks of one class) that change hands
// between threads, with a few atomic operations each. After Bonwick and Adams,
// "Magazines and Vmem" (2001), with bit words as lists. A magazine whose bit is
// in neither word belongs to one thread. Lock-free, any thread.
#ifndef ASHLAR_MALLOC_DEPOT_DEPOT_HPP
#define ASHLAR_MALLOC_DEPOT_DEPOT_HPP

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"
#include "base/size_class.hpp"
#include "core/region/region.hpp"

namespace ashlar::depot {

inline constexpr std::uint32_t kMagazineBlocks = 128;

// Larger blocks have few magazines, with at most 4 MiB of blocks of 32 KiB,
// since each block keeps a slab from being retired.
inline constexpr std::uint32_t kMaxMany = 1024;
// Up to this size a block costs more to move than to keep.
inline constexpr std::uint32_t kTiny = 64;

// The magazines of a class lie on shards. A thread uses its own shard while it
// can: the list and the blocks of that shard are in the processor's cache.
inline constexpr std::uint32_t kShards = 8;

// How the blocks of a class change hands. A table, so that no miss divides.
struct MagazineParameters {
    // Blocks at once: 128 of up to 64 bytes; then 64, and at most 32 KiB; over
    // 1 KiB 16 KiB, at least 8.
    std::uint32_t batch;
    // Magazines of a shard: at most 64, and at most 1 MiB in all eight, 4 MiB
    // of blocks up to 64 bytes; over 1 KiB two.
    std::uint32_t magazines;
    std::uint32_t reach;     // shards that a thread fills: all; over 1 KiB its own
    std::uint32_t patience;  // refusals for each full magazine until the class closes
};

constexpr MagazineParameters make_magazine_parameters(std::uint32_t size) noexcept {
    if (size > kMaxMany) return {std::max(16 * 1024 / size, 8U), 2, 1, 1};
    const std::uint32_t batch = size <= kTiny ? kMagazineBlocks : std::min(32 * 1024 / size, 64U);
    const std::uint32_t bytes = (size <= kTiny ? 4096 : 1024) * 1024;
    return {batch, std::min(bytes / (batch * size * kShards), base::kWordBits), kShards, 4};
}

inline constexpr auto kMagazineParameters = [] {
    std::array<MagazineParameters, base::kClasses> table{};
    for (base::Bin c = 1; c < base::kClasses; ++c)
        table[c] = make_magazine_parameters(base::kGeometry[c].size);
    return table;
}();

constexpr std::uint32_t batch_of_class(base::Bin c) noexcept {
    return kMagazineParameters[c].batch;
}
constexpr std::uint32_t magazines_of_class(base::Bin c) noexcept {
    return kMagazineParameters[c].magazines * kShards;
}

// What one thread's cache remembers of the depot. Only its thread uses it.
struct DepotHandle {
    explicit DepotHandle(std::uint32_t number = 0) noexcept : home(kHomes[number % kShards]) {
        for (Use& use : uses) use = {home, home, 0, 0, 0};
    }
    struct Use {
        // Shard with this thread's newest magazine: its home, or a later one if
        // that was full.
        std::uint8_t top;
        std::uint8_t found;  // shard of another thread where it last found a magazine
        std::uint8_t want;   // magazines taken or sought, less those given since; at most kMostKept
        std::uint8_t most;   // the recent maximum of `want`
        std::uint8_t moves;  // takes and gives since `most` was last reset
    };
    std::uint8_t home;
    Use uses[base::kClasses];

  private:
    // Far apart: a thread that has filled one shard continues in the next.
    static constexpr std::uint8_t kHomes[kShards] = {0, 4, 2, 6, 1, 5, 3, 7};
};

// Where the depot's parts lie, for readers from outside. A class begins with
// its shards, a shard with its full word, a magazine with its count.
struct DepotAddresses {
    const void* classes;
    std::size_t class_bytes, shard_bytes, magazine_bytes;
    const void* magazines[base::kClasses];
};

class Depot {
  public:
    [[nodiscard]] DepotAddresses addresses() const noexcept;
    void layout(region::Carver& carver, const region::Source& source) noexcept;

    // Copies up to batch_of_class(c) blocks of class c in. False: nothing was
    // copied. No magazine is empty, or the full ones of all classes hold
    // `budget` bytes. They may hold half as much again, and the batches being
    // given.
    [[nodiscard]] bool give(base::Bin c, void* const* blocks, std::uint32_t n, std::size_t budget,
                            DepotHandle& handle) noexcept;
    // Copies a magazine's blocks out, at most batch_of_class(c): the thread's
    // own newest one, or one that is not reserved for others. Returns the
    // number of blocks; 0: there is no such magazine.
    [[nodiscard]] std::uint32_t take(base::Bin c, void** out, DepotHandle& handle) noexcept;
    // Any full magazine, to empty it.
    [[nodiscard]] std::uint32_t take_any(base::Bin c, void** out) noexcept;
    // For a background thread, about once a second: takes half of the
    // magazines of each shard that were full at the last call too, those that
    // lie lowest in their stacks. Calls f(blocks, n) for each.
    template <class F>
    void take_idle(base::Bin c, F f) noexcept {
        void* blocks[kMagazineBlocks];
        for (std::uint32_t s = 0; s < kShards; ++s) {
            Shard& shard = class_[c].shards[s];
            // Relaxed, here and below: a heuristic.
            const base::Word idle = shard.full.load(base::rlx) & shard.before.load(base::rlx);
            for (unsigned left = (base::count(idle) + 1) / 2; left > 0; --left) {
                const std::uint32_t n = take_from(s, c, blocks, End::lowest);
                if (n == 0) break;
                f(blocks, n);
            }
            shard.before.store(shard.full.load(base::rlx), base::rlx);
        }
    }
    // For a background thread, after take_idle(): returns the pages of
    // magazines to the system, of shards that were empty at the last call too.
    void purge_idle(base::Bin c) noexcept;
    // Ends the reservations at the thread's home, until a thread of that home
    // moves magazines again.
    void forget(const DepotHandle& handle) noexcept;

    // Closes class c if many more batches were refused, since the last take,
    // than magazines are full: those only keep slabs from being retired. A
    // closed class refuses batches until a thread asks for a magazine. True:
    // the caller should empty the magazines.
    [[nodiscard]] bool close(base::Bin c) noexcept;

    // A number that changes when full magazines of class c come or go. It shows
    // whether any thread uses the class. A magazine that came and went between
    // two calls may not show.
    [[nodiscard]] std::uint64_t version(base::Bin c) const noexcept;

    // In the child of a fork: magazines that ended threads owned become empty.
    // The blocks in them are lost.
    void adopt_fork() noexcept;
    // Calls f(block) for each block in a published magazine of class c. Exact
    // only while no thread changes the depot. [E10]
    template <class F>
    void visit(base::Bin c, F f) const noexcept {
        for (std::uint32_t s = 0; s < kShards; ++s) {
            for (base::Word left = class_[c].shards[s].full.load(base::acq); left != 0;
                 left &= left - 1) {
                const Magazine& each = magazine(c, s, base::lowest(left));
                for (std::uint32_t i = 0; i < each.count; ++i) f(each.blocks[i]);
            }
        }
    }

  private:
    struct Magazine {
        std::uint32_t count;  // owner only
        void* blocks[kMagazineBlocks];
    };
    // The lowest or the highest magazine of a list. A shard is filled from
    // below and emptied from above: it is a stack.
    enum class End : std::uint8_t { lowest, highest };
    // One line: a thread takes from one list and puts into the other.
    struct alignas(base::kCacheLine) Shard {
        base::Atomic<base::Word> full;  // fetch_or to publish, fetch_and to own [E10]
        base::Atomic<base::Word> empty;
        // 1: its magazines are committed, and in one of the lists.
        base::Atomic<std::uint32_t> ready;
        // Full ones reserved for the threads whose home it is; relaxed,
        // approximate.
        base::Atomic<std::uint32_t> kept;
        // For take_idle() and purge_idle(); relaxed, heuristics. The full ones
        // at the last call; for how many calls there was none; 1: a batch was
        // given since the pages were returned.
        base::Atomic<base::Word> before;
        base::Atomic<std::uint32_t> quiet;
        base::Atomic<std::uint32_t> used;
    };
    struct Class {
        Shard shards[kShards];
        // Batches refused since the last take, or kClosed; relaxed,
        // approximate.
        alignas(base::kCacheLine) base::Atomic<std::uint32_t> refused;
    };
    struct alignas(base::kCacheLine) Bytes {
        // In full magazines of a shard of all classes; relaxed, a bound.
        base::Atomic<std::size_t> full;
    };
    static constexpr std::uint32_t kClosed = ~std::uint32_t{0};
    static constexpr std::uint8_t kMostKept = 32;
    static unsigned own(base::Atomic<base::Word>& list, End end) noexcept;
    static void publish(base::Atomic<base::Word>& list, unsigned which) noexcept;
    [[nodiscard]] bool own_all(base::Bin c, std::uint32_t shard) noexcept;
    void make_ready(base::Bin c, std::uint32_t shard) noexcept;
    [[nodiscard]] bool has_room(std::uint32_t shard, std::size_t budget) const noexcept;
    [[nodiscard]] std::uint32_t take_from(std::uint32_t shard, base::Bin c, void** out,
                                          End end = End::highest) noexcept;
    [[nodiscard]] std::uint32_t take_others(base::Bin c, void** out,
                                            DepotHandle::Use& use) noexcept;
    void keep(base::Bin c, DepotHandle& handle, bool takes) noexcept;
    [[nodiscard]] Magazine& magazine(base::Bin c, std::uint32_t shard,
                                     unsigned which) const noexcept {
        return magazines_[c][shard * kMagazineParameters[c].magazines + which];
    }

    const region::Source* source_;
    Class* class_;
    Bytes* bytes_;
    Magazine* magazines_[base::kClasses];
};

}  // namespace ashlar::depot

#endif

// The depot: full magazines (batches of blocks of one class) that change hands between threads, some atomic operations for
// each. After Bonwick and Adams, "Magazines and Vmem" (2001), with bit words for its lists: a magazine whose bit is in neither
// word belongs to one thread. Lock-free, any thread.
#ifndef ASHLAR_DEPOT_DEPOT_HPP
#define ASHLAR_DEPOT_DEPOT_HPP

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"
#include "base/size_class.hpp"
#include "region/region.hpp"

namespace ashlar::depot {

inline constexpr std::uint32_t kMagazineBlocks = 128;

// Of larger blocks there are few magazines (4 MiB in them at most, of blocks of 32 KiB), since each block keeps a slab from
// being retired.
inline constexpr std::uint32_t kMaxMany = 1024;
inline constexpr std::uint32_t kTiny = 64;  // blocks that cost more to move than to keep

// The magazines of a class lie on shelves. A thread keeps to one of its own while it can: its list is in its cache, and so are
// the blocks on it.
inline constexpr std::uint32_t kShelves = 8;

// How a class's blocks change hands, as a table: no division on a miss.
struct Lot {
    std::uint32_t batch;  // blocks at once: 128 of up to 64 bytes; then 64, and at most 32 KiB; over 1 KiB 16 KiB, at least 8
    // Magazines of a shelf: at most 64, and at most 1 MiB in all eight, 4 MiB of blocks up to 64 bytes; over 1 KiB two.
    std::uint32_t magazines;
    std::uint32_t reach;     // shelves that a thread fills: all; over 1 KiB its own
    std::uint32_t patience;  // refusals for each full magazine until the class closes
};

constexpr Lot make_lot(std::uint32_t size) noexcept {
    if (size > kMaxMany) return {std::max(16 * 1024 / size, 8U), 2, 1, 1};
    const std::uint32_t batch = size <= kTiny ? kMagazineBlocks : std::min(32 * 1024 / size, 64U);
    const std::uint32_t bytes = (size <= kTiny ? 4096 : 1024) * 1024;
    return {batch, std::min(bytes / (batch * size * kShelves), base::kWordBits), kShelves, 4};
}

inline constexpr auto kLots = [] {
    std::array<Lot, base::kClasses> table{};
    for (base::Bin c = 1; c < base::kClasses; ++c) table[c] = make_lot(base::kGeometry[c].size);
    return table;
}();

constexpr std::uint32_t batch_of_class(base::Bin c) noexcept { return kLots[c].batch; }
constexpr std::uint32_t magazines_of_class(base::Bin c) noexcept { return kLots[c].magazines * kShelves; }

// What a cache knows of the depot, and nobody else.
struct Way {
    explicit Way(std::uint32_t number = 0) noexcept : home(kHomes[number % kShelves]) {
        for (Use& use : uses) use = {home, home, 0, 0, 0};
    }
    struct Use {
        std::uint8_t top;    // the shelf with the newest magazine of its own: at home, or behind where that was full
        std::uint8_t found;  // where it last found one on another's
        std::uint8_t want;   // magazines that it took, or sought, beyond those that it has given since; at most kMostKept
        std::uint8_t most;   // of that, of late
        std::uint8_t moves;  // since `most` began
    };
    std::uint8_t home;
    Use uses[base::kClasses];

  private:
    static constexpr std::uint8_t kHomes[kShelves] = {0, 4, 2, 6, 1, 5, 3, 7};  // far apart: who fills one goes on in the next
};

class Depot {
  public:
    void layout(region::Carver& carver) noexcept;

    // Copies up to batch_of_class(c) blocks of class c in; false: nothing was taken, since no magazine is empty, or the full
    // ones of all classes hold `budget` bytes already. They may come to hold half as much again, and what is being given.
    [[nodiscard]] bool give(base::Bin c, void* const* blocks, std::uint32_t n, std::size_t budget, Way& way) noexcept;
    // Copies a magazine's blocks out, at most batch_of_class(c): its own thread's newest, or one that is not kept for others;
    // returns how many, 0: there is none.
    [[nodiscard]] std::uint32_t take(base::Bin c, void** out, Way& way) noexcept;
    // Any full magazine, to empty it.
    [[nodiscard]] std::uint32_t take_any(base::Bin c, void** out) noexcept;
    // What was kept at the thread's home is anybody's, until a thread of that home moves magazines again.
    void forget(const Way& way) noexcept;

    // Refuses all of class c until somebody wants a magazine, if since the last time many more batches were refused than are
    // full: what is in those only keeps slabs from being retired. True: the caller should empty them.
    [[nodiscard]] bool close(base::Bin c) noexcept;

    // A number that changes when full magazines of class c come or go, for looking whether anybody uses it; what came and went
    // between two looks may not show.
    [[nodiscard]] std::uint64_t stand(base::Bin c) const noexcept;

    // In the child of a fork: what was in the hands of a thread that is gone is empty again; its blocks are lost.
    void adopt_fork() noexcept;
    // Calls f(block) for each block in a published magazine of class c; exact only while nobody changes the depot. [E10]
    template <class F>
    void visit(base::Bin c, F f) const noexcept {
        for (std::uint32_t s = 0; s < kShelves; ++s) {
            for (base::Word left = class_[c].shelves[s].full.load(base::acq); left != 0; left &= left - 1) {
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
    // The lowest magazine of a list, or the highest: filled from below and emptied from above, a shelf is a stack.
    enum class End : std::uint8_t { lowest, highest };
    struct alignas(base::kCacheLine) Shelf {  // one line: who takes from the one list puts into the other
        base::Atomic<base::Word> full;        // fetch_or to publish, fetch_and to own [E10]
        base::Atomic<base::Word> empty;
        base::Atomic<std::uint32_t> kept;  // how many full ones others leave to whose home it is; relaxed, about right
    };
    struct Class {
        Shelf shelves[kShelves];
        // Batches since somebody wanted a magazine, or kClosed; relaxed, about right.
        alignas(base::kCacheLine) base::Atomic<std::uint32_t> refused;
    };
    struct alignas(base::kCacheLine) Bytes {
        base::Atomic<std::size_t> full;  // in full magazines of a shelf of all classes; relaxed, a bound
    };
    static constexpr std::uint32_t kClosed = ~std::uint32_t{0};
    static constexpr std::uint8_t kMostKept = 32;
    static unsigned own(base::Atomic<base::Word>& list, End end) noexcept;
    static void publish(base::Atomic<base::Word>& list, unsigned which) noexcept;
    [[nodiscard]] bool has_room(std::uint32_t shelf, std::size_t budget) const noexcept;
    [[nodiscard]] std::uint32_t take_from(std::uint32_t shelf, base::Bin c, void** out) noexcept;
    [[nodiscard]] std::uint32_t take_others(base::Bin c, void** out, Way::Use& use) noexcept;
    void keep(base::Bin c, Way& way, bool takes) noexcept;
    [[nodiscard]] Magazine& magazine(base::Bin c, std::uint32_t shelf, unsigned which) const noexcept {
        return magazines_[c][shelf * kLots[c].magazines + which];
    }

    Class* class_;
    Bytes* bytes_;
    Magazine* magazines_[base::kClasses];
};

}  // namespace ashlar::depot

#endif

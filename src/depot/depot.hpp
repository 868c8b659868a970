// The depot: full magazines (batches of blocks of one class) that change hands between threads, one atomic operation for each.
// After Bonwick and Adams, "Magazines and Vmem" (2001), with bit words for its lists: a magazine whose bit is in neither word
// belongs to one thread. Lock-free, any thread.
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

// Larger blocks don't go through the depot: a few of them in a magazine would keep their slabs from being retired.
inline constexpr std::uint32_t kMaxBlock = 1024;
inline constexpr std::uint32_t kTiny = 64;  // blocks that cost more to move than to keep

inline constexpr std::uint32_t kWords = 8;  // of a class's lists

// How a class's blocks change hands, as a table: no division on a miss.
struct Lot {
    std::uint32_t batch;  // blocks at once: 128 of up to 64 bytes; then 64, and at most 32 KiB; over 1 KiB 16 KiB, at least 8
    std::uint32_t magazines;  // at most 512, and at most 1 MiB in them; 4 MiB of blocks up to 64 bytes
    std::uint32_t words;      // of its lists that are in use
};

constexpr Lot make_lot(std::uint32_t size) noexcept {
    if (size > kMaxBlock) return {std::max(16 * 1024 / size, 8U), 0, 0};
    const std::uint32_t batch = size <= kTiny ? kMagazineBlocks : std::min(32 * 1024 / size, 64U);
    const std::uint32_t bytes = (size <= kTiny ? 4096 : 1024) * 1024;
    const std::uint32_t magazines = std::min(bytes / (batch * size), kWords * base::kWordBits);
    return {batch, magazines, (magazines + base::kWordBits - 1) / base::kWordBits};
}

inline constexpr auto kLots = [] {
    std::array<Lot, base::kClasses> table{};
    for (base::Bin c = 1; c < base::kClasses; ++c) table[c] = make_lot(base::kGeometry[c].size);
    return table;
}();

constexpr std::uint32_t batch_of_class(base::Bin c) noexcept { return kLots[c].batch; }
constexpr std::uint32_t magazines_of_class(base::Bin c) noexcept { return kLots[c].magazines; }

class Depot {
  public:
    void layout(region::Carver& carver) noexcept;

    // Copies up to batch_of_class(c) blocks of class c in; false: nothing was taken, since no magazine is empty, or the full
    // ones of all classes hold `budget` bytes already.
    [[nodiscard]] bool give(base::Bin c, void* const* blocks, std::uint32_t n, std::size_t budget) noexcept;
    // Copies a magazine's blocks out, at most batch_of_class(c); returns how many, 0: none is full. `wanted`: not only to empty
    // it.
    [[nodiscard]] std::uint32_t take(base::Bin c, void** out, bool wanted = true) noexcept;

    // Refuses all of class c until somebody wants a magazine, if since the last time many more batches were refused than are
    // full: what is in those only keeps slabs from being retired. True: the caller should empty them.
    [[nodiscard]] bool close(base::Bin c) noexcept;

    // A number that changes when full magazines of class c come or go, as good as always: for looking whether anybody uses it.
    [[nodiscard]] std::uint64_t stand(base::Bin c) const noexcept;

    // In the child of a fork: what was in the hands of a thread that is gone is empty again; its blocks are lost.
    void adopt_fork() noexcept;
    // Calls f(block) for each block in a published magazine of class c; exact only while nobody changes the depot.
    template <class F>
    void visit(base::Bin c, F f) const noexcept {
        for (std::uint32_t w = 0; w < kWords; ++w) {
            for (base::Word left = class_[c].full[w].load(base::acq); left != 0; left &= left - 1) {
                const Magazine& magazine = magazines_[c][w * base::kWordBits + base::lowest(left)];
                for (std::uint32_t i = 0; i < magazine.count; ++i) f(magazine.blocks[i]);
            }
        }
    }

  private:
    struct Magazine {
        std::uint32_t count;  // owner only
        void* blocks[kMagazineBlocks];
    };
    struct alignas(base::kCacheLine) Class {
        base::Atomic<base::Word> full[kWords];  // fetch_or to publish, fetch_and to own [E10]
        base::Atomic<base::Word> empty[kWords];
        base::Atomic<std::uint32_t> refused;  // batches since somebody wanted a magazine, or kClosed; relaxed, about right
    };
    // The lowest magazine of a list, or the highest: filled from below and emptied from above, the depot is a stack.
    enum class End : std::uint8_t { lowest, highest };
    static constexpr std::uint32_t kClosed = ~std::uint32_t{0};
    static bool own(base::Atomic<base::Word>* set, std::uint32_t words, End end, std::uint32_t& which) noexcept;
    static void publish(base::Atomic<base::Word>* set, std::uint32_t which) noexcept;

    Class class_[base::kClasses];
    Magazine* magazines_[base::kClasses];
    alignas(base::kCacheLine) base::Atomic<std::size_t> bytes_;  // in full magazines; relaxed, a bound
};

}  // namespace ashlar::depot

#endif

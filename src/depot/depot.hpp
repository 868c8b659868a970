// The depot: full magazines (batches of blocks of one class) that change hands between threads, one atomic operation for each.
// After Bonwick and Adams, "Magazines and Vmem" (2001), with bit words for its lists: a magazine whose bit is in neither word
// belongs to one thread. Lock-free, any thread.
#ifndef ASHLAR_DEPOT_DEPOT_HPP
#define ASHLAR_DEPOT_DEPOT_HPP

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

// How many blocks of a class change hands at once: 128 of up to 64 bytes; then 64, and at most 32 KiB of them; of blocks over 1
// KiB 8 KiB, and at least 4.
constexpr std::uint32_t batch_of_class(base::Bin c) noexcept {
    const std::uint32_t size = base::kGeometry[c].size;
    if (size <= kTiny) return kMagazineBlocks;
    if (size <= kMaxBlock) return 32 * 1024 / size < 64 ? 32 * 1024 / size : 64;
    return 8 * 1024 / size > 4 ? 8 * 1024 / size : 4;
}

inline constexpr std::uint32_t kWords = 8;  // of a class's lists

// How many magazines a class may have: at most 512, and at most 1 MiB in them; 4 MiB of blocks up to 64 bytes.
constexpr std::uint32_t magazines_of_class(base::Bin c) noexcept {
    const std::uint32_t size = base::kGeometry[c].size;
    if (size > kMaxBlock) return 0;
    const std::uint32_t magazines = (size <= kTiny ? 4096 : 1024) * 1024 / (batch_of_class(c) * size);
    return magazines > kWords * base::kWordBits ? kWords * base::kWordBits : magazines;
}

class Depot {
  public:
    void layout(region::Carver& carver) noexcept;

    // Copies up to batch_of_class(c) blocks of class c in; false: nothing was taken, since no magazine is empty, or the full
    // ones of all classes hold `budget` bytes already.
    [[nodiscard]] bool give(base::Bin c, void* const* blocks, std::uint32_t n, std::size_t budget) noexcept;
    // Copies a magazine's blocks out, at most batch_of_class(c); returns how many, 0: none is full.
    [[nodiscard]] std::uint32_t take(base::Bin c, void** out) noexcept;

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
    };
    // The lowest magazine of a list, or the highest: filled from below and emptied from above, the depot is a stack.
    enum class End : std::uint8_t { lowest, highest };
    static bool own(base::Atomic<base::Word>* set, End end, std::uint32_t& which) noexcept;
    static void publish(base::Atomic<base::Word>* set, std::uint32_t which) noexcept;

    Class class_[base::kClasses];
    Magazine* magazines_[base::kClasses];
    alignas(base::kCacheLine) base::Atomic<std::size_t> bytes_;  // in full magazines; relaxed, a bound
};

}  // namespace ashlar::depot

#endif

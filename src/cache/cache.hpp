// A whole cache: the front, the current slabs, and the slots. The misses of the hit path, one door per way out.
// A cache is used by one thread at a time; a shared one by whoever holds its `busy` flag.
#ifndef ASHLAR_CACHE_CACHE_HPP
#define ASHLAR_CACHE_CACHE_HPP

#include "cache/thread_cache.hpp"
#include "depot/depot.hpp"

namespace ashlar::cache {

// Most blocks that a bin can hold: two batches; of blocks over 1 KiB 48 KiB, and at least 16. Runs: 512 KiB, at most four.
constexpr std::uint32_t capacity_of_bin(base::Bin bin) noexcept {
    if (bin == 0) return 0;
    if (base::is_run(bin)) {
        const std::uint32_t runs = 8 / base::units_of_run(bin);
        return runs > 4 ? 4 : runs < 1 ? 1 : runs;
    }
    const std::uint32_t size = base::kGeometry[bin].size;
    if (size <= depot::kMaxMany) return 2 * depot::batch_of_class(bin);
    return 48 * 1024 / size > 16 ? 48 * 1024 / size : 16;
}

// As a table: no division on a miss.
inline constexpr auto kCapacityOfBin = [] {
    std::array<std::uint32_t, base::kBins> table{};
    for (base::Bin bin = 0; bin < base::kBins; ++bin) table[bin] = capacity_of_bin(bin);
    return table;
}();

inline constexpr auto kBottomOfBin = [] {
    std::array<std::uint32_t, base::kBins + 1> table{};
    std::uint32_t next = 0;
    for (base::Bin bin = 0; bin < base::kBins; ++bin) {
        table[bin] = next + 1;  // slot 0 of each bin is its null
        next += 1 + capacity_of_bin(bin);
    }
    table[base::kBins] = next;
    return table;
}();

class Cache : public Front {
  public:
    void attach(Core& owner, std::uint32_t number) noexcept;
    [[nodiscard]] bool attached() const noexcept { return core != nullptr; }

    // A block of the bin, which was found empty; nullptr: out of memory.
    [[nodiscard]] void* refill(base::Bin bin) noexcept;
    // Takes a block into a bin that was found full.
    void overflow(void* block, base::Bin bin) noexcept;
    // Fast path and miss together, for callers that are not the hit path.
    [[nodiscard]] void* take(base::Bin bin) noexcept;
    void give(void* block, base::Bin bin) noexcept;

    // Up to n blocks of a small class into out[]; fewer: out of memory.
    [[nodiscard]] std::size_t take_batch(base::Bin bin, void** out, std::size_t n) noexcept;

    // Gives everything back: all bins, all current slabs.
    void flush() noexcept;
    // The same where a fork cut the thread in the middle of something.
    void adopt() noexcept;

    // Calls f(block) for each cached block of a bin.
    template <class F>
    void visit(base::Bin bin, F f) noexcept {
        for (void** at = top[bin] - 1; *at != nullptr; --at) f(*at);
    }

    base::Atomic<std::uint32_t> busy;  // shared caches: held by exchange(1, acq), left by store(0, rel)
    std::uint32_t exit_rounds;         // how often the thread's exit has come by

  private:
    [[nodiscard]] void** bottom(base::Bin bin) noexcept { return slots_ + kBottomOfBin[bin]; }
    [[nodiscard]] void** first_limit(base::Bin bin) noexcept;
    void open(base::Bin bin) noexcept;
    void flush_bin(base::Bin bin) noexcept;
    void tidy() noexcept;
    void rest(base::Bin bin) noexcept;

    std::uint32_t misses_;                 // since the last tidy()
    void** seen_[base::kBins];             // tops at the last tidy()
    std::uint8_t idle_[base::kBins];       // how far rest() has come with each bin
    std::uint8_t strangers_[base::kBins];  // blocks that came to a closed bin
    depot::Way way_;
    std::uint64_t depot_seen_[base::kClasses];  // how the depot's classes stood when rest() looked
    base::Atomic<base::UnitId>
        current_[base::kClasses];  // slabs that this cache owns; relaxed; set after the claim, cleared before the publish
    void* slots_[kBottomOfBin[base::kBins]];
};

}  // namespace ashlar::cache

#endif

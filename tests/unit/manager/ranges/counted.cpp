// usage: ranges_counted POLICY PHASE HOLES OPERATIONS     for callgrind with --instr-atstart=no
// Callgrind then counts the phase alone, among so many holes between blocks.
// The phases are take and give (each so many in a row), replace (one given, one
// taken), pair (the same block taken and given again), aligned (take, each at
// its own size's power of two), and lowest, upper_end and tight (as replace, by
// that strategy).
#include <valgrind/callgrind.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "manager/base/store.hpp"
#include "manager/ranges/range_allocator.hpp"

namespace {

using namespace ashlar;

Placement placement_of(std::string_view name) {
    for (const Placement placement :
         {Placement::tlsf, Placement::first_fit, Placement::next_fit, Placement::best_fit,
          Placement::worst_fit, Placement::ordered_best_fit, Placement::buddy, Placement::linear,
          Placement::ring}) {
        if (name == make_policy(placement)->name()) return placement;
    }
    std::fprintf(stderr, "ranges_counted: no policy %s\n", name.data());
    std::exit(2);
}

Strategy strategy_of(std::string_view phase) {
    return phase == "lowest"      ? Strategy::lowest
           : phase == "upper_end" ? Strategy::upper_end
           : phase == "tight"     ? Strategy::tight
                                  : Strategy::by_policy;
}

class Counted {
  public:
    Counted(Placement placement, std::size_t holes, std::size_t operations)
        : policy_(make_policy(placement)) {
        const auto most = static_cast<std::uint32_t>(8 * holes + 2 * operations + 1000);
        const Size limit = Size{1} << 48;
        if (!store_.create([&](region::Carver& carver) {
                allocator_.layout(carver, *policy_, limit, most);
            }) ||
            !allocator_.grow(limit, true)) {
            std::exit(3);
        }
        // Every other one of twice as many is freed: each becomes a hole of its
        // own, but for buddies.
        std::vector<RangeId> every_other;
        for (std::size_t i = 0; i < holes; ++i) {
            every_other.push_back(take());
            blocks_.push_back(take());
        }
        for (const RangeId block : every_other) allocator_.give(block);
    }
    [[nodiscard]] std::uint64_t holes() const { return allocator_.totals().holes; }

    // Everything random is drawn before the counting begins.
    void run(std::string_view phase, std::size_t operations) {
        const Strategy strategy = strategy_of(phase);
        if (!allocator_.prepare(strategy, ~std::uint32_t{0})) std::abort();
        std::vector<RangeId> chosen(operations);
        std::vector<Size> sizes(operations);
        std::vector<std::size_t> victims(operations);
        for (std::size_t i = 0; i < operations; ++i) {
            chosen[i] = phase == "give" ? take() : no_range;
            sizes[i] = some_size();
            victims[i] = random_() % blocks_.size();
        }
        std::shuffle(chosen.begin(), chosen.end(), random_);
        CALLGRIND_START_INSTRUMENTATION;
        if (phase == "take") {
            for (const Size size : sizes) static_cast<void>(allocator_.take(size, 1));
        } else if (phase == "aligned") {
            for (const Size size : sizes)
                static_cast<void>(allocator_.take(size, std::bit_floor(size)));
        } else if (phase == "give") {
            for (const RangeId block : chosen) allocator_.give(block);
        } else if (phase == "pair") {
            for (const Size size : sizes) allocator_.give(allocator_.take(size, 1));
        } else {
            for (std::size_t i = 0; i < operations; ++i) {
                RangeId& block = blocks_[victims[i]];
                allocator_.give(block);
                block = strategy == Strategy::by_policy ? allocator_.take(sizes[i], 1)
                                                        : allocator_.take_by(strategy, sizes[i], 1);
            }
        }
        CALLGRIND_STOP_INSTRUMENTATION;
    }

  private:
    [[nodiscard]] Size some_size() { return 16 + random_() % 4096; }
    [[nodiscard]] RangeId take() {
        const RangeId block = allocator_.take(some_size(), 1);
        if (block == no_range) std::abort();
        return block;
    }

    std::unique_ptr<Policy> policy_;
    manager::Store store_;
    ranges::RangeAllocator allocator_;
    std::vector<RangeId> blocks_;
    std::minstd_rand random_{1};
};

}  // namespace

int main(int count, char** words) {
    if (count != 5) return 2;
    const auto operations = static_cast<std::size_t>(std::atol(words[4]));
    Counted counted(placement_of(words[1]), static_cast<std::size_t>(std::atol(words[3])),
                    operations);
    std::printf("%llu holes\n", static_cast<unsigned long long>(counted.holes()));
    counted.run(words[2], operations);
    return 0;
}

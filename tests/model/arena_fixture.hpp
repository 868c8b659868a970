// Spans and an arena over them, and the properties that hold when no thread
// changes them.
#ifndef ASHLAR_TESTS_MODEL_ARENA_FIXTURE_HPP
#define ASHLAR_TESTS_MODEL_ARENA_FIXTURE_HPP

#include <set>

#include "core/arena/arena.hpp"
#include "core/spans/spans.hpp"
#include "fixture.hpp"
#include "support/private_member.hpp"
#include "support/quiet.hpp"

namespace interleave {

struct Layers {
    void layout(ashlar::region::Carver& carver, const ashlar::region::Region& region) noexcept {
        spans.layout(carver, region);
        arena.layout(carver, spans);
    }
    [[nodiscard]] bool start(const ashlar::region::Tables& tables) noexcept {
        return spans.start(tables);
    }
    ashlar::spans::Spans spans;
    ashlar::arena::Arena arena;
};

// P7: no word is pending, and each longest free run lies inside a hole of the
// map.
void require_holes(ashlar::spans::Spans& spans);
// P6: each unit below the frontier is free, or within one of the runs.
struct Span {
    ashlar::base::UnitId start;
    std::uint32_t units;
};
void require_units(ashlar::spans::Spans& spans, const std::vector<Span>& held);

// Threads take and give blocks, each with its own current slabs.
class ArenaScenario : public Scenario {
  public:
    using Bin = ashlar::base::Bin;
    using UnitId = ashlar::base::UnitId;
    explicit ArenaScenario(UnitId units) : units_(units) {}

    void set_up() override;
    void begin() override;
    void end(unsigned stopped) override;

  protected:
    // Called when the layers exist, before the runs.
    virtual void prepare() {}
    // Returns the number of taken blocks.
    std::uint32_t take(unsigned thread, Bin c, std::uint32_t n, void** out);
    std::uint32_t take(unsigned thread, Bin c, std::uint32_t n);
    // One block, which may be reported zero; nullptr: there is none.
    void* take_one(unsigned thread, Bin c);
    void give(Bin c, void* const* blocks, std::uint32_t n);
    void give(Bin c, void* block) { give(c, &block, 1); }
    void leave(unsigned thread, Bin c) { layers_->arena.leave(c, current_[thread][c]); }
    // Takes whole slabs for the set-up; their blocks are in blocks_ in order of
    // address.
    void take_slabs(unsigned thread, Bin c, std::uint32_t slabs);
    void** blocks() { return blocks_; }

    ashlar::arena::Arena& arena() { return layers_->arena; }
    ashlar::spans::Spans& spans() { return layers_->spans; }
    Ledger ledger_;

  private:
    using Currents = ashlar::base::Atomic<UnitId>[ashlar::base::kClasses];
    void check(bool whole);

    UnitId units_;
    Layers* layers_ = nullptr;
    Currents current_[4] = {};
    UnitId first_current_[4][ashlar::base::kClasses] = {};
    void* blocks_[256];
    std::uint32_t block_count_ = 0;
};

// Of one unit: 8 blocks, 9 blocks; and of 102 blocks in two words.
inline constexpr ashlar::base::Bin kEight = ashlar::base::class_of_size(8192);
inline constexpr ashlar::base::Bin kNine = ashlar::base::class_of_size(7168);
inline constexpr ashlar::base::Bin kTwoWords = ashlar::base::class_of_size(640);
static_assert(ashlar::base::kGeometry[kEight].blocks == 8 &&
              ashlar::base::kGeometry[kEight].units == 1);
static_assert(ashlar::base::kGeometry[kNine].blocks == 9 &&
              ashlar::base::kGeometry[kNine].units == 1);
static_assert(ashlar::base::kGeometry[kTwoWords].words == 2 &&
              ashlar::base::kGeometry[kTwoWords].units == 1);

}  // namespace interleave

#endif

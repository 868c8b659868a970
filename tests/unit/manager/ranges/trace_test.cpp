// Every policy through long random traces of all operations: against the model
// of the buffer, and each choice against brute force.
#include <algorithm>
#include <bit>

#include <gtest/gtest.h>

#include "model.hpp"
#include "ranges_fixture.hpp"
#include "support/random.hpp"
#include "witness.hpp"

namespace {

using namespace ashlar;

constexpr Placement placements[] = {
    Placement::tlsf,     Placement::first_fit, Placement::next_fit,
    Placement::best_fit, Placement::worst_fit, Placement::ordered_best_fit,
    Placement::buddy,    Placement::linear,    Placement::ring};

struct Scale {
    const char* name;
    Size capacity;
    Size most;  // the largest usual request
    std::uint32_t records;
};

constexpr Scale scales[] = {{"tiny", 40, 12, 1000},
                            {"small", 5000, 300, 1000},
                            {"uneven", 99'991, 3000, 1000},
                            {"huge", (Size{1} << 47) - 12345, Size{1} << 42, 1000},
                            {"few_records", 5000, 100, 20}};

class Trace : public testing::TestWithParam<std::tuple<Placement, Scale>> {
  protected:
    Trace() : Trace(std::get<0>(GetParam()), std::get<1>(GetParam())) {}
    Trace(Placement placement, const Scale& scale)
        : scale_(scale),
          fixture_(std::make_unique<Witness>(placement), scale.capacity, scale.records),
          model_(placement == Placement::buddy),
          random_(7 + static_cast<std::uint64_t>(placement)) {
        model_.grow(scale.capacity, true);
    }

    [[nodiscard]] Witness& witness() { return static_cast<Witness&>(*fixture_.policy); }
    [[nodiscard]] bool buddies() const { return fixture_.policy->shaped(); }
    // Of all magnitudes up to the scale's.
    [[nodiscard]] Size some_size() {
        const Size most = scale_.most;
        const unsigned bits = random_.below(static_cast<std::size_t>(std::bit_width(most))) + 1;
        return std::min(most, 1 + random_.next() % (Size{1} << bits));
    }
    [[nodiscard]] std::pair<Offset, Model::Block> some_block() {
        auto at = model_.blocks.begin();
        std::advance(at, random_.below(model_.blocks.size()));
        return *at;
    }

    void took(RangeId block, Offset start, Size size, Size asked) {
        const Range& range = allocator_[block];
        ASSERT_EQ(range.start, start);
        ASSERT_EQ(range.size, size);
        ASSERT_EQ(range.asked, asked);
        model_.add(start, {block, size, asked});
    }
    void take(Size alignment) {
        const Size size = some_size();
        const bool room = model_.fits(buddies() ? std::bit_ceil(size) : size, alignment);
        const RangeId block = allocator_.take(size, alignment);
        if (block == no_range) {
            // Two more ranges, or as many as buddies are split into.
            if (room) {
                ASSERT_LT(allocator_.spare(), buddies() ? 100U : 2U);
            }
            return;
        }
        ASSERT_TRUE(room);
        took(block, witness().chosen().cut(alignment), buddies() ? std::bit_ceil(size) : size,
             size);
    }
    // Whether nothing but the model decides where the block goes: a search
    // among few holes that do not fit, and a policy without a rule of its own.
    [[nodiscard]] bool exact(Strategy strategy, Size alignment, std::size_t unfit) const {
        const Placement placement = std::get<0>(GetParam());
        const bool linear = placement == Placement::linear || placement == Placement::ring;
        const bool few =
            allocator_.totals().holes <= 64 || !(linear || placement == Placement::tlsf);
        if (strategy == Strategy::tight) return alignment == 1 && few;
        return unfit < 64 && !(linear && strategy == Strategy::upper_end);
    }
    void take_by(Size alignment) {
        const auto strategy = static_cast<Strategy>(1 + random_.below(3));
        const Size size = some_size();
        const Size length = buddies() ? std::bit_ceil(size) : size;
        const Model::Place place = model_.place(strategy, length, alignment);
        const RangeId block = allocator_.take_by(strategy, size, alignment);
        if (block == no_range) {
            if (place.found) {
                ASSERT_LT(allocator_.spare(), buddies() ? 100U : 2U);
            }
            return;
        }
        ASSERT_TRUE(place.found);
        const Offset start = allocator_[block].start;
        const Model::Span hole = model_.hole_with(start);
        ASSERT_TRUE(start % alignment == 0 && model_.is_free(start, length));
        if (strategy == Strategy::upper_end) {
            ASSERT_LT(hole.first + hole.second - start - length, alignment)
                << "at the end of its hole";
        }
        if (exact(strategy, alignment, place.unfit)) {
            if (strategy == Strategy::tight) {
                ASSERT_EQ(hole.second, place.hole.second);
            } else {
                ASSERT_EQ(start, place.start);
            }
        }
        took(block, start, length, size);
    }
    // A part of the tree of holes, which may be all of it; or none any more.
    void prepare() {
        if (random_.below(4) == 0) return allocator_.drop_index();
        static_cast<void>(
            allocator_.prepare(static_cast<Strategy>(random_.below(4)), 1 + random_.below(20)));
    }
    void take_at() {
        const Offset start = random_.next() % (model_.capacity + 3);
        const Size size = some_size();
        const RangeId block = allocator_.take_at(start, size);
        if (!model_.is_free(start, size)) {
            ASSERT_EQ(block, no_range);
        }
        if (block == no_range) {
            if (model_.is_free(start, size)) {
                ASSERT_LT(allocator_.spare(), buddies() ? 200U : 2U);
            }
            return;
        }
        took(block, start, size, size);
    }
    void give() {
        if (model_.blocks.empty()) return;
        const auto [start, block] = some_block();
        ASSERT_EQ(allocator_.at(start), block.id);
        allocator_.give(block.id);
        model_.blocks.erase(start);
        ASSERT_EQ(allocator_.at(start), no_range);
    }
    void resize() {
        if (model_.blocks.empty()) return;
        const auto [start, block] = some_block();
        const Size size = random_.below(4) == 0 ? block.asked : some_size();
        const bool done = allocator_.resize(block.id, size);
        const Size target = buddies() ? std::bit_ceil(size) : size;
        if (target > block.size && size > block.size) {
            const Offset end = start + block.size;
            const bool room = model_.is_free(end, target - block.size) && !model_.fenced(end) &&
                              (!buddies() || start % target == 0);
            if (done) {
                ASSERT_TRUE(room);
            }
            if (!done && room) {
                ASSERT_LT(allocator_.spare(), buddies() ? 100U : 1U);
            }
            if (done) model_.blocks[start] = {block.id, target, size};
        } else if (done) {
            model_.blocks[start] = {block.id, std::min(block.size, target), size};
        } else {
            ASSERT_LT(allocator_.spare(), buddies() ? 100U : 1U);
        }
    }
    void grow_or_shrink() {
        if (model_.capacity < 2 * scale_.capacity && random_.below(2) == 0) {
            const Size size = some_size();
            const bool contiguous = random_.below(2) == 0;
            if (allocator_.grow(size, contiguous)) {
                model_.grow(size, contiguous);
            } else {
                ASSERT_LT(allocator_.spare(), buddies() ? 100U : 2U);
            }
            return;
        }
        const Size most = some_size();
        const Size taken = allocator_.shrink(most);
        if (!buddies() || allocator_.spare() > 100) {
            ASSERT_EQ(taken, model_.shrink(most));
        } else {
            model_.shrink(taken);
        }
    }
    void look_up() {
        const Offset offset = random_.next() % (model_.capacity + 3);
        auto above = model_.blocks.upper_bound(offset);
        RangeId expected = no_range;
        if (above != model_.blocks.begin()) {
            --above;
            if (offset - above->first < above->second.size) expected = above->second.id;
        }
        ASSERT_EQ(allocator_.covering(offset), expected);
    }
    // Goes on at another address, with other objects.
    void relocate() {
        auto witness = std::make_unique<Witness>(std::move(this->witness()));
        fixture_.relocate(std::move(witness));
    }
    void step() {
        switch (random_.below(32)) {
            case 0: return take_at();
            case 1: return grow_or_shrink();
            case 2: return look_up();
            case 3:
            case 4:
            case 5: return resize();
            case 6:
            case 7:
                return take(Size{1} << random_.below(
                                static_cast<std::size_t>(std::bit_width(scale_.most)) + 2));
            case 8: return take_by(1);
            case 9:
                return take_by(Size{1} << random_.below(
                                   static_cast<std::size_t>(std::bit_width(scale_.most)) + 2));
            case 10: return prepare();
            default: break;
        }
        // More often one way than the other, in turns, so that the buffer is
        // full at times and nearly empty at others.
        const bool filling = steps_ / 300 % 2 == 0;
        if (random_.below(5) < (filling ? 3U : 1U)) return take(1);
        give();
    }
    void run(int steps) {
        for (steps_ = 0; steps_ < steps; ++steps_) {
            if (steps_ % 1000 == 777) relocate();
            step();
            ASSERT_EQ(witness().fault(), "") << "step " << steps_;
            ASSERT_EQ(model_.difference(allocator_), "") << "step " << steps_;
            if (steps_ % 50 == 0) {
                ASSERT_EQ(fixture_.faults(), std::vector<std::string>{}) << "step " << steps_;
            }
            if (HasFatalFailure()) return;
        }
    }

    Scale scale_;
    Fixture fixture_;
    ranges::RangeAllocator& allocator_ = fixture_.allocator;
    Model model_;
    Random random_;
    int steps_ = 0;
};

TEST_P(Trace, BehavesLikeTheModel) {
    run(6000);
    if (HasFatalFailure()) return;
    while (!model_.blocks.empty()) give();
    EXPECT_EQ(model_.difference(allocator_), "");
    EXPECT_EQ(witness().fault(), "");
    fixture_.expect_sound();
    EXPECT_EQ(allocator_.totals().used, 0U);
}

INSTANTIATE_TEST_SUITE_P(Policies, Trace,
                         testing::Combine(testing::ValuesIn(placements), testing::ValuesIn(scales)),
                         [](const auto& parameters) {
                             std::string name = make_policy(std::get<0>(parameters.param))->name();
                             std::replace(name.begin(), name.end(), ' ', '_');
                             return name + "_" + std::get<1>(parameters.param).name;
                         });

}  // namespace

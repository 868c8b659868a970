// An Arena over a real Spans over a fake source. The library's clock stands at
// 0.
#ifndef ASHLAR_TESTS_UNIT_CORE_ARENA_ARENA_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_CORE_ARENA_ARENA_FIXTURE_HPP

#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/arena/arena.hpp"
#include "support/fake_clock.hpp"
#include "support/quiet.hpp"
#include "support/region_fixture.hpp"

class ArenaOver : public testing::Test {
  protected:
    using Bin = ashlar::base::Bin;
    using UnitId = ashlar::base::UnitId;
    using Blocks = std::vector<void*>;
    // The current slabs of one thread.
    using Currents = std::array<ashlar::base::Atomic<UnitId>, ashlar::base::kClasses>;

    explicit ArenaOver(UnitId units) : fixture_(units) { fake_now_ms = 0; }

    // n blocks, or fewer where the memory ends.
    Blocks take(Bin c, std::size_t n) { return take(c, n, currents_); }
    Blocks take(Bin c, std::size_t n, Currents& currents) {
        Blocks blocks(n);
        std::size_t done = 0;
        while (done < n) {
            const std::size_t want = n - done < 64 ? n - done : 64;
            const std::uint32_t got =
                arena_.take(c, currents[c], blocks.data() + done, static_cast<std::uint32_t>(want));
            if (got > want) ADD_FAILURE() << "more blocks than wanted";
            if (got == 0) break;
            done += got;
        }
        blocks.resize(done);
        return blocks;
    }
    void give(Bin c, const Blocks& blocks) {
        if (!blocks.empty())
            arena_.give(c, blocks.data(), static_cast<std::uint32_t>(blocks.size()));
    }
    void leave_all() { leave_all(currents_); }
    void leave_all(Currents& currents) {
        for (Bin c = 1; c < ashlar::base::kClasses; ++c) arena_.leave(c, currents[c]);
    }
    [[nodiscard]] UnitId unit_of(const void* block) const {
        return spans_.region().unit(reinterpret_cast<std::uintptr_t>(block));
    }
    [[nodiscard]] std::set<UnitId> current_slabs() const {
        std::set<UnitId> slabs;
        for (const auto& current : currents_) slabs.insert(current.load(ashlar::base::rlx));
        return slabs;
    }
    // Nothing is live: all units are free, and they are one hole.
    void expect_empty() {
        leave_all();
        EXPECT_EQ(Quiet(spans_, arena_).faults(), "");
        EXPECT_EQ(arena_.live_bytes(), 0U);
        arena_.retire_reclaimable();
        spans_.give_recent();
        EXPECT_EQ(spans_.held(), 0U);
        const UnitId frontier = spans_.frontier();
        if (frontier > 1) {
            EXPECT_EQ(spans_.take(frontier - 1).start, 1U);
            EXPECT_EQ(spans_.frontier(), frontier);
        }
    }

    struct Layers {
        void layout(ashlar::region::Carver& carver, const ashlar::region::Region& region) noexcept {
            spans.layout(carver, region);
            arena.layout(carver, spans);
        }
        bool start(const ashlar::region::Tables& tables) noexcept { return spans.start(tables); }
        ashlar::spans::Spans spans;
        ashlar::arena::Arena arena;
    };
    Fixture<Layers> fixture_;
    ashlar::spans::Spans& spans_ = fixture_->spans;
    ashlar::arena::Arena& arena_ = fixture_->arena;
    Currents currents_{};
};

#endif

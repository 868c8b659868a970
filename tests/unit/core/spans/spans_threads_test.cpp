// Several threads on one Spans. A unit has at most one holder, and the next
// holder sees its bytes. When all threads are done, everything is one hole.
#include <memory>
#include <utility>
#include <vector>

#include "spans_fixture.hpp"
#include "support/random.hpp"
#include "support/together.hpp"

namespace {

using ashlar::base::Atomic;
using ashlar::base::kNoUnit;
using ashlar::base::kUnitSize;
using ashlar::base::rlx;
using ashlar::base::UnitId;

class SpansThreads : public SpansOver {
  protected:
    static constexpr unsigned threads = 4;
    static constexpr UnitId all = 1500;
    using Held = std::vector<std::pair<UnitId, std::uint32_t>>;

    SpansThreads() : SpansOver(all), holders_(all + 1) {}

    char* bytes(UnitId unit) { return reinterpret_cast<char*>(spans_.region().address(unit)); }
    void fault() { faults_.fetch_add(1, rlx); }

    // Plain writes: those of the last holder must happen before.
    void hold(UnitId start, std::uint32_t units, bool zero) {
        for (UnitId unit = start; unit < start + units; ++unit) {
            if (unit == kNoUnit || unit > all || holders_[unit].exchange(1, rlx) != 0) fault();
            if (zero && (bytes(unit)[0] != 0 || bytes(unit)[kUnitSize - 1] != 0)) fault();
            bytes(unit)[0] = bytes(unit)[kUnitSize - 1] = static_cast<char>(unit | 1);
        }
    }
    void let_go(UnitId start, std::uint32_t units) {
        for (UnitId unit = start; unit < start + units; ++unit) {
            if (bytes(unit)[0] != static_cast<char>(unit | 1) ||
                bytes(unit)[kUnitSize - 1] != bytes(unit)[0])
                fault();
            holders_[unit].store(0, rlx);
        }
    }
    void step(Random& random, Held& held);
    void expect_sound() {
        EXPECT_EQ(faults_.load(rlx), 0U);
        EXPECT_LE(spans_.counts().dirty, spans_.counts().free)
            << "the count of dirty units went below zero";
        expect_one_hole();
    }

    std::vector<Atomic<std::uint32_t>> holders_;
    Atomic<std::uint32_t> faults_{0};
};

void SpansThreads::step(Random& random, Held& held) {
    const std::uint32_t dice = random.below(100);
    if (dice < 50 && held.size() < 12) {
        const std::uint32_t units = 1 + random.below(dice < 10 ? 90 : 20);
        const auto run =
            dice % 2 == 0 ? spans_.take(units) : spans_.take_large(units, dice % 4 == 1 ? 1U : 4U);
        if (run.start == kNoUnit) return;
        hold(run.start, units, run.zero);
        held.emplace_back(run.start, units);
    } else if (dice < 90 && !held.empty()) {
        const auto [start, units] = std::exchange(held[random.below(held.size())], held.back());
        held.pop_back();
        let_go(start, units);
        if (spans_.state(start, rlx).kind() == ashlar::spans::Kind::large) {
            if (!spans_.give_large(start)) fault();
        } else {
            spans_.give(start, units);
        }
    } else if (dice < 98 && !held.empty()) {
        auto& [start, units] = held.back();
        if (spans_.state(start, rlx).kind() != ashlar::spans::Kind::large) return;
        const std::uint32_t to = 1 + random.below(40);
        if (to < units) let_go(start + to, units - to);
        if (!spans_.resize_large(start, units, to)) return;
        if (to > units) hold(start + units, to - units, false);
        units = to;
    } else {
        fake_now_ms.fetch_add(60, std::memory_order_relaxed);
        if (dice == 99) static_cast<void>(spans_.purge(random.below(2) == 0));
    }
}

TEST_F(SpansThreads, TakeAndGiveNeverShareAUnit) {
    together(threads, [&](unsigned self) {
        Random random(self + 1);
        Held held;
        for (int i = 0; i < 4000; ++i) step(random, held);
        for (const auto& [start, units] : held) {
            let_go(start, units);
            if (!spans_.give_large(start)) spans_.give(start, units);
        }
    });
    expect_sound();
}

// Threads want more units than there are: takes fail, and no unit is lost.
TEST_F(SpansThreads, ExhaustionLosesNothing) {
    Atomic<std::uint32_t> refused{0};
    together(threads, [&](unsigned self) {
        Random random(self + 77);
        Held held;
        for (int i = 0; i < 3000; ++i) {
            const std::uint32_t units = 17 + random.below(90);
            const auto run =
                random.below(5) < 4 ? spans_.take(units) : ashlar::spans::Run{kNoUnit, false, 0};
            if (run.start != kNoUnit) {
                hold(run.start, units, run.zero);
                held.emplace_back(run.start, units);
            } else if (!held.empty()) {
                refused.fetch_add(1, rlx);
                const auto [start, length] =
                    std::exchange(held[random.below(held.size())], held.back());
                held.pop_back();
                let_go(start, length);
                spans_.give(start, length);
            }
        }
        for (const auto& [start, units] : held) {
            let_go(start, units);
            spans_.give(start, units);
        }
    });
    EXPECT_GT(refused.load(rlx), 0U);
    expect_sound();
}

// Two threads free one large run at once. One of them is refused.
TEST_F(SpansThreads, GiveLargeByTwoThreadsSucceedsOnce) {
    constexpr int rounds = 5000;
    UnitId run = kNoUnit;
    Atomic<std::uint32_t> won{0};
    Meeting meeting(2);
    together(2, [&](unsigned self) {
        for (int round = 0; round < rounds; ++round) {
            if (self == 0) run = spans_.take_large(30, 1).start;
            meeting.arrive_and_wait();
            won.fetch_add(spans_.give_large(run) ? 1U : 0U, rlx);
            meeting.arrive_and_wait();
        }
    });
    EXPECT_EQ(won.load(rlx), static_cast<std::uint32_t>(rounds));
    expect_sound();
}

class Frontier : public SpansOver {
  protected:
    static constexpr UnitId all = 100'000;
    Frontier() : SpansOver(all), holders_(all + 1) {}
    std::vector<Atomic<std::uint32_t>> holders_;
};

// The frontier rises for each take alone, and stops at the end of the region.
TEST_F(Frontier, TakeByManyThreadsHandsOutEachUnitOnce) {
    Atomic<std::uint32_t> got{0};
    Atomic<std::uint32_t> faults{0};
    together(3, [&](unsigned) {
        for (auto run = spans_.take(1); run.start != kNoUnit; run = spans_.take(1)) {
            if (run.start > all || holders_[run.start].exchange(1, rlx) != 0)
                faults.fetch_add(1, rlx);
            got.fetch_add(1, rlx);
        }
    });
    EXPECT_EQ(got.load(rlx), all);
    EXPECT_EQ(faults.load(rlx), 0U);
    EXPECT_EQ(spans_.frontier(), all + 1);
}

}  // namespace

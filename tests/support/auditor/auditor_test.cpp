// The auditor on correct histories, on histories with one wrong event, and on
// the history of an allocator with a fault.
#include "auditor.hpp"

#include <cstdlib>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

namespace {

using auditor::audit;
using auditor::Bounds;
using auditor::Event;
using auditor::Fault;
using auditor::Op;

Event take(auditor::Tick begin, auditor::Tick end, std::uintptr_t address, std::size_t size = 64) {
    return {begin, end, address, size, Op::take};
}
Event give(auditor::Tick begin, auditor::Tick end, std::uintptr_t address, std::size_t size = 64) {
    return {begin, end, address, size, Op::give};
}
Event refuse(auditor::Tick begin, auditor::Tick end, std::size_t size) {
    return {begin, end, 0, size, Op::take};
}

std::size_t faults(std::vector<Event> events, const Bounds& bounds = {}) {
    return audit(std::move(events), bounds).faults;
}

TEST(Auditor, AcceptsABlockThatChangesThreads) {
    EXPECT_EQ(faults({take(1, 2, 100), give(3, 4, 100), take(5, 6, 100), give(7, 8, 100)}), 0U);
    EXPECT_EQ(faults({}), 0U);
}

// The second take began before the free returned, so the free may have come
// first.
TEST(Auditor, AcceptsOverlappingCallsInEitherOrder) {
    EXPECT_EQ(faults({take(1, 2, 100), give(4, 7, 100), take(3, 6, 100), give(8, 9, 100)}), 0U);
    EXPECT_EQ(faults({take(1, 2, 100), give(4, 20, 100), take(3, 6, 100), give(8, 30, 100),
                      take(7, 40, 100)}),
              0U);
}

TEST(Auditor, FindsABlockHandedOutTwice) {
    const auto verdict = audit({take(1, 2, 100), take(3, 4, 100), give(5, 6, 100)}, {});
    ASSERT_EQ(verdict.faults, 1U);
    EXPECT_EQ(verdict.findings[0].fault, Fault::handed_out_twice);
    EXPECT_EQ(
        describe(verdict.findings[0]),
        "handed out twice: take 64 bytes at 0x64 in [1, 2] and take 64 bytes at 0x64 in [3, 4]");
}

// The take returned before the free was even called.
TEST(Auditor, FindsABlockHandedOutJustBeforeItsFree) {
    EXPECT_EQ(faults({take(1, 2, 100), take(3, 4, 100), give(5, 8, 100), give(6, 7, 100)}), 2U);
}

TEST(Auditor, FindsBytesThatOverlap) {
    EXPECT_EQ(faults({take(1, 2, 100), take(3, 4, 163)}), 1U);
    EXPECT_EQ(faults({take(1, 2, 100), take(3, 4, 164)}), 0U);
    EXPECT_EQ(faults({take(1, 2, 163), take(3, 4, 100)}), 1U);
    EXPECT_EQ(faults({take(1, 2, 100), take(3, 4, 200), take(5, 6, 90, 1000)}), 2U)
        << "it covers both";
    EXPECT_EQ(faults({take(1, 2, 90, 1000), take(3, 4, 200)}), 1U) << "it lies inside";
    EXPECT_EQ(faults({take(1, 2, 100, 0), take(3, 4, 100, 0)}), 1U)
        << "of no bytes, but two at one address";
}

TEST(Auditor, FindsAFreeWithoutAHolder) {
    EXPECT_EQ(audit({give(1, 2, 100)}, {}).findings.at(0).fault, Fault::freed_by_nobody);
    EXPECT_EQ(faults({take(1, 2, 100), give(3, 4, 100), give(5, 6, 100)}), 1U);
    EXPECT_EQ(faults({take(1, 2, 100), give(3, 4, 108)}), 1U) << "inside a block";
}

TEST(Auditor, FindsCallsThatEndBeforeTheyBegin) {
    EXPECT_EQ(audit({take(2, 2, 100)}, {}).findings.at(0).fault, Fault::backwards);
}

TEST(Auditor, AcceptsARefusalOnlyIfMemoryWasPerhapsHeld) {
    const Bounds bounds{1000, 100};
    EXPECT_EQ(faults({take(1, 2, 100, 900), refuse(3, 4, 50)}, bounds), 0U);
    EXPECT_EQ(faults({take(1, 2, 100, 700), refuse(3, 4, 50)}, bounds), 1U);
    EXPECT_EQ(faults({take(1, 2, 100, 900), give(3, 4, 100, 900), refuse(5, 6, 50)}, bounds), 1U);
    EXPECT_EQ(faults({take(1, 2, 100, 900), give(3, 6, 100, 900), refuse(5, 7, 50)}, bounds), 0U)
        << "the free was under way";
    EXPECT_EQ(faults({refuse(1, 4, 50), take(3, 5, 100, 900)}, bounds), 0U)
        << "the take was under way";
    EXPECT_EQ(faults({take(1, 2, 100, 900), give(3, 4, 100, 900), take(5, 6, 100, 300),
                      refuse(7, 10, 50), take(8, 9, 2000, 500)},
                     bounds),
              1U)
        << "the most was long ago";
    EXPECT_EQ(faults({refuse(1, 2, 50)}, {}), 0U) << "no bounds are known";
}

// The stairs against a plain search, on random histories.
TEST(Auditor, MostPerhapsHeldMatchesBruteForce) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<Event> events;
        for (int i = 0; i < 40; ++i) {
            const auditor::Tick at = random() % 1000 * 2 + 1;
            const auditor::Tick length = random() % 100 * 2 + 1;
            events.push_back(
                take(at, at + 1, 10000U * static_cast<unsigned>(i + 1), random() % 500));
            events.push_back(give(at + length + 3, at + length + 4 + random() % 9,
                                  events.back().address, events.back().size));
        }
        const auditor::Tick begin = random() % 2000;
        const auditor::Tick end = begin + 1 + random() % 50;
        std::size_t most = 0;
        for (auditor::Tick t = begin; t <= end; ++t) {
            std::size_t held = 0;
            for (std::size_t i = 0; i < events.size(); i += 2) {
                // At one tick begins come before ends, and the question comes
                // before what ends there too.
                if (events[i].begin <= t &&
                    (events[i + 1].end > t || (t == end && events[i + 1].end == t)))
                    held += events[i].size;
            }
            most = std::max(most, held);
        }
        events.push_back(refuse(begin, end, 1));
        const auto verdict = audit(events, {});
        EXPECT_EQ(verdict.refusals, 1U);
        EXPECT_GE(verdict.least_at_refusal + 500, most) << round;
        EXPECT_LE(verdict.least_at_refusal, most + 500) << round;
    }
}

// A faulty allocator: at times it returns the previous block again, or one byte
// too far.
class Planted {
  public:
    explicit Planted(int bug) : bug_(bug) {}
    void* take(std::size_t size) {
        if (bug_ == 1 && ++calls_ % 5000 == 0 && last_ != nullptr) return last_;
        auto* block = static_cast<char*>(ash_malloc(size));
        last_ = block;
        return bug_ == 2 && ++calls_ % 5000 == 0 ? block + ash_good_size(size) - 8 : block;
    }

  private:
    int bug_;
    int calls_ = 0;
    char* last_ = nullptr;
};

std::size_t recorded_faults(int bug, std::size_t events) {
    auditor::Clock clock;
    std::vector<auditor::Log> logs;
    for (int i = 0; i < 2; ++i) logs.emplace_back(events);
    const auto life = [&](std::size_t id) {
        Planted allocator(bug);
        std::mt19937 random(static_cast<unsigned>(id));
        std::vector<std::pair<void*, std::size_t>> held(100);
        const auto free = [&](std::pair<void*, std::size_t>& block) {
            if (block.first == nullptr) return;
            logs[id].give(clock, block.first, block.second, [&] {
                // Planted blocks can't be freed: only the notes matter.
                if (bug == 0) ash_free(block.first);
            });
            block.first = nullptr;
        };
        while (logs[id].has_room(2 + held.size())) {
            auto& block = held[random() % held.size()];
            free(block);
            block.second = ash_good_size(random() % 500);
            block.first =
                logs[id].take(clock, block.second, [&] { return allocator.take(block.second); });
        }
        for (auto& block : held) free(block);
    };
    std::thread other(life, 1);
    life(0);
    other.join();
    return auditor::audit_logs({&logs[0], &logs[1]}, {}).faults;
}

TEST(Auditor, FindsTheFaultsOfAFaultyAllocator) {
    EXPECT_EQ(recorded_faults(0, 200000), 0U);
    EXPECT_GT(recorded_faults(1, 50000), 0U);
    EXPECT_GT(recorded_faults(2, 50000), 0U);
}

}  // namespace

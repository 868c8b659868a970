// Processes that are killed while they construct or destroy named objects.
#include <ashlar/shared_objects.hpp>

#include <functional>
#include <string>
#include <vector>

#include "shared/api/mapping.hpp"
#include "shared/names/names.hpp"
#include "unit/shared/names/heap_fixture.hpp"
#include "unit/shared/names/traced.hpp"

namespace {

using ashlar::SharedHeap;
using ashlar::SharedNameState;
using ashlar::SharedObjects;

class NamesOfTheDead : public HeapFixture {
  protected:
    // The blocks that names account for: entries, and objects that are ready.
    [[nodiscard]] std::size_t named_blocks() const {
        std::size_t count = 0;
        for (std::uint32_t bucket = 0; bucket < ashlar::shared::kBuckets; ++bucket) {
            ashlar::shared::Names(heap_.mapping()->blocks())
                .each_entry(bucket, [&](ashlar::shared::Entry&, ashlar::shared::Offset) noexcept {
                    ++count;
                    return true;
                });
        }
        objects_.each([&](const ashlar::SharedName&) {
            ++count;
            return true;
        });
        return count;
    }
    void expect_sound(const std::string& when) {
        EXPECT_EQ(blocks(), named_blocks()) << when;
        EXPECT_TRUE(heap_.doubts().empty()) << when;
        EXPECT_EQ(heap_.check(), 0u) << when;
    }
    SharedObjects objects_{heap_};
};

TEST_F(NamesOfTheDead, AreBusyAndAfterRecoveryAbsent) {
    EXPECT_TRUE(was_killed(end(start([&] {
        static_cast<void>(objects_.construct<Mortal<>>("x")(Fatal::constructor));
        return 0;
    }))));
    EXPECT_EQ(objects_.find<Mortal<>>("x").state(), SharedNameState::busy);
    EXPECT_EQ(blocks(), 2u);
    EXPECT_EQ(heap_.recover(), 1u);
    EXPECT_EQ(objects_.find<Mortal<>>("x").state(), SharedNameState::absent);
    EXPECT_EQ(blocks(), 1u) << "the entry";
    expect_sound("after the recovery");
    EXPECT_TRUE(objects_.construct<Mortal<>>("x")(Fatal::no));
}

TEST_F(NamesOfTheDead, AreRecoveredByTheNextConstructor) {
    EXPECT_TRUE(was_killed(end(start([&] {
        static_cast<void>(objects_.construct<Mortal<>>("x")(Fatal::constructor));
        return 0;
    }))));
    EXPECT_EQ(objects_.find_or_construct<Mortal<>>("x")(Fatal::no).state(),
              SharedNameState::constructed);
    expect_sound("after the next constructor");
}

TEST_F(NamesOfTheDead, AreRecoveredByTheNextDestructor) {
    static_cast<void>(objects_.construct<Mortal<>>("x")(Fatal::destructor));
    EXPECT_TRUE(was_killed(end(start([&] {
        static_cast<void>(objects_.destroy<Mortal<>>("x"));
        return 0;
    }))));
    EXPECT_EQ(objects_.find<Mortal<>>("x").state(), SharedNameState::busy);
    EXPECT_EQ(objects_.destroy<Mortal<>>("x"), SharedNameState::absent);
    expect_sound("after the next destructor");
}

TEST_F(NamesOfTheDead, GiveBackLargeObjects) {
    using Large = Mortal<1'000'000>;
    const std::size_t used = heap_.statistics().used;
    const std::size_t file = heap_.statistics().file;
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(was_killed(end(start([&] {
            static_cast<void>(objects_.construct<Large>("large")(Fatal::constructor));
            return 0;
        }))));
        EXPECT_EQ(heap_.recover(), 1u);
        expect_sound("round " + std::to_string(i));
    }
    EXPECT_LT(heap_.statistics().used - used, 1000u);
    EXPECT_LT(heap_.statistics().file - file, 1'000'000u) << "its pages";
}

// A living thread constructs meanwhile.
TEST_F(NamesOfTheDead, AreNotThoseOfALivingConstructor) {
    struct Recovering {
        explicit Recovering(const std::function<void()>& act) { act(); }
        long value = 5;
    };
    const std::function<void()> recover_another = [&] {
        EXPECT_TRUE(was_killed(end(start([&] {
            static_cast<void>(objects_.construct<Mortal<>>("x")(Fatal::constructor));
            return 0;
        }))));
        EXPECT_EQ(heap_.recover(), 1u);
    };
    ASSERT_TRUE(objects_.construct<Recovering>("mine")(recover_another));
    const auto found = objects_.find<Recovering>("mine");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->value, 5);
    expect_sound("after the construction");
}

// Its thread died before it linked the entry.
TEST_F(NamesOfTheDead, KeepNoUnlinkedEntry) {
    EXPECT_TRUE(was_killed(end(start([&] {
        const ashlar::shared::Owner me = heap_.mapping()->enter();
        static_cast<void>(heap_.mapping()->blocks().allocate_to(
            me, heap_.to_offset(&me.slot.entry), sizeof(ashlar::shared::Entry) + 1, 8));
        return kill(getpid(), SIGKILL);
    }))));
    EXPECT_EQ(blocks(), 1u);
    EXPECT_EQ(heap_.recover(), 1u);
    EXPECT_EQ(blocks(), 0u);
    expect_sound("after the recovery");
}

// Its thread died before it forgot the entry, which is linked.
TEST_F(NamesOfTheDead, KeepALinkedEntry) {
    EXPECT_TRUE(was_killed(end(start([&] {
        static_cast<void>(objects_.construct<int>("x")(7));
        ashlar::shared::Blocks& all = heap_.mapping()->blocks();
        const ashlar::shared::Named named =
            ashlar::shared::Names(all).find("x", {0, sizeof(int), alignof(int)});
        heap_.mapping()->enter().slot.entry.store(heap_.to_offset(named.entry), ashlar::base::rlx);
        kill(getpid(), SIGKILL);
        return 0;
    }))));
    EXPECT_EQ(heap_.recover(), 1u);
    const auto found = objects_.find<int>("x");
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, 7);
    expect_sound("after the recovery");
}

TEST_F(NamesOfTheDead, OfOthersStay) {
    static_cast<void>(objects_.construct<int>("kept")(7));
    EXPECT_TRUE(was_killed(end(start([&] {
        static_cast<void>(objects_.construct<int>("of the child")(8));
        static_cast<void>(objects_.construct<Mortal<>>("x")(Fatal::constructor));
        return 0;
    }))));
    EXPECT_EQ(heap_.recover(), 1u);
    EXPECT_EQ(*objects_.find<int>("kept"), 7);
    EXPECT_EQ(*objects_.find<int>("of the child"), 8);
}

// A thread that uses many heaps detaches from others. Then another thread may
// get its slot, and die.
TEST_F(NamesOfTheDead, AreNotThoseOfAConstructorThatUsesManyHeaps) {
    struct Busy {
        explicit Busy(SharedHeap& mine) {
            std::vector<SharedHeap> heaps;
            for (int i = 0; i < 20; ++i) {
                const int file = memfd_create("other", MFD_CLOEXEC);
                heaps.push_back(SharedHeap::descriptor(file, {.limit = std::size_t{1} << 24}));
                close(file);
                mine.deallocate(mine.allocate(10));
            }
            for (SharedHeap& heap : heaps) heap.deallocate(heap.allocate(10));
            EXPECT_TRUE(was_killed(end(start([&] {
                mine.deallocate(mine.allocate(10));
                kill(getpid(), SIGKILL);
                return 0;
            }))));
            EXPECT_EQ(mine.recover(), 1u);
        }
    };
    EXPECT_TRUE(objects_.construct<Busy>("busy")(heap_));
    EXPECT_EQ(objects_.find<Busy>("busy").state(), SharedNameState::found);
    expect_sound("after the constructor");
}

// ----------------------------------------------------- at every instruction

// Runs f() in a process, and kills that after so many instructions. False: f()
// had ended.
template <class F>
bool killed_after(long steps, F f) {
    Traced process(
        steps, [&] { f(false); },  // attaches, and fills what is made at the first use
        [&] {
            f(true);
            return 0;
        });
    const bool stopped = process.stopped();
    process.kill();
    return stopped;
}

class KilledAtEachInstruction : public NamesOfTheDead {
  protected:
    void SetUp() override {
        if (!Traced::is_permitted()) GTEST_SKIP() << "processes cannot be traced here";
    }
};

TEST_F(KilledAtEachInstruction, ConstructOfANewNameLeavesAllOrNothing) {
    bool running = true;
    for (long step = 0; running; step += Traced::stride(83)) {
        const std::string name = std::to_string(step);
        running = killed_after(step, [&](bool traced) {
            static_cast<void>(objects_.construct<long>(traced ? name : "warm")(9));
        });
        heap_.recover();
        const auto found = objects_.find<long>(name);
        EXPECT_TRUE(found ? *found == 9 : found.state() == SharedNameState::absent) << step;
        expect_sound("after step " + std::to_string(step));
        if (HasFailure()) return;
    }
    expect_sound("at the end");
}

TEST_F(KilledAtEachInstruction, DestroyAndConstructLeaveAllOrNothing) {
    bool running = true;
    for (long step = 0; running; step += Traced::stride(131)) {
        static_cast<void>(objects_.find_or_construct<long>("x")(7));
        running = killed_after(step, [&](bool traced) {
            if (!traced) {
                static_cast<void>(objects_.construct<long>("warm")(9));
                return;
            }
            static_cast<void>(objects_.destroy<long>("x"));
            static_cast<void>(objects_.construct<long>("x")(9));
        });
        heap_.recover();
        const auto found = objects_.find<long>("x");
        EXPECT_TRUE(found ? *found == 9 || *found == 7 : found.state() == SharedNameState::absent)
            << step;
        if (found && *found == 9) objects_.destroy<long>("x");
        expect_sound("after step " + std::to_string(step));
        if (HasFailure()) return;
    }
}

TEST_F(KilledAtEachInstruction, RecoveryOfANameIsRepeated) {
    using Object = Mortal<100>;
    static_cast<void>(objects_.construct<int>("warm")(1));
    bool running = true;
    for (long step = 1; running; step += 211 + step / 3) {
        const std::string name = std::to_string(step);
        EXPECT_TRUE(was_killed(end(start([&] {
            static_cast<void>(objects_.construct<Object>(name)(Fatal::constructor));
            return 0;
        }))));
        running = killed_after(step, [&](bool traced) {
            if (traced) heap_.recover();
        });
        heap_.recover();
        EXPECT_EQ(objects_.find<Object>(name).state(), SharedNameState::absent) << step;
        expect_sound("after step " + std::to_string(step));
        if (HasFailure()) return;
    }
}

}  // namespace

// A process stands still at an instruction of a call. Others go on meanwhile,
// and then it ends its call.
#include <ashlar/shared_objects.hpp>

#include <string>

#include "unit/shared/names/heap_fixture.hpp"
#include "unit/shared/names/traced.hpp"

namespace {

using ashlar::SharedName;
using ashlar::SharedNameState;
using ashlar::SharedObjects;

struct Small {
    long value = 1;
};
struct Wide {
    long values[20] = {};
};

class FrozenAtEachInstruction : public HeapFixture {
  protected:
    void SetUp() override {
        if (!Traced::is_permitted()) GTEST_SKIP() << "processes cannot be traced here";
    }
    void warm_up() const { static_cast<void>(objects_.construct<Small>("warm")()); }
    [[nodiscard]] std::size_t ready() const {
        std::size_t count = 0;
        objects_.each([&](const SharedName&) { return ++count != 0; });
        return count;
    }
    SharedObjects objects_{heap_};
};

TEST_F(FrozenAtEachInstruction, OneOfTwoConstructorsWins) {
    bool running = true;
    std::size_t names = 1;
    for (long step = 0; running && !HasFailure(); step += Traced::stride(83)) {
        const std::string name = std::to_string(step);
        Traced other(
            step, [&] { warm_up(); },
            [&] {
                const SharedNameState state = objects_.construct<Small>(name)().state();
                static_cast<void>(objects_.construct<Small>("next " + name)());
                return state == SharedNameState::constructed ? 1 : 0;
            });
        running = other.stopped();
        const SharedNameState mine = objects_.construct<Small>(name)().state();
        const int winners = other.finish() + (mine == SharedNameState::constructed ? 1 : 0);
        EXPECT_EQ(winners, 1) << step;
        EXPECT_EQ(objects_.find<Small>(name).state(), SharedNameState::found) << step;
        heap_.recover();  // what the process had in its hands
        names += 2;
        EXPECT_EQ(blocks(), 2 * names) << "an entry and an object for each name, at step " << step;
    }
}

TEST_F(FrozenAtEachInstruction, FindSeesOneOfTwoObjects) {
    bool running = true;
    static_cast<void>(objects_.construct<Small>("x")());
    for (long step = 0; running && !HasFailure(); step += Traced::stride(13)) {
        Traced other(
            step, [&] { static_cast<void>(objects_.find<Small>("x")); },
            [&] {
                const auto found = objects_.find<Small>("x");
                if (found) return found->value == 1 ? 0 : 1;
                const bool wide = found.state() == SharedNameState::other_type &&
                                  found.found_size() == sizeof(Wide);
                return wide || found.state() == SharedNameState::absent ? 0 : 2;
            });
        running = other.stopped();
        EXPECT_EQ(objects_.destroy<Small>("x"), SharedNameState::destroyed);
        EXPECT_TRUE(objects_.construct<Wide>("x")());
        EXPECT_EQ(other.finish(), 0) << step;
        EXPECT_EQ(objects_.destroy<Wide>("x"), SharedNameState::destroyed);
        EXPECT_TRUE(objects_.construct<Small>("x")());
    }
}

TEST_F(FrozenAtEachInstruction, OneOfTwoDestructorsWins) {
    bool running = true;
    for (long step = 0; running && !HasFailure(); step += Traced::stride(83)) {
        static_cast<void>(objects_.construct<Small>("x")());
        Traced other(
            step, [&] { warm_up(); },
            [&] { return objects_.destroy<Small>("x") == SharedNameState::destroyed ? 1 : 0; });
        running = other.stopped();
        const int mine = objects_.destroy<Small>("x") == SharedNameState::destroyed ? 1 : 0;
        EXPECT_EQ(other.finish() + mine, 1) << step;
        EXPECT_EQ(ready(), 1u) << step;
        heap_.recover();
        EXPECT_EQ(blocks(), 3u) << step;
    }
}

}  // namespace

// Managers without a buffer that get one later, and options that several
// managers share.
#include <gtest/gtest.h>

#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <type_traits>
#include <vector>

#include "unit/manager/make.hpp"
#include "unit/manager/set_policy.hpp"

namespace {

using namespace ashlar;

static_assert(std::is_copy_constructible_v<ManagerOptions> &&
              std::is_copy_assignable_v<ManagerOptions>);

TEST(DefaultManager, HasNoBufferUntilOneIsAssigned) {
    MemoryManager manager;
    EXPECT_EQ(manager.capacity(), 0U);
    EXPECT_EQ(manager.allocate(1), std::nullopt);
    EXPECT_THROW(manager.deallocate(0), BadOffset);
    EXPECT_EQ(manager.check(), 0U);
    manager = MemoryManager(Size{4096}, make::options());
    EXPECT_EQ(manager.capacity(), 4096U);
    EXPECT_EQ(manager.allocate(4096), Offset{0});
}

TEST(DefaultManager, OfManyAreIndependent) {
    std::vector<MemoryManager> managers(3);
    managers[1] = MemoryManager::without_memory(100, make::options());
    EXPECT_EQ(managers[0].capacity(), 0U);
    EXPECT_EQ(managers[1].capacity(), 100U);
    EXPECT_EQ(managers[2].allocate(1), std::nullopt);
    managers[0] = std::move(managers[1]);
    EXPECT_EQ(managers[0].allocate(100), Offset{0});
    EXPECT_EQ(managers[1].capacity(), 0U);
}

TEST(SharedOptions, MakeAnyNumberOfManagers) {
    std::vector<Size> grown;
    ManagerOptions options = make::options(2000, Threads::one);
    options.grow_by = [&grown](Size capacity, Size wanted) {
        grown.push_back(capacity);
        return wanted;
    };
    MemoryManager first(Size{1000}, options);
    MemoryManager second = MemoryManager::without_memory(500, options);
    ASSERT_TRUE(first.allocate(1500));
    ASSERT_TRUE(second.allocate(1000));
    EXPECT_EQ(grown, (std::vector<Size>{1000, 500}));
    EXPECT_EQ(options.limit, 2000U);
}

// Two managers with one policy would have one set of holes.
TEST(SharedOptions, GiveEachManagerAPolicyOfItsOwn) {
    unsigned made = 0;
    ManagerOptions options = make::options();
    options.policy = [&made] { return ++made, std::make_unique<SetPolicy>(); };
    EXPECT_EQ(made, 0U);
    MemoryManager first(Size{1000}, options), second(Size{1000}, options);
    EXPECT_EQ(made, 2U);
    EXPECT_STREQ(first.policy_name(), "set");
    EXPECT_EQ(first.allocate(1000), Offset{0});
    EXPECT_EQ(second.allocate(1000), Offset{0});
    EXPECT_EQ(first.check() + second.check(), 0U);
}

TEST(SharedOptions, PlacementIsUsedWhereThePolicyIsNull) {
    ManagerOptions options = make::placed(Placement::best_fit);
    options.policy = [] { return nullptr; };
    EXPECT_STREQ(MemoryManager(Size{100}, options).policy_name(), "best fit");
}

TEST(SharedOptions, ExceptionsOfThePolicyPassThroughTheConstructor) {
    ManagerOptions options = make::options();
    options.policy = []() -> std::unique_ptr<Policy> { throw 7; };
    EXPECT_THROW(MemoryManager(Size{100}, options), int);
}

TEST(ManagerOptions, NextPartNeedsABufferOfTheCallers) {
    const auto with_part = [] {
        ManagerOptions made = make::options(Size{1} << 20);
        made.next_part = [](Size) { return std::span<std::byte>(); };
        return made;
    };
    std::byte bytes[100];
    EXPECT_EQ(MemoryManager(std::span(bytes), with_part()).capacity(), 100U);
    for (const bool own : {false, true}) {
        try {
            own ? MemoryManager(100, with_part()) : MemoryManager::without_memory(100, with_part());
            ADD_FAILURE() << "no exception";
        } catch (const ManagerError& error) {
            EXPECT_EQ(error.status(), Status::bad_options);
        }
    }
}

}  // namespace

// Calls that need the bytes of empty slabs or cached small blocks get them.
// Also a call that takes no lock.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <functional>
#include <optional>
#include <thread>

#include "unit/manager/make.hpp"
#include "unit/manager/set_policy.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{1} << 20;

class Reclaim : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, Reclaim, testing::Values(make::Mode::one_slabs, make::Mode::many),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Reclaim, AllocateAtTakesEmptySlabs) {
    MemoryManager manager(kWhole, make::options(0, GetParam()));
    const Offset small = manager.allocate(100).value();
    EXPECT_EQ(manager.allocate_at(0, kWhole), std::nullopt) << "a block lives there";
    EXPECT_EQ(manager.size_of(small), 100U);
    manager.deallocate(small);
    EXPECT_EQ(manager.allocate_at(0, kWhole), Offset{0});
    manager.deallocate(0);
    manager.deallocate(manager.allocate(100).value());
    EXPECT_TRUE(manager.reserve_range(0, kWhole));
    EXPECT_EQ(manager.check(), 0U);
}

TEST_P(Reclaim, ResizeTakesEmptySlabs) {
    for (const Placement placement : {Placement::tlsf, Placement::buddy}) {
        MemoryManager manager(kWhole, make::placed(placement, GetParam()));
        ASSERT_EQ(manager.allocate(3000), Offset{0});
        const Offset small = manager.allocate(100).value();
        EXPECT_FALSE(manager.resize(0, kWhole)) << "a small block lives above";
        EXPECT_EQ(manager.size_of(0), 3000U);
        EXPECT_EQ(manager.size_of(small), 100U);
        manager.deallocate(small);
        EXPECT_TRUE(manager.resize(0, kWhole)) << manager.policy_name();
        EXPECT_EQ(manager.size_of(0), kWhole);
        EXPECT_EQ(manager.check(), 0U);
    }
}

// Calls the test while it searches: the manager's lock is held then.
class Calling final : public SetPolicy {
  public:
    explicit Calling(const std::function<void()>& call) : call_(call) {}
    RangeId find(Size size, Size alignment) noexcept override {
        call_();
        return SetPolicy::find(size, alignment);
    }

  private:
    const std::function<void()>& call_;
};

// Or else this does not end.
TEST(Capacity, TakesNoLock) {
    std::function<void()> call = [] {};
    ManagerOptions calling = make::options(Size{8} << 20, Threads::many);
    calling.policy = [&call] { return std::make_unique<Calling>(call); };
    MemoryManager manager(kWhole, std::move(calling));
    ASSERT_TRUE(manager.allocate(kWhole));
    const std::byte* last = manager.data(0) + kWhole - 1;
    Size capacity = 0;
    std::optional<Offset> offset;
    call = [&] {
        std::thread([&] {
            capacity = manager.capacity();
            offset = manager.offset_of(last);
        }).join();
    };
    ASSERT_TRUE(manager.allocate(kWhole));
    EXPECT_EQ(offset, Offset{kWhole - 1});
    ASSERT_TRUE(manager.allocate(2000));
    EXPECT_EQ(capacity, 2 * kWhole) << "before the last growth";
    call = [] {};
    EXPECT_EQ(manager.capacity(), 4 * kWhole);
    EXPECT_EQ(manager.capacity(), manager.statistics().capacity);
    manager.deallocate(0);
    manager.deallocate(kWhole);
    manager.trim();
    EXPECT_EQ(manager.capacity(), manager.statistics().capacity);
}

}  // namespace

// Which heap an address belongs to, while heaps come and go.
#include <memory>

#include "malloc/process/registry.hpp"
#include "support/random.hpp"
#include "support/together.hpp"
#include "unit/malloc/heap/heap_fixture.hpp"

namespace {

using namespace ashlar::base;
using ashlar::cache::Heap;
using ashlar::cache::Registry;

struct Unmake {
    void operator()(Heap* heap) const { Heap::destroy(heap); }
};
using OwnHeap = std::unique_ptr<Heap, Unmake>;

OwnHeap make() { return OwnHeap(Heap::create(FakeSource::source, 4, 1)); }

class RegistryTest : public testing::Test {
  protected:
    RegistryTest() { FakeSource::reset(); }
    std::unique_ptr<Registry> registry_{new Registry{}};
};

TEST_F(RegistryTest, OwnerOfFindsTheUnitsOfEnrolledHeapsOnly) {
    const OwnHeap one = make();
    const OwnHeap two = make();
    EXPECT_EQ(registry_->owner_of(one->region().address(1)), nullptr);
    EXPECT_TRUE(registry_->enroll(*one));
    EXPECT_TRUE(registry_->enroll(*two));
    for (const OwnHeap* heap : {&one, &two}) {
        const auto& region = (*heap)->region();
        EXPECT_EQ(registry_->owner_of(region.address(1)), heap->get());
        EXPECT_EQ(registry_->owner_of(region.address(region.end) - 1), heap->get());
    }
    int local = 0;
    EXPECT_EQ(registry_->owner_of(reinterpret_cast<std::uintptr_t>(&local)), nullptr);
    EXPECT_EQ(registry_->owner_of(0), nullptr);
    EXPECT_EQ(registry_->owner_of(UINTPTR_MAX), nullptr);
}

TEST_F(RegistryTest, StrikeRemovesOneHeapOnly) {
    const OwnHeap one = make();
    const OwnHeap two = make();
    EXPECT_TRUE(registry_->enroll(*one));
    EXPECT_TRUE(registry_->enroll(*two));
    registry_->strike(*one);
    EXPECT_EQ(registry_->owner_of(one->region().address(2)), nullptr);
    EXPECT_EQ(registry_->owner_of(two->region().address(2)), two.get());
    registry_->strike(*one);
    EXPECT_EQ(registry_->owner_of(two->region().address(2)), two.get());
    std::size_t n = 0;
    registry_->each([&](Heap& heap) { n += &heap == two.get() ? 1U : 100U; });
    EXPECT_EQ(n, 1U);
}

TEST_F(RegistryTest, EnrollIsRefusedWhenFullUntilAStrike) {
    const OwnHeap heap = make();
    const OwnHeap last = make();
    std::size_t places = 0;
    while (places < 1'000'000 && registry_->enroll(*heap)) ++places;
    EXPECT_GE(places, 1000U);
    EXPECT_LT(places, 1'000'000U);
    EXPECT_FALSE(registry_->enroll(*last));
    registry_->strike(*heap);
    EXPECT_TRUE(registry_->enroll(*last));
    EXPECT_EQ(registry_->owner_of(last->region().address(1)), last.get());
}

// Heaps come and go at the same addresses during lookups. A thread that holds a
// block always finds its heap, and a lookup never mixes two heaps.
TEST_F(RegistryTest, OwnerOfIsRightDuringEnrollAndStrike) {
    constexpr unsigned threads = 4;
    const OwnHeap lasting = make();
    ASSERT_TRUE(registry_->enroll(*lasting));
    Atomic<std::uint32_t> faults{0};
    together(threads, [&](unsigned) {
        for (int round = 0; round < 400; ++round) {
            OwnHeap mine = make();
            if (mine == nullptr || !registry_->enroll(*mine)) {
                faults.fetch_add(1, rlx);
                continue;
            }
            for (UnitId unit = 1; unit < 5; ++unit) {
                if (registry_->owner_of(mine->region().address(unit)) != mine.get())
                    faults.fetch_add(1, rlx);
                if (registry_->owner_of(lasting->region().address(unit)) != lasting.get())
                    faults.fetch_add(1, rlx);
            }
            const auto outside = reinterpret_cast<std::uintptr_t>(&faults);
            if (registry_->owner_of(outside) != nullptr) faults.fetch_add(1, rlx);
            registry_->strike(*mine);
        }
    });
    EXPECT_EQ(faults.load(rlx), 0U);
    std::size_t left = 0;
    registry_->each([&left](Heap&) { ++left; });
    EXPECT_EQ(left, 1U);
}

}  // namespace

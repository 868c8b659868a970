// Each member of MemoryManager for blocks.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;
using make::contents;
using make::options;
using make::pattern;

class Blocks : public testing::TestWithParam<make::Mode> {
  protected:
    MemoryManager manager_{Size{1} << 20, options(0, GetParam())};
};

TEST_P(Blocks, AllocateGivesDisjointBlocks) {
    const Offset one = manager_.allocate(10).value();
    const Offset two = manager_.allocate(20).value();
    EXPECT_TRUE(one + 10 <= two || two + 20 <= one);
    EXPECT_EQ(manager_.size_of(one), 10U);
    EXPECT_EQ(manager_.statistics().used, 30U);
    EXPECT_EQ(manager_.statistics().blocks, 2U);
    manager_.deallocate(one);
    manager_.deallocate(two);
    EXPECT_EQ(manager_.statistics().used, 0U);
    EXPECT_EQ(manager_.statistics().blocks, 0U);
    manager_.trim();
    EXPECT_EQ(manager_.statistics().free_ranges, 1U);
    EXPECT_EQ(manager_.check(), 0U);
}

TEST_P(Blocks, AllocateOfZeroBytesTakesOne) {
    const Offset one = manager_.allocate(0).value();
    const Offset two = manager_.allocate(0).value();
    EXPECT_NE(one, two);
    EXPECT_EQ(manager_.size_of(one), 1U);
    EXPECT_EQ(contents(manager_, one, 1).size(), 1U);
    EXPECT_THROW(contents(manager_, one, 2), OutsideBlock);
}

TEST_P(Blocks, AllocateAlignsTheOffset) {
    for (Size alignment = 1; alignment <= 1 << 16; alignment *= 2) {
        EXPECT_EQ(manager_.allocate(3, alignment).value() % alignment, 0U);
    }
    EXPECT_TRUE(manager_.is_block(manager_.allocate(1, 1024).value()));
}

TEST_P(Blocks, AllocateAlignedBeyondTheBufferGivesOffsetZero) {
    EXPECT_EQ(manager_.allocate(1U << 12, Size{1} << 63), Offset{0});
    EXPECT_EQ(manager_.allocate(1U << 12, Size{1} << 63), std::nullopt);
}

TEST_P(Blocks, ReadReturnsWhatWasWritten) {
    for (const Size size : {5U, 1000U, 30000U}) {
        const Offset block = manager_.allocate(size).value();
        manager_.write(block, pattern(size, 1));
        EXPECT_EQ(contents(manager_, block, size), pattern(size, 1));
        manager_.write(block + 2, pattern(3, 2));
        EXPECT_EQ(contents(manager_, block + 2, 3), pattern(3, 2));
        EXPECT_EQ(contents(manager_, block, 2), pattern(2, 1));
        EXPECT_EQ(manager_.data(block)[2], pattern(1, 2)[0]);
    }
}

TEST_P(Blocks, NewMemoryIsZero) {
    const Offset block = manager_.allocate(Size{1} << 19).value();
    EXPECT_EQ(contents(manager_, block, 1 << 19), std::vector<std::byte>(1 << 19));
}

TEST_P(Blocks, EmptyReadAndWriteSucceedAnywhere) {
    EXPECT_EQ(manager_.try_read(~Offset{0}, {}), Status::ok);
    EXPECT_EQ(manager_.try_write(17, {}), Status::ok);
}

TEST_P(Blocks, AllocateAtTakesExactlyTheGivenRange) {
    EXPECT_EQ(manager_.allocate_at(5000, 100), Offset{5000});
    EXPECT_EQ(manager_.allocate_at(5099, 1), std::nullopt);
    EXPECT_EQ(manager_.allocate_at(4999, 2), std::nullopt);
    EXPECT_EQ(manager_.allocate_at(5100, 1), Offset{5100});
    EXPECT_EQ(manager_.allocate_at(1 << 20, 1), std::nullopt);
    EXPECT_EQ(manager_.allocate_at((1 << 20) - 1, 1), Offset{(1 << 20) - 1});
    EXPECT_EQ(manager_.allocate_at((1 << 20) - 2, ~Size{0}), std::nullopt);
    EXPECT_EQ(manager_.size_of(5000), 100U);
    manager_.deallocate(5000);
    EXPECT_EQ(manager_.allocate_at(5000, 100), Offset{5000});
}

TEST_P(Blocks, AllocateAvoidsReservedRanges) {
    ASSERT_TRUE(manager_.reserve_range(100, (1 << 20) - 100));
    EXPECT_FALSE(manager_.reserve_range(0, 101));
    EXPECT_EQ(manager_.allocate(101), std::nullopt);
    EXPECT_EQ(manager_.allocate(100), Offset{0});
    manager_.deallocate(100);
    EXPECT_TRUE(manager_.allocate(101));
}

TEST_P(Blocks, ResizeWorksInPlace) {
    const Offset block = manager_.allocate_at(10000, 5000).value();
    const Offset above = manager_.allocate_at(20000, 10).value();
    EXPECT_TRUE(manager_.resize(block, 10000));
    EXPECT_EQ(manager_.size_of(block), 10000U);
    EXPECT_FALSE(manager_.resize(block, 10001));
    EXPECT_FALSE(manager_.resize(block, ~Size{0}));
    EXPECT_EQ(manager_.size_of(block), 10000U);
    EXPECT_TRUE(manager_.resize(block, 0));
    EXPECT_EQ(manager_.size_of(block), 1U);
    EXPECT_EQ(manager_.allocate_at(10001, 9999), Offset{10001});
    EXPECT_EQ(manager_.try_resize(above, 1 << 20), Status::no_room);
}

TEST_P(Blocks, ResizeShrinksASmallBlock) {
    const Offset block = manager_.allocate(60).value();
    manager_.write(block, pattern(60, 5));
    EXPECT_TRUE(manager_.resize(block, 57));
    EXPECT_EQ(manager_.size_of(block), 57U);
    EXPECT_THROW(contents(manager_, block, 58), OutsideBlock);
    EXPECT_EQ(contents(manager_, block, 57), pattern(57, 5));
    EXPECT_EQ(manager_.statistics().used, 57U);
}

TEST_P(Blocks, NameAndUserDataEndWithTheBlock) {
    for (const Size size : {16U, 20000U}) {
        const Offset block = manager_.allocate(size).value();
        EXPECT_EQ(manager_.user_data(block), 0U);
        EXPECT_EQ(manager_.name(block), "");
        manager_.set_user_data(block, ~std::uint64_t{0});
        manager_.set_name(block, "vertices");
        EXPECT_EQ(manager_.user_data(block), ~std::uint64_t{0});
        EXPECT_EQ(manager_.name(block), "vertices");
        manager_.set_name(block, "");
        EXPECT_EQ(manager_.name(block), "");
        manager_.set_name(block, "old");
        manager_.deallocate(block);
        const Offset next = manager_.allocate(size).value();
        EXPECT_EQ(next, block);
        EXPECT_EQ(manager_.user_data(next), 0U);
        EXPECT_EQ(manager_.name(next), "");
    }
}

TEST_P(Blocks, OffsetsSurviveAMoveOfTheManager) {
    const Offset block = manager_.allocate(8).value();
    manager_.write(block, pattern(8, 3));
    MemoryManager other(std::move(manager_));
    EXPECT_EQ(contents(other, block, 8), pattern(8, 3));
    manager_ = std::move(other);
    EXPECT_EQ(contents(manager_, block, 8), pattern(8, 3));
}

INSTANTIATE_TEST_SUITE_P(Threads, Blocks, testing::ValuesIn(make::modes),
                         [](const auto& about) { return make::name_of(about.param); });

TEST(Interface, AllocatesWritesReadsAndFrees) {
    MemoryManager manager(100);
    MemoryManagerInterface& face = manager;
    const Offset block = face.allocate(7).value();
    face.write(block, pattern(7, 1));
    EXPECT_EQ(contents(face, block, 7), pattern(7, 1));
    face.deallocate(block);
    EXPECT_THROW(face.deallocate(block), BadOffset);
}

TEST(Granularity, RoundsOffsetsAndSizes) {
    ManagerOptions coarse = options();
    coarse.granularity = 256;
    MemoryManager manager = MemoryManager::without_memory(1000, std::move(coarse));
    EXPECT_EQ(manager.capacity(), 768U);
    EXPECT_EQ(manager.allocate(1), Offset{0});
    EXPECT_EQ(manager.allocate(257), Offset{256});
    EXPECT_EQ(manager.size_of(256), 512U);
    EXPECT_EQ(manager.allocate(1), std::nullopt);
    EXPECT_THROW(static_cast<void>(manager.allocate_at(128, 256)), BadSize);
}

// The largest block that comes out of a slab.
Size largest_small(Threads threads, Size limit) {
    ManagerOptions named = options(0, threads);
    named.small_limit = limit;
    MemoryManager manager(Size{64} << 20, std::move(named));
    for (Size size = 1; size <= 2048; ++size) static_cast<void>(manager.allocate(size));
    Size most = 0;
    manager.for_each([&most](const BlockView& view) {
        if (view.kind == BlockView::Kind::small_block) most = std::max(most, view.size);
        return true;
    });
    return most;
}

TEST(SmallLimit, DefaultDependsOnThreads) {
    EXPECT_EQ(largest_small(Threads::many, ManagerOptions{}.small_limit), 1024U);
    EXPECT_EQ(largest_small(Threads::one, ManagerOptions{}.small_limit), 0U)
        << "a policy for one thread places every block";
    for (const Threads threads : {Threads::one, Threads::many}) {
        for (const Size limit : {Size{0}, Size{64}, Size{1024}})
            EXPECT_EQ(largest_small(threads, limit), limit);
        EXPECT_EQ(largest_small(threads, 5000), 1024U);
    }
}

// A thread gets the block that another one freed last: there is one cache for
// all callers.
TEST(OneThread, CallerMayChangeLater) {
    MemoryManager manager(Size{1} << 20, options(0, make::Mode::one_slabs));
    const Offset block = manager.allocate(100).value();
    ASSERT_TRUE(manager.allocate(100));
    for (int i = 0; i < 10; ++i) {
        std::thread([&] {
            manager.deallocate(block);
            EXPECT_EQ(manager.try_deallocate(block), Status::bad_offset);
        }).join();
        ASSERT_EQ(manager.allocate(100), block);
    }
    EXPECT_EQ(manager.statistics().blocks, 2U);
    EXPECT_EQ(manager.check(), 0U);
}

TEST(Policy, CustomPolicyIsUsed) {
    ManagerOptions own = options();
    own.policy = [] { return make_policy(Placement::worst_fit); };
    const MemoryManager manager(100, std::move(own));
    EXPECT_STREQ(manager.policy_name(), "worst fit");
}

// Offsets, handles and a collector that runs go with the manager.
TEST(MovedManager, KeepsOffsetsHandlesAndCollector) {
    MemoryManager first(Size{1} << 20, options(0, Threads::many));
    const Offset block = first.allocate(100).value();
    const Handle handle = first.allocate_movable(3000).value();
    first.write(block, pattern(100, 3));
    CollectorOptions collector;
    collector.roots = [block] { return std::vector{block}; };
    first.start_collector(std::move(collector));
    MemoryManager second(std::move(first));
    EXPECT_EQ(contents(second, block, 100), pattern(100, 3));
    EXPECT_EQ(second.size_of(second.resolve(handle)), 3000U);
    while (second.last_collection().cycles == 0) {
    }
    MemoryManager third(Size{100}, options());
    third = std::move(second);
    EXPECT_EQ(third.size_of(block), 100U);
    // One that was moved from may be assigned to.
    first = MemoryManager(Size{50}, options());
    EXPECT_EQ(first.allocate(50), Offset{0});
    second = std::move(third);
    EXPECT_EQ(contents(second, block, 100), pattern(100, 3));
    EXPECT_EQ(second.check(), 0U);
}

TEST(MovedManager, MayBeAssignedToItself) {
    MemoryManager manager(Size{1} << 20, options());
    const Offset block = manager.allocate(100).value();
    MemoryManager& same = manager;
    manager = std::move(same);
    EXPECT_EQ(manager.size_of(block), 100U);
}

// A manager that was moved from, and the one that has its blocks.
class MovedFromManager : public testing::Test {
  protected:
    MemoryManager first_{Size{1} << 20};
    Offset block_ = first_.allocate(100).value();
    Handle handle_ = first_.allocate_movable(3000).value();
    MemoryManager second_{std::move(first_)};
    std::byte bytes_[8]{};
};

TEST_F(MovedFromManager, HasNoRoom) {
    Offset at = 0;
    Handle handle;
    EXPECT_EQ(first_.capacity(), 0U);
    EXPECT_EQ(first_.allocate(1), std::nullopt);
    EXPECT_EQ(first_.try_allocate(1, 1, at), Status::no_room);
    EXPECT_EQ(first_.try_allocate(1, 3, at), Status::bad_alignment);
    EXPECT_EQ(first_.allocate_root(1), std::nullopt);
    EXPECT_EQ(first_.allocate_at(0, 1), std::nullopt);
    EXPECT_FALSE(first_.reserve_range(0, 1));
    EXPECT_EQ(first_.allocate_movable(1), std::nullopt);
    EXPECT_EQ(first_.try_allocate_movable(1, 1, handle), Status::no_room);
    EXPECT_EQ(first_.trim(), 0U);
    EXPECT_EQ(first_.try_clear(), Status::ok);
}

TEST_F(MovedFromManager, RefusesOffsetsAndHandles) {
    EXPECT_THROW(first_.deallocate(block_), BadOffset);
    EXPECT_THROW(static_cast<void>(first_.resize(block_, 50)), BadOffset);
    EXPECT_THROW(static_cast<void>(first_.size_of(block_)), BadOffset);
    EXPECT_THROW(static_cast<void>(first_.data(block_)), BadOffset);
    EXPECT_THROW(first_.set_name(block_, "name"), BadOffset);
    EXPECT_THROW(static_cast<void>(first_.name(block_)), BadOffset);
    EXPECT_THROW(first_.set_user_data(block_, 1), BadOffset);
    EXPECT_THROW(static_cast<void>(first_.user_data(block_)), BadOffset);
    EXPECT_FALSE(first_.is_block(block_));
    EXPECT_EQ(first_.offset_of(second_.data(block_)), std::nullopt);
    EXPECT_THROW(first_.read(block_, bytes_), NoMemory);
    EXPECT_THROW(first_.write(block_, bytes_), NoMemory);
    EXPECT_THROW(first_.deallocate(handle_), BadHandle);
    EXPECT_THROW(static_cast<void>(first_.resolve(handle_)), BadHandle);
    EXPECT_THROW(first_.pin(handle_), BadHandle);
    EXPECT_THROW(first_.unpin(handle_), BadHandle);
    EXPECT_EQ(second_.size_of(block_), 100U);
    EXPECT_EQ(second_.size_of(second_.resolve(handle_)), 3000U);
}

TEST_F(MovedFromManager, HasNothingToMoveOrToCollect) {
    EXPECT_EQ(first_.defragment().moves, 0U);
    EXPECT_TRUE(first_.begin_pass().empty());
    EXPECT_EQ(first_.end_pass({}).moves, 0U);
    const ReferenceVisitor visitor = [](auto...) {};
    EXPECT_THROW(first_.collect({}), NoMemory);
    EXPECT_THROW(first_.collect({}, visitor), NoMemory);
    EXPECT_THROW(static_cast<void>(first_.find_leaks({}, visitor)), NoMemory);
    CollectorOptions collector;
    collector.roots = [] { return std::vector<Offset>(); };
    collector.visitor = visitor;
    EXPECT_THROW(first_.start_collector(std::move(collector)), NoMemory);
    first_.stop_collector();
    EXPECT_EQ(first_.last_collection().cycles, 0U);
}

TEST_F(MovedFromManager, ShowsAnEmptyBuffer) {
    EXPECT_EQ(first_.statistics().limit, 0U);
    EXPECT_EQ(first_.statistics().blocks + first_.statistics().free_ranges, 0U);
    EXPECT_EQ(first_.statistics().fragmentation(), 0.0);
    EXPECT_EQ(first_.histograms().most_hole, 0U);
    first_.for_each([](const BlockView&) {
        ADD_FAILURE() << "a part of no buffer";
        return true;
    });
    EXPECT_EQ(first_.check(), 0U);
    std::ostringstream json, svg;
    first_.write_json(json);
    first_.write_svg(svg);
    EXPECT_NE(json.str().find("\"capacity\""), std::string::npos);
    EXPECT_NE(svg.str().find("</svg>"), std::string::npos);
    EXPECT_STREQ(first_.policy_name(), "tlsf");
}

TEST_F(MovedFromManager, MayBeMovedAndAssignedTo) {
    MemoryManager third(std::move(first_));
    EXPECT_EQ(third.allocate(1), std::nullopt);
    first_ = std::move(second_);
    EXPECT_EQ(first_.size_of(block_), 100U);
    second_ = std::move(third);
    EXPECT_EQ(second_.capacity(), 0U);
    EXPECT_EQ(first_.check(), 0U);
}

TEST(OwnMemory, AddressesAreAlignedAsAskedFor) {
    for (const Size limit : {Size{4096}, Size{1} << 20, Size{3} << 20, Size{100} << 20}) {
        MemoryManager manager(4096, options(limit, Threads::many));
        for (Size alignment = 1; alignment <= limit; alignment *= 2) {
            const auto at = manager.allocate(1, alignment);
            if (!at) continue;  // a lower alignment has taken the last such offset
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(manager.data(*at)) % alignment, 0U)
                << limit << ' ' << alignment;
            manager.deallocate(*at);
        }
    }
}

// The members that throw nothing, until nothing fits, and back.

TEST(TryMembers, FillAndEmptyABuffer) {
    for (const make::Mode mode : make::modes) {
        for (const Size size : {Size{64}, Size{3000}}) {
            MemoryManager manager(Size{1} << 20, make::options(0, mode));
            std::vector<Offset> blocks;
            Offset at = 0;
            while (manager.try_allocate(size, 1, at) == Status::ok) blocks.push_back(at);
            EXPECT_GT(blocks.size(), (Size{1} << 20) / size / 2);
            EXPECT_EQ(manager.try_allocate(size, 1, at), Status::no_room);
            for (const Offset block : blocks) EXPECT_EQ(manager.try_deallocate(block), Status::ok);
            EXPECT_EQ(manager.statistics().used, 0U);
            EXPECT_EQ(manager.check(), 0U);
        }
    }
}

}  // namespace

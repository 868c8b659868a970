// allocate() with a BlockRequest: placement, kinds of blocks, annotations.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

// Named fields compile, in parts; lists without names, in which two sizes may
// be swapped, do not.
template <class... Values>
concept Listed = requires(Values... values) {
    BlockRequest{values...};
};
static_assert(!Listed<Size> && !Listed<Size, Size> && !Listed<int, int, Strategy>);
static_assert(sizeof(BlockRequest) <= 64);

class Request : public testing::TestWithParam<make::Mode> {
  protected:
    static MemoryManager make_manager(Placement placement = Placement::tlsf, Size limit = 0) {
        ManagerOptions options = make::placed(placement, GetParam());
        options.limit = limit;
        return MemoryManager(kSize, std::move(options));
    }
    static constexpr Size kSize = Size{2} << 20;
};
INSTANTIATE_TEST_SUITE_P(Threads, Request, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(Request, PlainOneIsPlacedAsByAllocate) {
    MemoryManager by_request = make_manager(), by_size = make_manager();
    for (Size size = 0; size < 3000; size += 7) {
        const Size alignment = Size{1} << size % 9;
        const auto block = by_request.allocate({.size = size, .alignment = alignment});
        ASSERT_TRUE(block);
        EXPECT_EQ(block->offset, by_size.allocate(size, alignment));
        EXPECT_EQ(block->size, by_request.size_of(block->offset));
        EXPECT_FALSE(block->handle);
    }
    EXPECT_EQ(by_request.check(), 0U);
}

TEST_P(Request, AnswersAsAllocate) {
    MemoryManager manager = make_manager();
    Block block;
    EXPECT_EQ(manager.try_allocate({.size = kSize + 1}, block), Status::no_room);
    EXPECT_EQ(manager.allocate({.size = ~Size{0}, .strategy = Strategy::lowest}), std::nullopt);
    EXPECT_EQ(manager.try_allocate({.size = 1, .alignment = 3}, block), Status::bad_alignment);
    EXPECT_THROW(static_cast<void>(manager.allocate({.size = 1, .alignment = 0, .movable = true})),
                 BadAlignment);
    EXPECT_EQ(manager.statistics().blocks, 0U);
}

TEST_P(Request, IsPlacedByItsStrategyWhateverThePolicy) {
    for (const Placement placement : make::placements) {
        for (const Size size : {Size{64}, Size{4096}}) {
            MemoryManager manager = make_manager(placement);
            const Offset low =
                manager.allocate({.size = size, .strategy = Strategy::lowest}).value().offset;
            EXPECT_EQ(low, 0U) << manager.policy_name();
            const Offset top =
                manager.allocate({.size = size, .strategy = Strategy::upper_end}).value().offset;
            EXPECT_EQ(top, kSize - size) << manager.policy_name();
            const Offset next =
                manager.allocate({.size = size, .strategy = Strategy::lowest}).value().offset;
            EXPECT_EQ(next, size) << manager.policy_name();
            manager.deallocate(low);
            EXPECT_EQ(manager.allocate({.size = size, .strategy = Strategy::tight}).value().offset,
                      0U)
                << manager.policy_name() << ": a hole of just that size";
            EXPECT_EQ(manager.check(), 0U);
        }
    }
}

TEST_P(Request, AnnotatesEveryKindOfBlock) {
    MemoryManager manager = make_manager();
    for (const bool movable : {false, true}) {
        for (const bool root : {false, true}) {
            for (const Size size : {Size{24}, Size{5000}}) {
                for (const Strategy strategy : {Strategy::by_policy, Strategy::upper_end}) {
                    const std::string name = "block " + std::to_string(size);
                    const auto block = manager.allocate({.size = size,
                                                         .alignment = 8,
                                                         .strategy = strategy,
                                                         .user_data = size + 1,
                                                         .name = name,
                                                         .movable = movable,
                                                         .root = root});
                    ASSERT_TRUE(block);
                    EXPECT_EQ(manager.user_data(block->offset), size + 1);
                    EXPECT_EQ(manager.name(block->offset), name);
                    EXPECT_EQ(static_cast<bool>(block->handle), movable);
                    EXPECT_EQ(manager.handle_of(block->offset),
                              movable ? std::optional(block->handle) : std::nullopt);
                    movable ? manager.deallocate(block->handle) : manager.deallocate(block->offset);
                    const auto plain = manager.allocate({.size = size, .strategy = strategy});
                    EXPECT_EQ(manager.user_data(plain->offset), 0U) << "of another block";
                    EXPECT_EQ(manager.name(plain->offset), "");
                    manager.deallocate(plain->offset);
                }
            }
        }
    }
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

// A name that no memory can hold; its bytes are never read.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kEndsTheProgram = true;  // the sanitizer's operator new, for such a size
#else
constexpr bool kEndsTheProgram = false;
#endif

TEST_P(Request, LosesNoBlockWhenItsNameCannotBeStored) {
    if (kEndsTheProgram) GTEST_SKIP() << "the sanitizer's operator new throws no std::bad_alloc";
    MemoryManager manager = make_manager(Placement::tlsf, 2 * kSize);
    const std::string_view name("", Size{1} << 60);
    for (const bool movable : {false, true}) {
        for (const Size size : {Size{24}, Size{5000}, kSize + 1}) {
            const BlockRequest request = {
                .size = size, .user_data = 7, .name = name, .movable = movable};
            EXPECT_THROW(static_cast<void>(manager.allocate(request)), std::bad_alloc);
            Block block;
            EXPECT_THROW(static_cast<void>(manager.try_allocate(request, block)), std::bad_alloc);
        }
    }
    EXPECT_EQ(manager.statistics().blocks, 0U);
    EXPECT_EQ(manager.statistics().used, 0U);
    EXPECT_EQ(manager.check(), 0U);
    const auto after = manager.allocate({.size = 24});
    EXPECT_EQ(manager.user_data(after->offset), 0U);
    EXPECT_EQ(manager.name(after->offset), "");
    manager.deallocate(after->offset);
    manager.trim();
    EXPECT_EQ(manager.allocate(kSize), Offset{0}) << "nothing is left behind";
}

TEST_P(Request, RootsAreKeptByACollector) {
    MemoryManager manager = make_manager();
    std::vector<Offset> roots;
    for (const Size size : {Size{24}, Size{5000}}) {
        for (const Strategy strategy : {Strategy::by_policy, Strategy::lowest}) {
            for (const std::uint64_t user : {0U, 9U}) {
                roots.push_back(
                    manager
                        .allocate(
                            {.size = size, .strategy = strategy, .user_data = user, .root = true})
                        .value()
                        .offset);
                static_cast<void>(
                    manager.allocate({.size = size, .strategy = strategy, .user_data = user}));
            }
        }
    }
    EXPECT_EQ(manager.collect({}).freed_blocks, roots.size());
    for (const Offset root : roots) EXPECT_TRUE(manager.is_block(root));
}

TEST_P(Request, GrowsTheBufferForItsStrategy) {
    MemoryManager manager = make_manager(Placement::tlsf, 4 * kSize);
    EXPECT_EQ(manager.allocate({.size = kSize, .strategy = Strategy::lowest}).value().offset, 0U);
    const Block top =
        manager.allocate({.size = 4096, .strategy = Strategy::upper_end, .name = "top"}).value();
    EXPECT_EQ(top.offset, manager.capacity() - 4096);
    EXPECT_EQ(manager.allocate({.size = 4096, .strategy = Strategy::lowest}).value().offset, kSize);
    EXPECT_EQ(manager.name(top.offset), "top");
    EXPECT_EQ(manager.check(), 0U);
}

// The tree of holes that a strategy needs is there until trim() or clear(), and
// then comes back.
TEST_P(Request, StrategyIsFollowedAfterTrimAndClear) {
    MemoryManager manager = make_manager();
    const Size before = manager.statistics().metadata;
    const Block low = manager.allocate({.size = 5000, .strategy = Strategy::lowest}).value();
    const Block top = manager.allocate({.size = 5000, .strategy = Strategy::upper_end}).value();
    const Size used = manager.statistics().metadata;
    EXPECT_GT(used, before);
    manager.trim();
    EXPECT_LT(manager.statistics().metadata, used);
    manager.deallocate(low.offset);
    manager.deallocate(top.offset);
    EXPECT_EQ(manager.allocate({.size = 5000, .strategy = Strategy::upper_end}).value().offset,
              kSize - 5000);
    EXPECT_EQ(manager.allocate({.size = 5000, .strategy = Strategy::lowest}).value().offset, 0U);
    const Size again = manager.statistics().metadata;
    manager.clear();
    EXPECT_LT(manager.statistics().metadata, again);
    EXPECT_EQ(manager.check(), 0U);
    EXPECT_EQ(manager.allocate({.size = 5000, .strategy = Strategy::upper_end}).value().offset,
              kSize - 5000);
    EXPECT_EQ(manager.allocate({.size = 5000, .strategy = Strategy::lowest}).value().offset, 0U);
    EXPECT_EQ(manager.check(), 0U);
}

// Movable blocks leave a stack's middle, and the stack goes on behind those
// that are left.
TEST_P(Request, StackOfMovableBlocksGoesOnAfterDefragmentation) {
    for (const Placement placement : {Placement::linear, Placement::ring}) {
        MemoryManager manager = make_manager(placement);
        std::vector<Handle> handles;
        for (Size i = 0; i < 10; ++i)
            handles.push_back(manager.allocate({.size = 5000, .movable = true}).value().handle);
        const Block top =
            manager.allocate({.size = 5000, .strategy = Strategy::upper_end, .movable = true})
                .value();
        EXPECT_EQ(top.offset, kSize - 5000);
        for (std::size_t i = 0; i < 10; i += 2) manager.deallocate(handles[i]);
        EXPECT_EQ(manager.allocate({.size = 100'000}).value().offset, 50'000U);
        manager.deallocate(50'000);
        EXPECT_EQ(manager.defragment().moves, 6U);
        EXPECT_EQ(manager.allocate({.size = 5000}).value().offset, 30'000U)
            << manager.policy_name();
        EXPECT_EQ(manager.allocate({.size = 5000}).value().offset, 35'000U);
        EXPECT_EQ(manager.check(), 0U);
    }
}

}  // namespace

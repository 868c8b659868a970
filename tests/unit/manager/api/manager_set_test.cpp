// Several heaps without memory, against a plain model.
#include <gtest/gtest.h>

#include <algorithm>
#include <ashlar/manager_set.hpp>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "support/random.hpp"

namespace {

using namespace ashlar;

constexpr Size kHeap = 64 << 10, kPage = 1024;

struct Owner {
    [[nodiscard]] ManagerSetOptions options(std::uint32_t most, Size page = 1) {
        ManagerSetOptions made;
        made.new_heap = [this, most](Size wanted) -> std::optional<SetHeap> {
            if (live == most) return std::nullopt;
            ++live;
            return SetHeap{std::max(kHeap, wanted), ++last};
        };
        made.release_heap = [this](const SetHeap& heap) {
            --live;
            released.push_back(heap.user);
        };
        made.kind_granularity = page;
        return made;
    }
    std::uint32_t live = 0;
    std::uint64_t last = 0;
    std::vector<std::uint64_t> released;
};

TEST(ManagerSet, AllocateAsksForAHeapWhenNoneHasRoom) {
    Owner owner;
    ManagerSet set(owner.options(2));
    EXPECT_EQ(set.heaps(), 0U);
    EXPECT_EQ(set.allocate(kHeap), (SetBlock{0, 0}));
    EXPECT_EQ(set.allocate(100), (SetBlock{1, 0}));
    EXPECT_EQ(set.allocate(kHeap), std::nullopt);
    EXPECT_EQ(set.heaps(), 2U);
    EXPECT_EQ(set.heap(1).user, 2U);
    EXPECT_EQ(set.manager(1).statistics().used, 100U);
    EXPECT_THROW(static_cast<void>(set.heap(2)), BadOffset);
    EXPECT_THROW(static_cast<void>(set.allocate(8, 3)), BadAlignment);
}

TEST(ManagerSet, TrimGivesEmptyHeapsBack) {
    Owner owner;
    {
        ManagerSet set(owner.options(9));
        std::vector<SetBlock> blocks;
        for (int i = 0; i < 4; ++i) blocks.push_back(set.allocate(kHeap).value());
        EXPECT_EQ(set.trim(), 0U);
        for (int i = 0; i < 3; ++i) set.deallocate(blocks[static_cast<std::size_t>(i)]);
        EXPECT_THROW(set.deallocate(blocks[0]), BadOffset);
        EXPECT_EQ(set.trim(1), 2U);
        EXPECT_EQ(owner.released, (std::vector<std::uint64_t>{2, 3}));
        EXPECT_THROW(set.deallocate(blocks[1]), BadOffset) << "its heap is gone";
        EXPECT_EQ(set.allocate(kHeap)->heap, 0U);
        EXPECT_EQ(set.allocate(kHeap), (SetBlock{1, 0})) << "the number is used again";
    }
    EXPECT_EQ(owner.live, 0U) << "the end gives all back";
}

TEST(ManagerSet, HeapThatIsTooSmallGoesBack) {
    std::vector<std::uint64_t> released;
    ManagerSetOptions options;
    options.new_heap = [](Size wanted) { return SetHeap{wanted - 1, 7}; };
    options.release_heap = [&released](const SetHeap& heap) { released.push_back(heap.user); };
    ManagerSet set(options);
    EXPECT_EQ(set.allocate(100), std::nullopt);
    EXPECT_EQ(released, std::vector<std::uint64_t>{7});
    EXPECT_EQ(set.heaps(), 0U);
}

TEST(ManagerSet, KindsNeedAPowerOfTwo) {
    Owner owner;
    EXPECT_THROW(ManagerSet(owner.options(1, 3)), BadAlignment);
}

TEST(ManagerSet, BlocksOfOneKindShareAPageAndOthersDoNot) {
    Owner owner;
    ManagerSet set(owner.options(1, kPage));
    EXPECT_EQ(set.allocate(100, 1, 1), (SetBlock{0, 0}));
    EXPECT_EQ(set.allocate(100, 1, 1), (SetBlock{0, 100}));
    EXPECT_EQ(set.allocate(100, 1, 2)->offset % kPage, 0U);
    EXPECT_EQ(set.allocate(100, 1, 1), (SetBlock{0, 200}));
}

// A page has blocks of one kind; no two blocks overlap; nothing is lost.
class SetModel {
  public:
    explicit SetModel(unsigned seed) : random_(seed) {}
    void run() {
        for (int step = 0; step < 4000; ++step) {
            random_.below(5) < 3 ? allocate() : deallocate();
            if (step % 500 == 0) set_.trim();
        }
        while (!blocks_.empty()) deallocate();
        set_.trim();
        EXPECT_EQ(set_.heaps(), 0U);
        EXPECT_EQ(owner_.live, 0U);
    }

  private:
    struct Block {
        Size size;
        std::uint32_t kind;
    };
    void allocate() {
        const Size size = 1 + random_.below(random_.below(4) == 0 ? 5 * kPage : 300);
        const auto kind = static_cast<std::uint32_t>(random_.below(3));
        const Size alignment = Size{1} << random_.below(8);
        const std::optional<SetBlock> block = set_.allocate(size, alignment, kind);
        if (!block) return;
        ASSERT_EQ(block->offset % alignment, 0U);
        ASSERT_LE(block->offset + size, set_.heap(block->heap).capacity);
        for (const auto& [place, other] : blocks_) {
            if (place.first != block->heap) continue;
            const Offset end = block->offset + size, other_end = place.second + other.size;
            ASSERT_TRUE(end <= place.second || other_end <= block->offset);
            if (other.kind == kind) continue;
            const bool apart = (end - 1) / kPage < place.second / kPage ||
                               (other_end - 1) / kPage < block->offset / kPage;
            ASSERT_TRUE(apart) << "two kinds on one page";
        }
        blocks_[{block->heap, block->offset}] = {size, kind};
    }
    void deallocate() {
        if (blocks_.empty()) return;
        auto at = blocks_.begin();
        std::advance(at, random_.below(blocks_.size()));
        set_.deallocate({at->first.first, at->first.second});
        blocks_.erase(at);
    }
    Random random_;
    Owner owner_;
    ManagerSet set_{owner_.options(4, kPage)};
    std::map<std::pair<std::uint32_t, Offset>, Block> blocks_;
};

TEST(ManagerSet, BehavesLikeTheModel) {
    for (unsigned seed = 1; seed <= 5; ++seed) SetModel(seed).run();
}

}  // namespace

// The collector while the graph changes between its slices, in one thread, so
// that an oracle can say after each step what can be reached: nothing of that
// may be freed before the cycle ends, whatever happens to the references
// meanwhile.
#include <gtest/gtest.h>

#include <random>

#include "graph.hpp"
#include "manager/engine/manager_inline.hpp"
#include "unit/manager/inner.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

// The inner manager with the outer one's manners.
class Inner {
  public:
    explicit Inner(make::Mode mode)
        : manager_(manager::Buffer::own(kSize), kSize, make::options(0, mode)) {}
    std::optional<Offset> allocate(Size size, Size alignment) {
        Offset at = 0;
        return inner::allocate(manager_, size, alignment, at) == Status::ok ? std::optional(at)
                                                                            : std::nullopt;
    }
    void deallocate(Offset at) { EXPECT_EQ(inner::deallocate(manager_, at), Status::ok) << at; }
    void write(Offset at, std::span<const std::byte> data) {
        EXPECT_EQ(manager_.write(at, data), Status::ok) << at;
    }
    bool resize(Offset at, Size size) { return manager_.resize(at, size) == Status::ok; }
    std::optional<Offset> reallocate(Offset at, Size size, Size alignment) {
        return manager_.reallocate(at, size, alignment) == Status::ok ? std::optional(at)
                                                                      : std::nullopt;
    }
    [[nodiscard]] Size size_of(Offset at) const { return manager_.size_of(at); }
    manager::Manager& operator*() { return manager_; }

  private:
    static constexpr Size kSize = 16U << 20;
    manager::Manager manager_;
};

class Mutation {
  public:
    Mutation(unsigned seed, make::Mode mode, bool visitor)
        : random_(seed), inner_(mode), graph_(inner_), precise_(visitor) {
        root_ = graph_.add(12);
        for (int i = 0; i < 300; ++i) blocks_.push_back(add());
        for (int i = 0; i < 500; ++i) link(any(), any());
        for (std::size_t i = 0; i < 12; ++i) graph_.refer(root_, i, any());
    }

    void cycle() {
        const std::function<void()> between = [this] { step(); };
        // It may read, though the lock is held.
        const ReferenceVisitor visitor = [this](Offset block, Size size,
                                                const std::function<void(Offset)>& reach) {
            std::vector<Offset> words(size / sizeof(Offset));
            EXPECT_EQ((*inner_).read(block, std::as_writable_bytes(std::span(words))), Status::ok);
            for (const Offset word : words) reach(word);
        };
        const std::vector<Offset> roots{root_};
        manager::Collector::Cycle cycle;
        cycle.roots = roots;
        cycle.budget = 1 + static_cast<std::uint32_t>(random_() % 12);
        cycle.between = &between;
        if (precise_) cycle.visitor = &visitor;
        ever_.clear();
        garbage_ = graph_.blocks();
        began_ = false;
        const CollectionStatistics done = (*inner_).collector().run(cycle);
        EXPECT_TRUE(began_);
        EXPECT_LE(done.longest_slice, std::max(cycle.budget, 64U));
        expect_kept();
        // Blocks that were unreachable all the time have been freed.
        for (const Offset block : garbage_) EXPECT_EQ(inner_.size_of(block), 0U) << block;
        remember();
    }
    // Nothing changes in this one: it is exact.
    void rest() {
        quiet_ = true;
        release_held();
        cycle();
        EXPECT_EQ(graph_.blocks(), graph_.reachable({root_}));
        EXPECT_EQ((*inner_).check(nullptr), 0U);
        quiet_ = false;
    }

  private:
    Offset add() { return graph_.add(1 + random_() % 4, random_() % 6 == 0 ? 2000 : 0); }
    Offset any() { return blocks_[random_() % blocks_.size()]; }
    void link(Offset block, Offset to) {
        graph_.refer(block, random_() % graph_.references(block), to);
    }

    // A block that a mutator can come by: along references from the root.
    Offset walk() {
        Offset at = root_;
        for (std::uint64_t steps = random_() % 12; steps != 0; --steps) {
            const Offset next = graph_.reference(at, random_() % graph_.references(at));
            if (graph_.blocks().contains(next)) at = next;
        }
        return at;
    }

    void step() {
        if (!(*inner_).collector().marking() && !began_) return;  // before all is white
        if (!began_) {
            began_ = true;
            see();
        }
        if (quiet_ || random_() % 2 == 0) return;
        const Offset block = walk();
        const std::size_t i = random_() % graph_.references(block);
        const Offset to = graph_.reference(block, i);
        switch (random_() % 8) {
            case 0: graph_.refer(block, i, kNull); break;  // the last reference may go
            case 1:  // over to a block that was looked at, perhaps
                graph_.refer(block, i, kNull);
                link(walk(), to);
                break;
            case 2:  // out of the graph for some time
                if (graph_.blocks().contains(to)) held_.push_back(to);
                graph_.refer(block, i, kNull);
                break;
            case 3: release_held(); break;
            case 4: {  // a new block, with a reference to an old one
                const Offset young = add();
                blocks_.push_back(young);
                link(young, to);
                graph_.refer(block, i, young);
                break;
            }
            case 5:  // out of a list, and freed
                if (block != root_ && graph_.blocks().contains(to) && to != block && to != root_) {
                    const Offset next = graph_.reference(to, 0);
                    drop(to);
                    graph_.refer(block, i, next);
                }
                break;
            case 6:  // to another place
                if (graph_.blocks().contains(to) && to != block && to != root_)
                    graph_.refer(block, i, move(to));
                break;
            default:
                if (block != root_ && graph_.references(block) > 1) {
                    held_.push_back(graph_.reference(block, graph_.references(block) - 1));
                    if (!graph_.blocks().contains(held_.back())) held_.pop_back();
                    graph_.shorten(block, graph_.references(block) - 1);
                }
        }
        see();
    }
    Offset move(Offset block) {
        see();
        const Offset now = graph_.move(block, Size{16} << random_() % 10);
        if (now != block) forget(block);
        blocks_.push_back(now);
        return now;
    }
    void drop(Offset block) {
        see();
        graph_.remove(block);
        forget(block);
    }
    void forget(Offset block) {
        std::erase(blocks_, block);
        std::erase(held_, block);
        ever_.erase(block);
        garbage_.erase(block);
        freed_.insert(block);
    }
    void release_held() {
        for (const Offset block : held_) {
            EXPECT_NE(inner_.size_of(block), 0U)
                << "freed while a mutator had it from the graph: " << block;
            link(walk(), block);
        }
        held_.clear();
    }
    void see() {
        for (const Offset block : graph_.reachable({root_})) {
            ever_.insert(block);
            garbage_.erase(block);
        }
        expect_kept();
    }
    void expect_kept() const {
        for (const Offset block : ever_)
            ASSERT_NE(inner_.size_of(block), 0U) << "freed though it could be reached: " << block;
    }
    void remember() {
        std::set<Offset> kept;
        for (const Offset block : graph_.blocks()) {
            if (inner_.size_of(block) != 0) kept.insert(block);
        }
        graph_.forget_all_but(kept);
        std::erase_if(blocks_, [&](Offset block) { return !kept.contains(block); });
        std::erase_if(held_, [&](Offset block) { return !kept.contains(block); });
        if (blocks_.empty()) blocks_.push_back(root_);
    }

    std::mt19937_64 random_;
    Inner inner_;
    Graph<Inner> graph_;
    bool precise_, quiet_ = false, began_ = false;
    Offset root_ = 0;
    std::vector<Offset> blocks_, held_;
    std::set<Offset> ever_, garbage_, freed_;
};

class CollectorMutation : public testing::TestWithParam<std::tuple<make::Mode, bool>> {};
INSTANTIATE_TEST_SUITE_P(Modes, CollectorMutation,
                         testing::Combine(testing::ValuesIn(make::modes), testing::Bool()),
                         [](const auto& modes) {
                             return std::string(make::name_of(std::get<0>(modes.param))) +
                                    (std::get<1>(modes.param) ? "Precise" : "Conservative");
                         });

TEST_P(CollectorMutation, ReachableBlocksAreNeverFreed) {
    for (unsigned seed = 0; seed < 25 && !HasFailure(); ++seed) {
        Mutation mutation(seed, std::get<0>(GetParam()), std::get<1>(GetParam()));
        for (int i = 0; i < 6 && !HasFailure(); ++i) {
            mutation.cycle();
            mutation.rest();
        }
    }
}

// A small block is created in a slab that is white already, while others are
// not: it counts as marked, but nobody takes notice of what is written to it
// until the marks spread.
class CollectorNewBlocks : public testing::TestWithParam<make::Mode> {};
INSTANTIATE_TEST_SUITE_P(Threads, CollectorNewBlocks,
                         testing::Values(make::Mode::one_slabs, make::Mode::many),
                         [](const auto& mode) { return make::name_of(mode.param); });
TEST_P(CollectorNewBlocks, ReferencesOfASmallBlockAllocatedBeforeMarkingAreKept) {
    Inner inner(GetParam());
    Graph<Inner> graph(inner);
    std::vector<Offset> blocks;
    for (int i = 0; i < 5000; ++i) blocks.push_back(graph.add(2));  // several slabs, each a slice
    const Offset root = blocks[100], target = blocks[200], place = blocks[0];
    graph.refer(root, 0, target);
    graph.remove(place);
    Offset young = kNull;
    const std::function<void()> between = [&] {
        if (young != kNull) return;
        ASSERT_FALSE((*inner).collector().marking());
        young = graph.add(2);
        graph.refer(young, 1, target);
        graph.refer(root, 0, young);
    };
    const std::vector<Offset> roots{root};
    manager::Collector::Cycle cycle;
    cycle.roots = roots;
    cycle.budget = 1;
    cycle.between = &between;
    const CollectionStatistics done = (*inner).collector().run(cycle);
    ASSERT_EQ(young, place);
    for (const Offset block : {root, young, target}) EXPECT_NE(inner.size_of(block), 0U) << block;
    EXPECT_EQ(done.freed_blocks, blocks.size() - 3);
    EXPECT_EQ((*inner).check(nullptr), 0U);
}

}  // namespace

// Searches for the lowest hole that stop in the middle, while blocks come and go, against a look at all holes.
#include "manager/lowest_hole.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "../ranges/ground.hpp"

namespace {

using namespace ashlar;
using manager::LowestHole;

class Searches {
  public:
    explicit Searches(unsigned seed) : random_(seed) {
        region::Carver measured(0);
        lowest_.layout(measured);
        memory_.resize(measured.used() / sizeof(Offset) + 16);  // with room to align
        region::Carver placed(reinterpret_cast<std::uintptr_t>(memory_.data()));
        lowest_.layout(placed);
        for (int i = 0; i < 400; ++i) blocks_.push_back(ground_.heap.take(1 + random_() % 60, 1));
        for (int i = 0; i < 150; ++i) drop();
        lowest_.forget();
    }

    // Ends with the lowest hole of those that reach beyond the place where the search stopped last.
    void once() {
        lowest_.forget();
        LowestHole::Search search{};
        const Size size = 20 + random_() % 60, alignment = Size{1} << random_() % 5;
        const Offset before = 4000 + random_() % 12'000;
        Offset from = 0;
        LowestHole::Found found{};
        for (bool more = true; more;) {
            unsigned steps = static_cast<unsigned>(random_() % 40);
            found = lowest_.find(size, alignment, before, steps, search);
            more = search.open;
            if (!more) break;
            from = search.at;
            for (auto changes = random_() % 30; changes != 0; --changes) random_() % 2 == 0 ? drop() : add();
        }
        EXPECT_EQ(found.hole, lowest(size, alignment, before, from));
        if (found.hole == no_range) return;
        EXPECT_EQ(found.at % alignment, 0U);
        EXPECT_LE(found.at + size, ground_.heap[found.hole].start + ground_.heap[found.hole].size);
    }
    // A search for another block forgets where the last one stopped.
    void anew() {
        lowest_.forget();
        LowestHole::Search search{};
        for (const auto& [size, alignment, before] :
             {std::array<Offset, 3>{50, 1, 9000}, {50, 1, 9001}, {51, 1, 9001}, {51, 2, 9001}}) {
            unsigned steps = 3;
            static_cast<void>(lowest_.find(size, alignment, before, steps, search));
            lowest_.forget();
        }
        unsigned steps = 1'000'000;
        EXPECT_EQ(lowest_.find(40, 4, 9000, steps, search).hole, lowest(40, 4, 9000, 0));
    }

  private:
    void drop() {
        if (blocks_.empty()) return;
        std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
        ground_.heap.give(blocks_.back());
        blocks_.pop_back();
    }
    void add() {
        const RangeId block = ground_.heap.take(1 + random_() % 60, 1);
        if (block != no_range) blocks_.push_back(block);
    }
    [[nodiscard]] RangeId lowest(Size size, Size alignment, Offset before, Offset from) const {
        const ranges::Heap& heap = ground_.heap;
        for (RangeId at = heap.first(); at != no_range; at = heap[at].above) {
            const Range& range = heap[at];
            const Offset start = (range.start + alignment - 1) & ~(alignment - 1);
            if (ranges::kind(range) != ranges::Kind::hole || range.start + range.size <= from || start >= before) continue;
            if (start + size <= range.start + range.size) return at;
        }
        return no_range;
    }

    std::mt19937_64 random_;
    Ground ground_{Placement::best_fit, 20'000, 2000};
    LowestHole lowest_{ground_.heap};
    std::vector<Offset> memory_;
    std::vector<RangeId> blocks_;
};

TEST(LowestHole, IsFoundHoweverOftenTheSearchStops) {
    for (unsigned seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
        Searches searches(seed);
        for (int i = 0; i < 20; ++i) searches.once();
        searches.anew();
    }
}

}  // namespace

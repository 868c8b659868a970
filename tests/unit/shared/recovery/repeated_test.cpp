// The recovering thread dies at each of its calls of the system, and the next
// one starts again: from a copy of the segment's tables at that moment.
#include <cstring>

#include "../segment_fixture.hpp"

namespace {

using namespace ashlar::shared;
using namespace ashlar::shared::test;

class SharedRepeatedRecovery : public SegmentTest {
  protected:
    SharedRepeatedRecovery() : SegmentTest(24) {}
    using Bytes = std::vector<unsigned char>;
    [[nodiscard]] Bytes copy() const {
        const auto* start = reinterpret_cast<const unsigned char*>(segment.start());
        return {start, start + unit(units)};
    }
    void restore(const Bytes& bytes) {
        std::memcpy(reinterpret_cast<void*>(segment.start()), bytes.data(), bytes.size());
    }

    // What three threads had in their hands when they died.
    void prepare() {
        kept = allocate(512, 4);
        const Offset block = allocate(512, 4);
        blocks.slabs().leave_all(me(4));
        allocate(512, 1);
        large = allocate(5 * kUnitSize, 1);
        me(1).note(Record::tail(unit_of(large), unit_of(large) + 5));
        segment.state_word(unit_of(large)).store(UnitState::large(2, 0).raw, rlx);
        allocate(64, 3);
        me(3).note(
            Block{unit_of(block), 1, ashlar::base::class_of_size(512)}.record(Step::freeing));
        static_cast<void>(blocks.runs().take(5, 2));
        for (const SlotId slot : {1U, 3U, 5U}) kill(slot);
    }
    void require_sound() {
        const Recovered done = recover(4);
        ASSERT_EQ(done.later, 0U);
        for (const SlotId slot : {1U, 3U, 5U}) ASSERT_EQ(segment.slot(slot).state.load(rlx), 0U);
        ASSERT_EQ(blocks.find(kept).size, 512U);
        ASSERT_EQ(blocks.find(large).size, 2 * kUnitSize);
        ASSERT_EQ(live().size(), 4U);  // these two, and one in doubt of slot 1 and of slot 3 each
        require_nothing_lost();
    }
    Offset kept = 0, large = 0;
};

TEST_F(SharedRepeatedRecovery, EndsAsTheFirst) {
    prepare();
    require_sound();
}

TEST_F(SharedRepeatedRecovery, StartsAgainAtEachCall) {
    prepare();
    const Bytes before = copy();
    std::vector<Bytes> moments;
    lives.step = [&] { moments.push_back(copy()); };
    static_cast<void>(recover(2));
    lives.step = nullptr;
    ASSERT_GT(moments.size(), 6U);
    for (const Bytes& moment : moments) {
        restore(moment);
        for (bool& held : lives.held) held = false;
        lives.recovers = false;
        require_sound();
        if (HasFatalFailure()) return;
    }
}

}  // namespace

// States of blocks: of several threads that free one block at once, exactly one
// changes its state.
#include "core/arena/block_states.hpp"
#include "fixture.hpp"

namespace {

using namespace interleave;
using ashlar::arena::BlockStates;
using ashlar::base::rlx;

// The same for both widths of an entry.
template <class Entry>
struct Frees : Scenario {
    struct Words {
        Entry entry;
        ashlar::base::Atomic<std::uint32_t> freed;
    };
    Frees() { threads = 3; }
    void set_up() override {
        words_ = &shared_object<Words>();
        words_->entry.store(6, rlx);  // relaxed: there is one thread
    }
    void run(unsigned) override {
        const std::size_t slack = BlockStates::change(words_->entry, BlockStates::kFree);
        require(slack == BlockStates::kFree || slack == 5, "another slack");
        if (slack == 5) words_->freed.fetch_add(1, rlx);  // relaxed: a sum
    }
    void end(unsigned stopped) override {
        if (stopped != 0) return;
        // Relaxed, both: the threads have ended.
        require(words_->freed.load(rlx) == 1, "not exactly one free");
        require(!BlockStates::is_live(words_->entry.load(rlx)), "still live");
    }
    Words* words_ = nullptr;
};
const Enrolled<Frees<BlockStates::Narrow>> kNarrow{"arena.state_narrow"};
const Enrolled<Frees<BlockStates::Wide>> kWide{"arena.state_wide"};

}  // namespace

// Blocks in doubt: a dead thread took each last. Its program may have stored
// the address or not. The block's tag or state says so. A free or a resize ends
// the doubt. The list in the header only finds these blocks. Any thread.
#ifndef ASHLAR_SHARED_RECOVERY_DOUBTS_HPP
#define ASHLAR_SHARED_RECOVERY_DOUBTS_HPP

#include "shared/blocks/blocks.hpp"

namespace ashlar::shared {

class Doubts {
  public:
    explicit Doubts(Blocks& blocks) noexcept : blocks_(blocks), segment_(blocks.segment()) {}

    // Marks the block of a dead thread's record, if it is live, and lists it.
    // May be repeated. By the recovering thread only.
    void note(Record record) noexcept;
    // The program knows the block. False: no block in doubt begins there.
    bool settle(Offset block) noexcept;
    // Calls `each` with the blocks in doubt.
    template <class Each>
    void each(Each each) const {
        for (const base::Atomic<Word>& entry : segment_.header().doubts) {
            // [none: an entry is one word].
            const Blocks::Found found = find({entry.load(base::acq)});
            if (found.fault == Fault::none) each(found);
        }
    }

  private:
    enum class Change { look, mark, settle };
    [[nodiscard]] Blocks::Found find(Record record) const noexcept;
    // The block that a record names is live, and in doubt after a change.
    [[nodiscard]] bool change(Record record, Change change) const noexcept;

    Blocks& blocks_;
    Segment& segment_;
};

}  // namespace ashlar::shared

#endif

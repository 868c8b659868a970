// Counts what a heap holds. Exact only while no thread changes the heap. Any
// thread.
#ifndef ASHLAR_SHARED_API_SURVEY_HPP
#define ASHLAR_SHARED_API_SURVEY_HPP

#include <ashlar/shared_heap.hpp>

#include "shared/api/mapping.hpp"

namespace ashlar::shared {

// Free blocks that a thread keeps for itself.
struct Kept {
    std::size_t blocks, bytes;
};
[[nodiscard]] Kept kept_by(const Slot& slot) noexcept;

[[nodiscard]] SharedStatistics survey(Mapping& mapping) noexcept;

// Calls `each` with the slot of every attached thread, dead or alive.
template <class Each>
void each_thread(Mapping& mapping, Each each) {
    const SlotId in_file = mapping.segment().header().slots_in_file.load(base::acq);  // [E44]
    for (SlotId id = 1; id < in_file && id < kMaxSlots; ++id) {
        const Slot& slot = mapping.segment().slot(id);
        if (slot.state.load(base::rlx) == static_cast<std::uint32_t>(SlotState::attached)) each(slot);
    }
}

// Calls `each` with every entry of a block in doubt that is still live.
template <class Each>
void each_doubt(Mapping& mapping, Each each) {
    Blocks& blocks = mapping.blocks();
    for (base::Atomic<Word>& entry : mapping.segment().header().doubts) {
        const Record record{entry.load(base::acq)};  // [none: an entry is one word]
        const Bin c = record.size_class();
        if (record == Record::none() || record.unit() >= mapping.segment().covered() || c >= base::kClasses) continue;
        const Offset start =
            c == 0 ? blocks.offset_of(record.unit()) : blocks.offset_of(Block{record.unit(), record.number(), c});
        const Blocks::Found found = blocks.find(start);
        if (found.fault == Fault::none && found.start == start) each(entry, found);
    }
}

}  // namespace ashlar::shared

#endif

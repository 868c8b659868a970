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
        if (slot.state.load(base::rlx) == static_cast<std::uint32_t>(SlotState::attached))
            each(slot);
    }
}

}  // namespace ashlar::shared

#endif

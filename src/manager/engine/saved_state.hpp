// The part of a manager that is saved: its blocks by address, at one moment.
// Names lie one after the other in `names`.
#ifndef ASHLAR_MANAGER_ENGINE_SAVED_STATE_HPP
#define ASHLAR_MANAGER_ENGINE_SAVED_STATE_HPP

#include <ashlar/manager_types.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "manager/moves/handles.hpp"

namespace ashlar::manager {

// A block, or a slab, which is followed by its live blocks.
struct SavedBlock {
    enum class Kind : std::uint8_t { block, movable, reserved, slab, small };
    Offset start;
    Size size;             // as asked for; of a slab: of each of its blocks
    Size taken;            // with what the policy added; of a slab: its bytes
    std::uint64_t user;    // of a slab: the number of its live blocks
    std::uint64_t handle;  // of a movable block
    std::size_t name;      // where in SavedState::names
    std::uint32_t name_size;
    Kind kind;
    std::uint8_t shift;  // of a movable block: log2 of its alignment
    bool root;
};

struct SavedState {
    Size capacity = 0, limit = 0, highest_limit = 0, initial = 0;
    Size granularity = 1;
    Size small_limit = 0;
    std::uint32_t slab_shift = 0;  // log2 of a slab's bytes; 0: no slabs
    Handles::Counts handles{};
    std::vector<SavedBlock> blocks;
    std::string names;

    [[nodiscard]] std::string_view name(const SavedBlock& block) const {
        return std::string_view(names).substr(block.name, block.name_size);
    }
};

// Fills a state without allocating, since the manager's lock is held. It counts
// what it has no room for.
class StateRoom {
  public:
    explicit StateRoom(SavedState& state) noexcept : state_(state) {}

    void add(const SavedBlock& block) noexcept {
        if (blocks_ < state_.blocks.size()) state_.blocks[blocks_] = block;
        ++blocks_;
    }
    // The place for a name in `names`.
    std::size_t add(std::string_view name) noexcept {
        const std::size_t at = names_;
        names_ += name.size();
        if (names_ <= state_.names.size()) name.copy(&state_.names[at], name.size());
        return at;
    }
    // One more block of the slab at that place.
    void count(std::size_t slab) noexcept {
        if (slab < state_.blocks.size()) ++state_.blocks[slab].user;
    }
    void drop_last() noexcept { --blocks_; }
    [[nodiscard]] std::size_t blocks() const noexcept { return blocks_; }
    [[nodiscard]] std::size_t names() const noexcept { return names_; }
    [[nodiscard]] bool enough() const noexcept {
        return blocks_ <= state_.blocks.size() && names_ <= state_.names.size();
    }

  private:
    SavedState& state_;
    std::size_t blocks_ = 0;
    std::size_t names_ = 0;
};

}  // namespace ashlar::manager

#endif

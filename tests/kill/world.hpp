// Segments in memory files for the tests of kills: a file, a process's view of
// it, and byte copies of the state that a view has.
#ifndef ASHLAR_KILL_WORLD_HPP
#define ASHLAR_KILL_WORLD_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "shared/recovery/life.hpp"
#include "shared/recovery/recovery.hpp"

namespace kills {

using ashlar::shared::Blocks;
using ashlar::shared::Lives;
using ashlar::shared::Offset;
using ashlar::shared::Owner;
using ashlar::shared::Recovery;
using ashlar::shared::RobustLives;
using ashlar::shared::Segment;
using ashlar::shared::Slot;
using ashlar::shared::SlotId;
using ashlar::shared::UnitId;

constexpr SlotId kFirstSlot = ashlar::shared::kReservedSlots;
constexpr SlotId kSlots = kFirstSlot + 8;  // slots of a copy; a test attaches fewer threads

/// A memory file with a new segment. Throws std::system_error.
class File final : public ashlar::shared::Backing {
  public:
    explicit File(UnitId units);
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    bool commit(std::size_t offset, std::size_t bytes) noexcept override;
    bool punch(std::size_t offset, std::size_t bytes) noexcept override;
    /// Maps the file at a multiple of a unit. The system chooses the address.
    [[nodiscard]] std::uintptr_t map() const;
    [[nodiscard]] UnitId units() const noexcept { return units_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  private:
    UnitId units_;
    std::size_t bytes_;
    int file_;
};

/// One mapping of a file, and the heap in it.
class View {
  public:
    /// `first`: makes what a new segment needs.
    explicit View(File& file, bool first = false);
    ~View();
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    [[nodiscard]] Segment& segment() noexcept { return segment_; }
    [[nodiscard]] Blocks& blocks() noexcept { return blocks_; }
    [[nodiscard]] std::uint64_t& word(Offset at) noexcept {
        return *reinterpret_cast<std::uint64_t*>(segment_.start() + at);
    }

  private:
    std::size_t bytes_;
    Segment segment_;
    Blocks blocks_;
};

/// The bytes of a view's metadata, and of one word of its content.
class Snapshot {
  public:
    /// `place`: offset of the word; 0: none.
    Snapshot(View& view, Offset place);
    /// Takes the bytes again. False: no byte has changed.
    bool update(View& view);
    void write_to(View& view) const;

  private:
    struct Range {
        std::size_t from, bytes;
    };
    std::array<Range, 3> ranges_;
    std::vector<std::byte> bytes_;
};

/// Lives of a copy: the test says who is dead.
class ToldLives final : public Lives {
  public:
    [[nodiscard]] bool take_dead(SlotId slot) noexcept override {
        return slot < kSlots && dead[slot];
    }
    void leave(SlotId) noexcept override {}
    [[nodiscard]] bool try_recovery() noexcept override { return !recovering; }
    void leave_recovery() noexcept override {}

    std::array<bool, kSlots> dead{};
    bool recovering = false;  // a living thread holds the recovery lock
};

}  // namespace kills

#endif

// A segment in anonymous memory, a file that can be full, and threads that are
// dead when a test says so.
#ifndef ASHLAR_TESTS_UNIT_SHARED_SEGMENT_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_SHARED_SEGMENT_FIXTURE_HPP

#include <gtest/gtest.h>
#include <functional>
#include <vector>

#include "shared/blocks/blocks.hpp"
#include "shared/recovery/recovery.hpp"

namespace ashlar::shared::test {

using base::Bin;
using base::kGeometry;
using base::kUnitSize;
using base::rlx;
using base::UnitId;

// Which pages of 4 KiB the file has, and how many more it takes.
class FakeFile final : public Backing {
  public:
    static constexpr std::size_t kPage = 4096;
    FakeFile(std::uintptr_t start, std::size_t bytes) : start_(start), has_(bytes / kPage) {}
    [[nodiscard]] bool commit(std::size_t offset, std::size_t bytes) noexcept override;
    bool punch(std::size_t offset, std::size_t bytes) noexcept override;
    [[nodiscard]] std::size_t pages(std::size_t offset, std::size_t bytes) const;

    std::size_t room = ~std::size_t{0};  // pages
    bool punches = true;
    unsigned commits = 0;

  private:
    std::uintptr_t start_;
    std::vector<bool> has_;
};

class FakeLives final : public Lives {
  public:
    [[nodiscard]] bool take_dead(SlotId slot) noexcept override;
    void leave(SlotId slot) noexcept override;
    [[nodiscard]] bool try_recovery() noexcept override;
    void leave_recovery() noexcept override;

    bool dead[8] = {};
    bool held[8] = {};
    bool recovers = false;
    std::function<void()> step;  // called in each of the calls
};

class SegmentTest : public testing::Test {
  protected:
    static constexpr SlotId kSlots = 8;
    explicit SegmentTest(UnitId units = 64);
    ~SegmentTest() override;

    [[nodiscard]] Owner me(SlotId slot = 1) const { return {segment.slot(slot), slot}; }
    Offset allocate(std::size_t size, SlotId slot = 1) {
        return blocks.allocate(me(slot), size, 16);
    }
    Fault deallocate(Offset block, SlotId slot = 1) { return blocks.deallocate(me(slot), block); }
    [[nodiscard]] Offset unit(UnitId id) const { return blocks.offset_of(id); }
    [[nodiscard]] UnitId unit_of(Offset block) const {
        return static_cast<UnitId>((block - unit(0)) / kUnitSize);
    }
    [[nodiscard]] Word& word(Offset at) const {
        return *reinterpret_cast<Word*>(segment.start() + at);
    }
    [[nodiscard]] std::vector<Blocks::Found> live() const;
    // Units that have pages in the file.
    [[nodiscard]] std::size_t units_with_pages() const;
    // The thread of the slot dies now.
    void kill(SlotId slot) { lives.dead[slot] = true; }
    Recovered recover(SlotId slot = 2) { return recovery.recover(me(slot)); }
    // Frees all blocks, and requires that all units are one free run again.
    void require_nothing_lost();

    const UnitId units;
    void* const memory;
    FakeFile file;
    FakeLives lives;
    Segment segment{};
    Blocks blocks{segment};
    Recovery recovery{blocks, lives};
};

}  // namespace ashlar::shared::test

#endif

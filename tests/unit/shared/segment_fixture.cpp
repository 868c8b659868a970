#include "segment_fixture.hpp"

#include <sys/mman.h>
#include <algorithm>
#include <cstring>

namespace ashlar::shared::test {

bool FakeFile::commit(std::size_t offset, std::size_t bytes) noexcept {
    ++commits;
    const std::size_t missing = bytes / kPage - pages(offset, bytes);
    if (missing > room) return false;
    room -= missing;
    for (std::size_t i = offset / kPage; i < (offset + bytes) / kPage; ++i) has_[i] = true;
    return true;
}

bool FakeFile::punch(std::size_t offset, std::size_t bytes) noexcept {
    if (!punches) return false;
    room += pages(offset, bytes);
    for (std::size_t i = offset / kPage; i < (offset + bytes) / kPage; ++i) has_[i] = false;
    std::memset(reinterpret_cast<void*>(start_ + offset), 0, bytes);
    return true;
}

std::size_t FakeFile::pages(std::size_t offset, std::size_t bytes) const {
    const auto at = [&](std::size_t byte) {
        return has_.begin() + static_cast<std::ptrdiff_t>(byte / kPage);
    };
    return static_cast<std::size_t>(std::count(at(offset), at(offset + bytes), true));
}

bool FakeLives::take_dead(SlotId slot) noexcept {
    if (step) step();
    if (!dead[slot] || held[slot]) return false;
    return held[slot] = true;
}
void FakeLives::leave(SlotId slot) noexcept {
    held[slot] = false;
    if (step) step();
}
bool FakeLives::try_recovery() noexcept {
    if (step) step();
    if (recovers) return false;
    return recovers = true;
}
void FakeLives::leave_recovery() noexcept {
    recovers = false;
    if (step) step();
}

SegmentTest::SegmentTest(UnitId count)
    : units(count),
      memory(mmap(nullptr, Segment::file_bytes(count) + kUnitSize, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
      file(base::round_up(reinterpret_cast<std::uintptr_t>(memory), kUnitSize),
           Segment::file_bytes(count)) {
    segment.attach(base::round_up(reinterpret_cast<std::uintptr_t>(memory), kUnitSize), count,
                   file);
    EXPECT_TRUE(file.commit(0, Segment::first_bytes(count)) && segment.cover_slot(kSlots - 1));
    segment.header().slots_in_file.store(kSlots, rlx);
    for (SlotId slot = 1; slot < kSlots; ++slot)
        segment.slot(slot).state.store(static_cast<std::uint32_t>(SlotState::attached), rlx);
}

SegmentTest::~SegmentTest() { munmap(memory, Segment::file_bytes(units) + kUnitSize); }

std::vector<Blocks::Found> SegmentTest::live() const {
    std::vector<Blocks::Found> found;
    blocks.visit(
        [](void* context, Offset block, std::size_t bytes) {
            static_cast<std::vector<Blocks::Found>*>(context)->push_back(
                {block, bytes, Fault::none});
            return true;
        },
        &found);
    return found;
}

std::size_t SegmentTest::units_with_pages() const {
    return file.pages(unit(1), (units - 1) * kUnitSize) / (kUnitSize / FakeFile::kPage);
}

void SegmentTest::require_nothing_lost() {
    for (SlotId slot = 1; slot < kSlots; ++slot) {
        if (!lives.dead[slot]) blocks.slabs().leave_all(me(slot));
    }
    for (const Blocks::Found& each : live()) ASSERT_EQ(deallocate(each.start, 2), Fault::none);
    blocks.slabs().leave_all(me(2));
    ASSERT_TRUE(live().empty());
    file.room = ~std::size_t{0};
    const Offset all = allocate((units - 1) * kUnitSize, 2);
    ASSERT_EQ(all, unit(1)) << "a block or a unit was lost";
    ASSERT_EQ(deallocate(all, 2), Fault::none);
}

}  // namespace ashlar::shared::test

#include "model.hpp"

#include <algorithm>
#include <span>
#include <sstream>

namespace model {

namespace {

constexpr std::size_t kMostBlocks = 300;

template <class Part>
MemoryManager made_of(const Setting& setting, Part next_part) {
    ManagerOptions options = make::placed(setting.placement, setting.mode);
    options.granularity = setting.granularity;
    options.limit = setting.limit;
    if (setting.memory == Setting::Memory::none)
        return MemoryManager::without_memory(setting.capacity, std::move(options));
    if (setting.memory == Setting::Memory::own)
        return MemoryManager(setting.capacity, std::move(options));
    options.next_part = next_part;
    return MemoryManager(next_part(setting.capacity), std::move(options));
}

}  // namespace

Session::Session(const Setting& setting, std::uint64_t seed)
    : setting_(setting), random_(seed), manager_(made_of(setting, [this](Size wanted) {
          const Size size = rounded(wanted + random_.below(100));
          parts_.push_back(std::make_unique<std::byte[]>(size));
          return std::span(parts_.back().get(), size);
      })) {}

void Session::run(unsigned steps) {
    for (unsigned i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
        step();
        if (i % 64 == 0) compare();
    }
    compare();
    while (!blocks_.empty()) {
        manager_.deallocate(blocks_.begin()->first);
        blocks_.erase(blocks_.begin());
    }
    manager_.trim();
    compare();
    if (setting_.memory != Setting::Memory::parts) {
        EXPECT_EQ(manager_.capacity(), setting_.capacity);
    }
}

void Session::step() {
    switch (random_.below(20)) {
        case 0: return allocate_at(random_.below(4) == 0);
        case 1: return misuse();
        case 2: return note();
        case 3: return random_.below(20) == 0 ? trim() : read();
        case 4: return resize();
        case 5: return random_.below(2) == 0 ? resize() : reallocate();
        case 6:
        case 7: return read();
        case 8:
        case 9: return write();
        case 10:
        case 11:
        case 12:
        case 13: return deallocate();
        default: return blocks_.size() < kMostBlocks ? allocate() : deallocate();
    }
}

Size Session::rounded(Size size) const {
    const Size grain = setting_.granularity - 1;
    return (std::max<Size>(size, 1) + grain) & ~grain;
}

Size Session::some_size() {
    const Size most = random_.below(16) == 0 ? setting_.capacity : setting_.most_size;
    return random_.below(random_.below(most) + 1);
}

Offset Session::some_offset() {
    if (!blocks_.empty() && random_.below(2) == 0) {
        const auto block = some_block();
        return block->first + random_.below(block->second.size + 1);
    }
    return random_.below(manager_.capacity() + 10);
}

Session::Blocks::iterator Session::some_block() {
    auto found = blocks_.lower_bound(random_.below(manager_.capacity()));
    return found == blocks_.end() ? std::prev(found) : found;
}

Session::Blocks::const_iterator Session::covering(Offset offset) const {
    auto found = blocks_.upper_bound(offset);
    if (found == blocks_.begin()) return blocks_.end();
    --found;
    return offset - found->first < found->second.size ? found : blocks_.end();
}

bool Session::is_free(Offset start, Size size) const {
    if (start > manager_.capacity() || size > manager_.capacity() - start) return false;
    const auto above = blocks_.lower_bound(start);
    if (above != blocks_.end() && above->first < start + size) return false;
    return above == blocks_.begin() ||
           std::prev(above)->first + std::prev(above)->second.size <= start;
}

Offset Session::place_for(Size size, Size alignment) const {
    Offset start = 0;
    const auto aligned = [alignment](Offset offset) {
        return (offset + alignment - 1) & ~(alignment - 1);
    };
    for (const auto& [offset, block] : blocks_) {
        if (aligned(start) + size <= offset) return aligned(start);
        start = offset + block.size;
    }
    return aligned(start) + size <= manager_.capacity() ? aligned(start) : manager_.capacity();
}

void Session::adopt(Offset offset, Size size) {
    Block block{rounded(size), {}, {}, 0, false};
    if (setting_.memory != Setting::Memory::none) {
        block.bytes.resize(block.size);
        for (std::byte& byte : block.bytes) byte = static_cast<std::byte>(random_.below(256));
        manager_.write(offset, block.bytes);
    }
    EXPECT_EQ(manager_.user_data(offset), 0U);
    EXPECT_EQ(manager_.name(offset), "");
    blocks_.emplace(offset, std::move(block));
}

void Session::allocate() {
    const Size size = some_size();
    const Size alignment = random_.below(3) == 0 ? Size{1} << random_.below(9) : 1;
    const Size capacity = manager_.capacity();
    const std::optional<Offset> offset = manager_.allocate(size, alignment);
    const Size grain = std::max(alignment, setting_.granularity);
    if (!offset) {
        EXPECT_EQ(manager_.capacity(), capacity);
        // The model cannot predict the room with policies of fixed shapes,
        // slabs, or parts.
        const bool exact = setting_.placement != Placement::buddy && setting_.mode == Mode::one &&
                           setting_.memory != Setting::Memory::parts;
        if (exact) {
            EXPECT_EQ(place_for(rounded(size), grain), capacity) << size << " at " << alignment;
        }
        return;
    }
    ASSERT_EQ(*offset % grain, 0U);
    ASSERT_TRUE(is_free(*offset, rounded(size))) << *offset << ' ' << size;
    adopt(*offset, size);
}

void Session::allocate_at(bool reserve) {
    const Size grain = setting_.granularity - 1;
    const Offset start = some_offset() & ~grain;
    const Size size = rounded(some_size());
    if (reserve) {
        if (!manager_.reserve_range(start, size)) return;
    } else if (!manager_.allocate_at(start, size)) {
        // As in allocate(): pieces, slabs and parts.
        const bool exact = setting_.placement != Placement::buddy && setting_.mode == Mode::one &&
                           setting_.memory != Setting::Memory::parts;
        if (exact) {
            EXPECT_FALSE(is_free(start, size));
        }
        return;
    }
    ASSERT_TRUE(is_free(start, size));
    adopt(start, size);
    blocks_.at(start).reserved = reserve;
}

void Session::deallocate() {
    if (blocks_.empty()) return;
    const auto block = some_block();
    manager_.deallocate(block->first);
    EXPECT_EQ(manager_.try_deallocate(block->first), Status::bad_offset);
    blocks_.erase(block);
}

void Session::misuse() {
    const Offset offset = some_offset();
    if (blocks_.contains(offset)) return;
    EXPECT_FALSE(manager_.is_block(offset));
    EXPECT_EQ(manager_.try_deallocate(offset), Status::bad_offset);
    EXPECT_EQ(manager_.try_resize(offset, some_size()), Status::bad_offset);
    EXPECT_THROW(manager_.deallocate(offset), BadOffset);
    EXPECT_THROW(static_cast<void>(manager_.size_of(offset)), BadOffset);
    EXPECT_THROW(static_cast<void>(manager_.allocate(1, 3)), BadAlignment);
}

void Session::resize() {
    if (blocks_.empty()) return;
    const auto block = some_block();
    const Size size = some_size();
    const Status status = manager_.try_resize(block->first, size);
    ASSERT_TRUE(status == Status::ok || status == Status::no_room);
    if (status == Status::no_room) return;
    const Size room = rounded(size), old = block->second.size;
    if (room > old) {
        ASSERT_TRUE(is_free(block->first + old, room - old));
    }
    resized(block, room);
}

// New bytes have no contents yet.
void Session::resized(Blocks::iterator block, Size room) {
    const Size old = block->second.size;
    block->second.size = room;
    if (setting_.memory == Setting::Memory::none) return;
    block->second.bytes.resize(room);
    if (room > old) manager_.write(block->first + old, std::span(block->second.bytes).subspan(old));
}

void Session::reallocate() {
    if (blocks_.empty()) return;
    const auto block = some_block();
    const Size size = some_size();
    const Size alignment = random_.below(3) == 0 ? Size{1} << random_.below(9) : 1;
    Offset now = 0;
    const Status status = manager_.try_reallocate(block->first, size, alignment, now);
    ASSERT_TRUE(status == Status::ok || status == Status::no_room);
    if (status == Status::no_room) return;
    ASSERT_EQ(now % alignment, 0U);
    auto node = blocks_.extract(block);
    ASSERT_TRUE(is_free(now, rounded(size)));
    ASSERT_TRUE(now == node.key() || (!node.mapped().reserved && !manager_.is_block(node.key())));
    node.key() = now;
    resized(blocks_.insert(std::move(node)).position, rounded(size));
}

void Session::write() {
    const Offset start = some_offset();
    std::vector<std::byte> bytes(random_.below(30) + 1, static_cast<std::byte>(random_.below(256)));
    const auto block = covering(start);
    const Status status = manager_.try_write(start, bytes);
    if (setting_.memory == Setting::Memory::none) {
        EXPECT_EQ(status, Status::no_memory);
    } else if (block == blocks_.end() || start + bytes.size() > block->first + block->second.size) {
        EXPECT_EQ(status, Status::outside_block);
        EXPECT_THROW(manager_.write(start, bytes), OutsideBlock);
    } else {
        EXPECT_EQ(status, Status::ok);
        auto& kept = blocks_.at(block->first).bytes;
        std::copy(bytes.begin(), bytes.end(),
                  kept.begin() + static_cast<std::ptrdiff_t>(start - block->first));
    }
}

void Session::read() {
    const Offset start = some_offset();
    std::vector<std::byte> bytes(random_.below(30) + 1);
    const auto block = covering(start);
    const Status status = manager_.try_read(start, bytes);
    if (setting_.memory == Setting::Memory::none) {
        EXPECT_EQ(status, Status::no_memory);
    } else if (block == blocks_.end() || start + bytes.size() > block->first + block->second.size) {
        EXPECT_EQ(status, Status::outside_block);
        EXPECT_THROW(manager_.read(start, bytes), OutsideBlock);
    } else {
        ASSERT_EQ(status, Status::ok);
        EXPECT_TRUE(std::equal(
            bytes.begin(), bytes.end(),
            block->second.bytes.begin() + static_cast<std::ptrdiff_t>(start - block->first)));
    }
}

void Session::note() {
    if (blocks_.empty()) return;
    const auto block = some_block();
    block->second.name = std::string(random_.below(20), 'n');
    block->second.user = random_.next();
    manager_.set_name(block->first, block->second.name);
    manager_.set_user_data(block->first, block->second.user);
}

void Session::trim() {
    const Size capacity = manager_.capacity();
    const Size lost = manager_.trim();
    EXPECT_EQ(manager_.capacity(), capacity - lost);
    EXPECT_TRUE(blocks_.empty() ||
                blocks_.rbegin()->first + blocks_.rbegin()->second.size <= manager_.capacity());
}

void Session::compare() {
    std::ostringstream faults;
    ASSERT_EQ(manager_.check(&faults), 0U) << faults.str();
    Offset end = 0;
    auto expected = blocks_.begin();
    Size used = 0;
    manager_.for_each([&](const BlockView& view) {
        EXPECT_EQ(view.start, end);
        end = view.start + view.size;
        if (view.kind == BlockView::Kind::hole || view.kind == BlockView::Kind::slab) return true;
        if (expected == blocks_.end()) {
            ADD_FAILURE() << "a block too many at " << view.start;
            return false;
        }
        EXPECT_EQ(view.start, expected->first);
        EXPECT_EQ(view.size, expected->second.size);
        EXPECT_EQ(view.user, expected->second.user);
        EXPECT_EQ(view.kind == BlockView::Kind::reserved, expected->second.reserved);
        EXPECT_EQ(manager_.name(view.start), expected->second.name);
        EXPECT_EQ(manager_.size_of(view.start), view.size);
        used += view.size;
        ++expected;
        return true;
    });
    EXPECT_TRUE(expected == blocks_.end());
    const ManagerStatistics totals = manager_.statistics();
    EXPECT_EQ(end, totals.capacity);
    EXPECT_EQ(totals.used, used);
    EXPECT_EQ(totals.blocks, blocks_.size());
    EXPECT_GE(totals.peak_used, totals.used);
    EXPECT_LE(totals.used + totals.overhead + totals.largest_free, totals.capacity);
}

}  // namespace model

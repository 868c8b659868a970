// Reads and writes, and calls that must be refused.
#include <algorithm>
#include <cstring>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::Status;

namespace {
constexpr Size kHead = 512;
constexpr Size kTail = 64;
}  // namespace

// A pattern of the block. Offsets that it refers to replace words of it, where
// a collector looks for them.
ManagerSession::Content ManagerSession::content(Offset start, const Piece& piece) {
    const auto value = [&](Size i) {
        return static_cast<std::byte>(piece.mark + i * 31 + (i >> 8));
    };
    Content made;
    made.head.resize(std::min(piece.size, kHead));
    for (Size i = 0; i < made.head.size(); ++i) made.head[i] = value(i);
    if (piece.kind != Piece::Kind::movable) {
        Size at = aligned(start, 8) - start;
        for (const Offset target : piece.refers) {
            if (at + 8 > made.head.size()) break;
            std::memcpy(&made.head[at], &target, 8);
            at += 8;
        }
    }
    made.tail.resize(std::min(piece.size - made.head.size(), kTail));
    for (Size i = 0; i < made.tail.size(); ++i)
        made.tail[i] = value(piece.size - made.tail.size() + i);
    return made;
}

void ManagerSession::fill(Offset start, const Piece& piece) {
    if (!memory_) return;
    const Content made = content(start, piece);
    manager_->write(start, made.head);
    require_at(manager_->try_write(start + piece.size - made.tail.size(), made.tail) == Status::ok,
               "a write", start, piece.size);
}

void ManagerSession::verify(Offset start, const Piece& piece) const {
    if (!memory_) return;
    const Content wanted = content(start, piece);
    Content found = wanted;
    manager_->read(start, found.head);
    require_at(manager_->try_read(start + piece.size - found.tail.size(), found.tail) == Status::ok,
               "a read", start, piece.size);
    require_at(found.head == wanted.head && found.tail == wanted.tail, "content changed", start,
               piece.size);
    require_at(std::memcmp(manager_->data(start), wanted.head.data(), wanted.head.size()) == 0,
               "data()", start, piece.size);
}

// An offset inside the buffer, mostly in or beside a block; sometimes far away.
Offset ManagerSession::anywhere() {
    const std::size_t kind = in_.byte();
    const Size capacity = manager_->capacity();
    if (kind < 100 && !gone_.empty()) return gone_[in_.below(gone_.size())];
    if (kind < 200 && !books_.live().empty()) {
        const auto piece = any_piece();
        const Size inside[] = {0,
                               1,
                               piece->second.size - 1,
                               piece->second.size,
                               piece->second.size + 1,
                               in_.word() % piece->second.size};
        return piece->first + inside[kind % 6];
    }
    if (kind < 240) return (Size{in_.word()} << 16 | in_.word()) % capacity;
    return kind < 250 ? capacity + kind % 4 - 2 : ~Offset{0} - kind % 8;
}

void ManagerSession::access() {
    const auto piece = any_piece();
    if (piece == books_.live().end()) return take();
    const Offset start = piece->first;
    verify(start, piece->second);
    if (in_.byte() % 2 == 0) {
        piece->second.mark = ++marks_;
        return fill(start, piece->second);
    }
    if (!memory_)
        return require_at(manager_->data(start) == nullptr, "data() without memory", start);
    const Content whole = content(start, piece->second);
    const Size from = in_.word() % whole.head.size();
    std::vector<std::byte> part(in_.word() % (whole.head.size() - from + 1));
    manager_->read(start + from, part);
    require_at(std::equal(part.begin(), part.end(),
                          whole.head.begin() + static_cast<std::ptrdiff_t>(from)),
               "a part's content", start, from);
    manager_->write(start + from, part);
}

// Calls every member that takes the offset of a live block, with an offset that
// is none.
void ManagerSession::require_refused(Offset offset) {
    const auto refused = [&](Status status) {
        require_at(status == Status::bad_offset, "a bad offset is not refused", offset);
    };
    ashlar::MemoryManager& manager = *manager_;
    require_at(!manager.is_block(offset), "is_block() of an offset that is none", offset);
    switch (in_.below(9)) {
        case 0: return refused(manager.try_deallocate(offset));
        case 1: return refused(thrown([&] { manager.deallocate(offset); }));
        case 2: return refused(manager.try_resize(offset, 1 + in_.byte()));
        case 3: return refused(thrown([&] { (void)manager.resize(offset, 1 + in_.byte()); }));
        case 4: return refused(thrown([&] { (void)manager.size_of(offset); }));
        case 5: return refused(thrown([&] { manager.set_user_data(offset, 1); }));
        case 6: return refused(thrown([&] { manager.set_name(offset, "none"); }));
        case 7: return refused(thrown([&] { (void)manager.user_data(offset); }));
        default: return refused(thrown([&] { (void)manager.name(offset); }));
    }
}

void ManagerSession::misuse() {
    const ashlar::ManagerStatistics before = manager_->statistics();
    const Offset offset = anywhere();
    const std::size_t kind = in_.below(8);
    if (kind < 3) {
        if (!books_.live().contains(offset)) require_refused(offset);
    } else if (kind < 6) {
        std::vector<std::byte> bytes(1 + in_.word() % 3000);
        const auto piece = books_.covering(offset);
        const bool inside = piece != books_.live().end() &&
                            bytes.size() <= piece->second.size - (offset - piece->first);
        const Status wanted = !memory_ ? Status::no_memory
                              : inside ? Status::ok
                                       : Status::outside_block;
        require_at(manager_->try_read(offset, bytes) == wanted, "the status of a read", offset,
                   bytes.size());
        require_at(thrown([&] { manager_->read(offset, bytes); }) == wanted,
                   "the exception of a read", offset, bytes.size());
        require_at(manager_->try_write(offset, bytes) == wanted, "the status of a write", offset,
                   bytes.size());
        require_at(thrown([&] { manager_->write(offset, bytes); }) == wanted,
                   "the exception of a write", offset, bytes.size());
    } else if (kind == 6) {
        const Size crooked = in_.below(2) == 0 ? 0 : 3 + 2 * Size{in_.word()};
        require_at(thrown([&] { (void)manager_->allocate(1, crooked); }) == Status::bad_alignment,
                   "a crooked alignment", 0, crooked);
    } else if (granularity_ > 1) {
        require_at(thrown([&] { (void)manager_->allocate_at(granularity_ + 1, granularity_); }) ==
                       Status::bad_size,
                   "a crooked start");
        require_at(
            thrown([&] { (void)manager_->reserve_range(0, granularity_ + 1); }) == Status::bad_size,
            "a crooked size");
    }
    const ashlar::ManagerStatistics after = manager_->statistics();
    require_at(after.used == before.used && after.blocks == before.blocks &&
                   after.capacity == before.capacity,
               "misuse changed something", offset, after.used);
}

void ManagerSession::stale_handle() {
    if (handles_.empty()) return;
    const ashlar::Handle handle =
        in_.byte() % 16 == 0 ? ashlar::Handle{in_.word()} : handles_[in_.below(handles_.size())];
    for (const auto& [start, piece] : books_.live()) {
        if (piece.handle == handle) return;
    }
    const auto refused = [&](Status status) {
        require_at(status == Status::bad_handle, "a bad handle is not refused", handle.value);
    };
    refused(thrown([&] { (void)manager_->resolve(handle); }));
    refused(thrown([&] { (void)manager_->pin(handle); }));
    refused(thrown([&] { manager_->unpin(handle); }));
    refused(thrown([&] { manager_->deallocate(handle); }));
}

}  // namespace fuzz

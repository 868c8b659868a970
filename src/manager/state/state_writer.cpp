#include "manager/state/state_writer.hpp"

#include <algorithm>
#include <ostream>

#include "manager/state/state_format.hpp"

namespace ashlar::manager {

void StateWriter::write(const SavedState& state, const Buffer* bytes) {
    header(state, bytes != nullptr);
    for (const SavedBlock& block : state.blocks) record(state, block);
    end_section();
    if (bytes != nullptr) {
        for (const SavedBlock& block : state.blocks) {
            if (has_bytes(block)) put(bytes->at(block.start), block.size);
        }
        end_section();
    }
    put(kEndMark, sizeof kEndMark);
    flush();
}

void StateWriter::header(const SavedState& state, bool bytes) {
    put(kMagic, sizeof kMagic);
    number(kVersion, 4);
    number(bytes ? kHasBytes : 0, 4);
    number(state.capacity, 8);
    number(state.limit, 8);
    number(state.highest_limit, 8);
    number(state.initial, 8);
    number(state.granularity, 8);
    number(state.small_limit, 8);
    number(state.slab_shift, 4);
    number(state.handles.created, 4);
    number(state.handles.most, 4);
    number(state.handles.lives, 4);
    number(state.blocks.size(), 8);
    end_section();
}

void StateWriter::record(const SavedState& state, const SavedBlock& block) {
    const bool slab = block.kind == SavedBlock::Kind::slab;
    const std::string_view name = state.name(block);
    unsigned first = static_cast<unsigned>(block.kind);
    if (block.root) first |= kRecordRoot;
    if (block.user != 0) first |= kRecordUser;
    if (!name.empty()) first |= kRecordName;
    if (block.taken != block.size) first |= kRecordTaken;
    put(static_cast<unsigned char>(first));
    packed(block.start - last_);
    packed(block.size);
    if (block.taken != block.size) packed(block.taken - block.size);
    if (block.user != 0) packed(block.user);
    if (block.kind == SavedBlock::Kind::movable) {
        packed(block.handle);
        put(block.shift);
    }
    if (!name.empty()) {
        packed(name.size());
        put(name.data(), name.size());
    }
    last_ = slab ? block.start : block.start + block.taken;
}

void StateWriter::put(unsigned char byte) {
    if (filled_ == room_.size()) flush();
    room_[filled_++] = byte;
    crc_.add(byte);
}

void StateWriter::put(const void* bytes, std::size_t size) {
    const auto* from = static_cast<const unsigned char*>(bytes);
    crc_.add(from, size);
    if (size > room_.size() - filled_) flush();
    if (size > room_.size()) {
        out_.write(reinterpret_cast<const char*>(from), static_cast<std::streamsize>(size));
    } else {
        std::copy_n(from, size, room_.begin() + static_cast<std::ptrdiff_t>(filled_));
        filled_ += size;
    }
}

void StateWriter::number(std::uint64_t value, unsigned size) {
    for (; size != 0; --size, value >>= 8) put(static_cast<unsigned char>(value));
}

void StateWriter::packed(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) put(static_cast<unsigned char>(value | 0x80));
    put(static_cast<unsigned char>(value));
}

void StateWriter::end_section() {
    number(crc_.value(), 4);
    crc_ = {};
}

void StateWriter::flush() {
    out_.write(reinterpret_cast<const char*>(room_.data()), static_cast<std::streamsize>(filled_));
    filled_ = 0;
    if (!out_) throw std::ios_base::failure("save_state: the stream fails");
}

}  // namespace ashlar::manager

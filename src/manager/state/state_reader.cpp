#include "manager/state/state_reader.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <string>

#include "base/bits.hpp"
#include "manager/slabs/shape.hpp"
#include "manager/state/state_format.hpp"

namespace ashlar::manager {

using Kind = SavedBlock::Kind;

namespace {

constexpr unsigned kShifts = 64;  // of an alignment; a block at 0 may have any

}  // namespace

StateReader::StateReader(std::istream& in) noexcept : in_(in.good() ? in.rdbuf() : nullptr) {}

SavedState StateReader::read() {
    if (in_ == nullptr) refuse("the stream is not good");
    SavedState state;
    header(state);
    // Not reserved: the number of records is believed when they are there.
    for (; records_ != 0; --records_) {
        state.blocks.push_back(record(state));
        validate(state, state.blocks.back());
    }
    require(slab_.left == 0, "a slab has fewer blocks than it says");
    end_section("records");
    return state;
}

void StateReader::header(SavedState& state) {
    expect(kMagic, "this is no saved state");
    const std::uint32_t version = word();
    if (version != kVersion)
        refuse(("version " + std::to_string(version) + " of the format is not known").c_str());
    const std::uint32_t flags = word();
    state.capacity = number(8);
    state.limit = number(8);
    state.highest_limit = number(8);
    state.initial = number(8);
    state.granularity = number(8);
    state.small_limit = number(8);
    state.slab_shift = word();
    state.handles = {word(), word(), word()};
    records_ = number(8);
    end_section("header");
    require(flags <= kHasBytes, "an unknown flag");
    bytes_ = flags == kHasBytes;
    validate_header(state);
}

void StateReader::validate_header(const SavedState& state) const {
    const Size grain = state.granularity;
    require(base::is_power_of_two(grain) && grain <= max_buffer, "the granularity is not possible");
    require(state.capacity >= grain && state.capacity <= max_buffer && state.capacity % grain == 0,
            "the capacity is not possible");
    require(state.limit >= state.capacity && state.limit % grain == 0, "the limit is not possible");
    require(state.highest_limit >= state.limit && state.highest_limit <= max_buffer &&
                state.highest_limit % grain == 0,
            "the highest limit is not possible");
    require(state.initial >= grain && state.initial <= state.capacity && state.initial % grain == 0,
            "the initial size is not possible");
    require(state.slab_shift == 0 ||
                (state.slab_shift >= Shape::kLeastShift && state.slab_shift <= Shape::kMostShift),
            "the size of slabs is not possible");
    require(state.handles.created <= state.handles.most, "the table of handles is not possible");
}

SavedBlock StateReader::record(SavedState& state) {
    const unsigned first = get();
    require((first & kKindBits) <= static_cast<unsigned>(Kind::small) && first < 0x80,
            "an unknown kind of record");
    SavedBlock block{};
    block.kind = static_cast<Kind>(first & kKindBits);
    block.root = (first & kRecordRoot) != 0;
    const Size gap = packed();
    block.size = packed();
    const Size more = (first & kRecordTaken) != 0 ? packed() : 0;
    require(block.size != 0 && gap <= max_buffer && block.size <= max_buffer && more <= max_buffer,
            "a block is not possible");
    block.start = last_ + gap;
    block.taken = block.size + more;
    if ((first & kRecordUser) != 0) block.user = packed();
    if (block.kind == Kind::movable) {
        block.handle = packed();
        block.shift = get();
    }
    if ((first & kRecordName) != 0) name(state, block);
    return block;
}

// Read in pieces, so that a wrong length needs no memory.
void StateReader::name(SavedState& state, SavedBlock& block) {
    std::uint64_t left = packed();
    require(left <= ~std::uint32_t{0}, "a name is too long");
    block.name = state.names.size();
    block.name_size = static_cast<std::uint32_t>(left);
    std::array<char, 256> piece;
    while (left != 0) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
        get(piece.data(), size);
        state.names.append(piece.data(), size);
        left -= size;
    }
}

// Records only say how far they are behind the one before, so that blocks
// cannot overlap.
void StateReader::validate(const SavedState& state, const SavedBlock& block) {
    const Size grain = state.granularity - 1;
    require(block.start <= state.capacity && block.taken <= state.capacity - block.start,
            "a block reaches beyond the end");
    require(((block.start | block.size | block.taken) & grain) == 0,
            "a block is no multiple of the granularity");
    last_ = block.start + block.taken;
    if (block.kind == Kind::small) return validate_small(block);
    require(slab_.left == 0 && block.start >= slab_.end, "a slab has other blocks than it says");
    if (block.kind == Kind::slab) return validate_slab(state, block);
    if (block.kind != Kind::movable) return;
    const auto place = static_cast<std::uint32_t>(block.handle);
    require(place != 0 && place <= state.handles.created, "a handle is not possible");
    require(block.shift < kShifts && (block.start & ((Size{1} << block.shift) - 1)) == 0,
            "an alignment is not possible");
}

// The blocks of a slab follow it, and lie in it.
void StateReader::validate_slab(const SavedState& state, const SavedBlock& slab) {
    const Size bytes = Size{1} << state.slab_shift;
    require(state.slab_shift != 0 && slab.taken == bytes && slab.start % bytes == 0,
            "a slab is not possible");
    require(slab.size % kGrain == 0 && slab.size <= kMostSmall,
            "a slab has blocks that are not possible");
    require(slab.user != 0 && slab.user <= bytes / slab.size && !slab.root && slab.name_size == 0,
            "a slab is not possible");
    slab_ = {slab.start, slab.start + bytes, slab.size, slab.user};
    last_ = slab.start;
}

void StateReader::validate_small(const SavedBlock& block) {
    require(slab_.left != 0 && last_ <= slab_.end, "a small block lies in no slab");
    require((block.start - slab_.start) % slab_.stride == 0 && block.taken == slab_.stride &&
                block.taken - block.size <= kMostSlack,
            "a small block is not possible");
    --slab_.left;
}

// ----------------------------------------------------------------------- bytes

void StateReader::finish(const SavedState& state, const Buffer& buffer) {
    if (bytes_) {
        const bool memory = buffer.kind() != Buffer::Kind::none;
        for (const SavedBlock& block : state.blocks) {
            if (has_bytes(block)) bytes_of(block, memory ? buffer.at(block.start) : nullptr);
        }
        end_section("bytes");
    }
    expect(kEndMark, "the end mark is missing");
}

void StateReader::bytes_of(const SavedBlock& block, std::byte* to) {
    std::array<std::byte, 4096> skipped;
    if (to != nullptr) return get(to, block.size);
    for (Size left = block.size; left != 0;) {
        const Size piece = std::min<Size>(left, skipped.size());
        get(skipped.data(), piece);
        left -= piece;
    }
}

// --------------------------------------------------------------------- numbers

unsigned char StateReader::get() {
    using Traits = std::streambuf::traits_type;
    const Traits::int_type got = in_->sbumpc();
    if (Traits::eq_int_type(got, Traits::eof())) refuse("the stream ends");
    const auto byte = static_cast<unsigned char>(Traits::to_char_type(got));
    crc_.add(byte);
    ++at_;
    return byte;
}

void StateReader::get(void* bytes, std::size_t size) {
    const auto wanted = static_cast<std::streamsize>(size);
    if (in_->sgetn(static_cast<char*>(bytes), wanted) != wanted) refuse("the stream ends");
    crc_.add(static_cast<const unsigned char*>(bytes), size);
    at_ += size;
}

void StateReader::expect(const unsigned char (&mark)[8], const char* what) {
    for (const unsigned char byte : mark) require(get() == byte, what);
}

std::uint64_t StateReader::number(unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{get()} << (8 * i);
    return value;
}

std::uint64_t StateReader::packed() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const unsigned char byte = get();
        require(shift < 63 || byte <= 1, "a number is too large");
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) return value;
    }
}

void StateReader::end_section(const char* what) {
    const std::uint32_t counted = crc_.value();
    const std::uint32_t said = word();
    if (said != counted) refuse((std::string("the checksum is wrong: ") + what).c_str());
    crc_ = {};
}

void StateReader::require(bool right, const char* what) const {
    if (!right) refuse(what);
}

void StateReader::refuse(const char* what) const {
    throw BadState("load_state: " + std::string(what) + ", at byte " + std::to_string(at_));
}

}  // namespace ashlar::manager

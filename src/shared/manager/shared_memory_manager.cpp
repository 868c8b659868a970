#include <ashlar/shared_memory_manager.hpp>

#include <cstring>
#include <string>

#include "shared/api/mapping.hpp"

namespace ashlar {

using shared::Blocks;
using shared::Fault;
using shared::Mapping;
using shared::Owner;

namespace {

std::string bytes(Size size) { return std::to_string(size) + (size == 1 ? " byte" : " bytes"); }

std::string interval(Offset start, Size size) {
    return "[" + std::to_string(start) + ", " +
           (start + size < start ? "2^64" : std::to_string(start + size)) + ")";
}

// What lies at an offset; made after the fact.
std::string explain(const Mapping& mapping, const Blocks& blocks, Offset offset) {
    if (offset >= mapping.view().bytes()) return "the heap has " + bytes(mapping.view().bytes());
    const Blocks::Found found = blocks.find(offset);
    if (found.fault != Fault::none) return "no live block is there";
    return (found.start == offset ? "the block there is " : "it lies inside the block ") +
           interval(found.start, found.size) + " of " + bytes(found.size);
}

[[noreturn]] void refuse_offset(Mapping& mapping, const char* member, Offset offset) {
    throw BadOffset(
        std::string(member) + ": " + std::to_string(offset) +
        " is not the offset of a live block: " + explain(mapping, mapping.blocks(), offset));
}

}  // namespace

SharedMemoryManager::~SharedMemoryManager() = default;

std::optional<Offset> SharedMemoryManager::allocate(Size size, Size alignment) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        throw BadAlignment("allocate: " + bytes(size) + " at a multiple of " +
                           std::to_string(alignment) + ", which is not a power of two");
    }
    const Owner me = mapping_->enter();
    if (me.id == 0 || alignment > base::kUnitSize) return std::nullopt;
    const Size asked = size == 0 ? 1 : size;
    Offset block = mapping_->blocks().allocate(me, asked, alignment);
    // Memory of dead threads may be enough.
    if (block == 0 && mapping_->recover(me) != 0)
        block = mapping_->blocks().allocate(me, asked, alignment);
    return block == 0 ? std::nullopt : std::optional(block);
}

void SharedMemoryManager::deallocate(Offset offset) {
    const Owner me = mapping_->enter();
    if (me.id == 0) throw std::bad_alloc();
    if (mapping_->blocks().deallocate(me, offset) != Fault::none)
        refuse_offset(*mapping_, "deallocate", offset);
}

// Throws unless all bytes lie in one live block, and in the mapping as well: a
// damaged heap may say anything about its blocks.
std::byte* SharedMemoryManager::place(const char* member, Offset start, Size size) const {
    const Blocks::Found found = mapping_->blocks().find(start);
    const bool inside = found.fault == Fault::none && start - found.start <= found.size &&
                        size <= found.size - (start - found.start) &&
                        size <= mapping_->view().bytes() - start;
    if (!inside) {
        throw OutsideBlock(
            std::string(member) + ": " + interval(start, size) + " of " + bytes(size) +
            " does not lie in one live block: " + explain(*mapping_, mapping_->blocks(), start));
    }
    return reinterpret_cast<std::byte*>(mapping_->view().start() + start);
}

void SharedMemoryManager::read(Offset start, std::span<std::byte> out) const {
    if (!out.empty()) std::memcpy(out.data(), place("read", start, out.size()), out.size());
}

void SharedMemoryManager::write(Offset start, std::span<const std::byte> data) {
    if (!data.empty()) std::memcpy(place("write", start, data.size()), data.data(), data.size());
}

Size SharedMemoryManager::size_of(Offset offset) const {
    const Blocks::Found found = mapping_->blocks().find(offset);
    if (found.fault != Fault::none || found.start != offset)
        refuse_offset(*mapping_, "size_of", offset);
    return found.size;
}

}  // namespace ashlar

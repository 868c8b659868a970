#include <ashlar/shared_heap.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shared/api/mapping.hpp"
#include "shared/api/misuse.hpp"

namespace ashlar {

using shared::Blocks;
using shared::Fault;
using shared::HeapPlace;
using shared::Mapping;
using shared::Offset;
using shared::Owner;

namespace {

void* address_of(const Mapping& mapping, Offset offset) noexcept {
    return reinterpret_cast<void*>(mapping.view().start() + offset);
}

// The offset of an address that the program passed; ends it if there is none.
Offset checked_offset(Mapping& mapping, const char* call, const void* address) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (!mapping.view().has(at)) report_foreign(mapping, call, address);
    return at - mapping.view().start();
}

// The live block that begins at the offset; ends the program if none does.
Blocks::Found checked_block(Mapping& mapping, const char* call, Offset offset) noexcept {
    Blocks::Found found = mapping.blocks().find(offset);
    if (found.fault == Fault::none && found.start != offset) found.fault = Fault::interior;
    if (found.fault != Fault::none) report_misuse(mapping, call, offset, found.fault);
    return found;
}

// Memory of dead threads may be enough.
template <class Allocate>
Offset with_recovery(Mapping& mapping, Owner me, Allocate allocate) noexcept {
    Offset block = allocate();
    if (block == 0) [[unlikely]] {
        if (mapping.recover(me) != 0) block = allocate();
    }
    return block;
}

// A free by a thread for which no slot is left borrows one for the call. If
// those are in use too, nothing happens.
template <class Free>
[[gnu::cold, gnu::noinline]] Fault free_once(Mapping& mapping, Free free) noexcept {
    const Owner me = mapping.enter_once();
    if (me.id == 0) return Fault::gone;
    const Fault fault = free(me);
    mapping.leave_once(me);
    return fault;
}

bool is_alignment(std::size_t alignment) noexcept {
    return alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= base::kUnitSize;
}

[[gnu::noinline]] void* allocate_slowly(Mapping& mapping, std::size_t size,
                                        std::size_t alignment) noexcept {
    const Owner me = mapping.enter();
    if (me.id == 0 || !is_alignment(alignment)) return nullptr;
    const Offset block = with_recovery(
        mapping, me, [&]() noexcept { return mapping.blocks().allocate(me, size, alignment); });
    return block == 0 ? nullptr : address_of(mapping, block);
}

[[gnu::noinline]] void deallocate_slowly(Mapping& mapping, void* block) noexcept {
    if (block == nullptr) return;
    const Offset offset = checked_offset(mapping, "free", block);
    const Owner me = mapping.enter();
    const auto free = [&](Owner owner) noexcept {
        return mapping.blocks().deallocate(owner, offset);
    };
    const Fault fault = me.id != 0 ? free(me) : free_once(mapping, free);
    if (fault != Fault::none && fault != Fault::gone) report_misuse(mapping, "free", offset, fault);
}

}  // namespace

// --------------------------------------------------------------------- opening

SharedHeap::SharedHeap(std::shared_ptr<Mapping> mapping) noexcept : mapping_(std::move(mapping)) {}
SharedHeap::~SharedHeap() = default;
SharedHeap::SharedHeap(SharedHeap&& other) noexcept = default;
SharedHeap& SharedHeap::operator=(SharedHeap&& other) noexcept = default;

SharedHeap::SharedHeap(SharedHeapMode mode, const std::string& name,
                       const SharedHeapOptions& options)
    : mapping_(Mapping::open({HeapPlace::Kind::name, name}, mode, options)) {}

SharedHeap SharedHeap::file(SharedHeapMode mode, const std::string& path,
                            const SharedHeapOptions& options) {
    return SharedHeap(Mapping::open({HeapPlace::Kind::path, path}, mode, options));
}

SharedHeap SharedHeap::descriptor(int file, const SharedHeapOptions& options) {
    const HeapPlace place{HeapPlace::Kind::descriptor, "descriptor " + std::to_string(file), file};
    return SharedHeap(Mapping::open(place, SharedHeapMode::open_or_create, options));
}

bool SharedHeap::remove(const std::string& name) {
    if (shm_unlink(name.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    const bool denied = errno == EACCES || errno == EPERM;
    throw SharedHeapError(
        denied ? SharedHeapFault::no_rights : SharedHeapFault::system,
        "ashlar: shared heap " + name + ": cannot remove: " + std::strerror(errno));
}

// ------------------------------------------------------------------ allocating

void* SharedHeap::allocate(std::size_t size, std::size_t alignment) noexcept {
    Mapping& mapping = *mapping_;
    if (alignment == base::kMinAlignment && mapping.enter_quickly()) [[likely]] {
        const Offset block = mapping.blocks().allocate_kept(Mapping::current_owner(), size);
        if (block != 0) [[likely]]
            return address_of(mapping, block);
    }
    return allocate_slowly(mapping, size, alignment);
}

void SharedHeap::deallocate(void* block) noexcept {
    Mapping& mapping = *mapping_;
    const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(block) - mapping.view().start();
    if (mapping.enter_quickly()) [[likely]] {
        const Fault fault = mapping.blocks().deallocate_plain(Mapping::current_owner(), offset);
        if (fault == Fault::none) [[likely]]
            return;
        // Not tried again: the block may be live again by then.
        if (fault == Fault::not_live) report_misuse(mapping, "free", offset, fault);
    }
    deallocate_slowly(mapping, block);
}

void* SharedHeap::reallocate(void* block, std::size_t size) noexcept {
    if (block == nullptr) return allocate(size);
    const Offset offset = checked_offset(*mapping_, "reallocation", block);
    const Owner me = mapping_->enter();
    if (me.id == 0) return nullptr;
    const Blocks::Found found = checked_block(*mapping_, "reallocation", offset);
    if (mapping_->blocks().resize(me, offset, size) != 0) return block;
    void* const fresh = allocate(size);
    if (fresh == nullptr) return nullptr;
    std::memcpy(fresh, block, std::min(found.size, size));
    // The free has a record of its own. A death inside it leaves the new block
    // in doubt.
    // Relaxed: read after this thread's death [E43].
    me.slot.moved.store(me.slot.record.load(base::rlx), base::rlx);
    base::compiler_fence();
    deallocate(block);
    // The program does not know the new block before the return.
    me.note({me.slot.moved.load(base::rlx)});
    me.slot.moved.store(0, base::rlx);
    return fresh;
}

void* SharedHeap::allocate_to(std::uint64_t* destination, std::size_t size,
                              std::size_t alignment) noexcept {
    const Offset place = checked_offset(*mapping_, "destination", destination);
    const Owner me = mapping_->enter();
    if (me.id == 0 || !is_alignment(alignment)) return nullptr;
    if (mapping_->blocks().word_at(place) == nullptr)
        report_misuse(*mapping_, "destination", place, Fault::foreign);
    const Offset block = with_recovery(*mapping_, me, [&]() noexcept {
        return mapping_->blocks().allocate_to(me, place, size, alignment);
    });
    return block == 0 ? nullptr : address_of(*mapping_, block);
}

bool SharedHeap::deallocate_from(std::uint64_t* source) noexcept {
    const Offset place = checked_offset(*mapping_, "source", source);
    const base::Atomic<shared::Word>* const word = mapping_->blocks().word_at(place);
    if (word == nullptr) report_misuse(*mapping_, "source", place, Fault::foreign);
    // Relaxed: Blocks::deallocate_from() loads it again.
    const Offset block = word->load(base::rlx);
    if (block == 0 || shared::is_mark(block)) return false;
    const Owner me = mapping_->enter();
    const auto free = [&](Owner owner) noexcept {
        return mapping_->blocks().deallocate_from(owner, place);
    };
    const Fault fault = me.id != 0 ? free(me) : free_once(*mapping_, free);
    if (fault == Fault::none) return true;
    if (fault == Fault::gone) return false;  // another call was first
    report_misuse(*mapping_, "free", block, fault);
}

// ------------------------------------------------------------------- questions

std::size_t SharedHeap::usable_size(const void* block) const noexcept {
    return checked_block(*mapping_, "size question",
                         checked_offset(*mapping_, "size question", block))
        .size;
}

bool SharedHeap::owns(const void* address) const noexcept {
    return mapping_->view().has(reinterpret_cast<std::uintptr_t>(address));
}

std::uint64_t SharedHeap::to_offset(const void* address) const noexcept {
    return address == nullptr
               ? 0
               : reinterpret_cast<std::uintptr_t>(address) - mapping_->view().start();
}

void* SharedHeap::to_address(std::uint64_t offset) const noexcept {
    return offset == 0 || offset >= mapping_->view().bytes() ? nullptr
                                                             : address_of(*mapping_, offset);
}

SharedHeap::Block SharedHeap::block_at(std::uint64_t offset) const noexcept {
    const Blocks::Found found = mapping_->blocks().find(offset);
    return found.fault == Fault::none ? Block{found.start, found.size} : Block{0, 0};
}

}  // namespace ashlar

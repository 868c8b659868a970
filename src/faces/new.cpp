// All replaceable operator new and delete. Failure runs the new-handler loop, then throws std::bad_alloc; the nothrow forms
// return nullptr, also where the handler throws. Compiled with exceptions, unlike everything else here.
#include <cstddef>
#include <new>

#include "cache/process.hpp"
#include "faces/entry.hpp"
#include "faces/new_door.hpp"

// The catch below needs these only where something was thrown, and then the program has them.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak __cxa_call_terminate\n"
    ".weak _Unwind_Resume\n.weak _ZSt9terminatev");

namespace face = ashlar::faces;

namespace {

[[gnu::cold]] void* retry(std::size_t size, std::size_t alignment) {
    for (;;) {
        const std::new_handler handler = face::current_new_handler();
        if (handler == nullptr) face::throw_bad_alloc();
        handler();
        void* block = ashlar::cache::take(size, alignment);
        if (block != nullptr) return block;
    }
}

void* take_or_throw(std::size_t size) {
    void* block = face::take_slow(size);
    return block != nullptr ? block : retry(size, ashlar::base::kMinAlignment);
}

void* take_or_null(std::size_t size) noexcept {
    try {
        return take_or_throw(size);
    } catch (...) {
        return nullptr;
    }
}

void* take_aligned(std::size_t size, std::align_val_t alignment) {
    const auto align = static_cast<std::size_t>(alignment);
    void* block = ashlar::cache::take(size, align);
    return block != nullptr ? block : retry(size, align);
}

void* take_aligned_or_null(std::size_t size, std::align_val_t alignment) noexcept {
    try {
        return take_aligned(size, alignment);
    } catch (...) {
        return nullptr;
    }
}

void give_aligned(void* block, std::size_t size, std::align_val_t alignment) noexcept {
    face::delete_sized(block, size, static_cast<std::size_t>(alignment));
}

}  // namespace

#pragma GCC visibility push(default)

void* operator new(std::size_t size) { return face::take<take_or_throw>(size); }
void* operator new[](std::size_t size) { return face::take<take_or_throw>(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return face::take<take_or_null>(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return face::take<take_or_null>(size); }
void* operator new(std::size_t size, std::align_val_t align) { return take_aligned(size, align); }
void* operator new[](std::size_t size, std::align_val_t align) { return take_aligned(size, align); }
void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
    return take_aligned_or_null(size, align);
}
void* operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
    return take_aligned_or_null(size, align);
}

void operator delete(void* block) noexcept { face::give(block); }
void operator delete[](void* block) noexcept { face::give(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { face::give(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { face::give(block); }
void operator delete(void* block, std::size_t size) noexcept { face::delete_sized(block, size, ashlar::base::kMinAlignment); }
void operator delete[](void* block, std::size_t size) noexcept { face::delete_sized(block, size, ashlar::base::kMinAlignment); }
void operator delete(void* block, std::align_val_t) noexcept { face::give(block); }
void operator delete[](void* block, std::align_val_t) noexcept { face::give(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept { face::give(block); }
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept { face::give(block); }
void operator delete(void* block, std::size_t size, std::align_val_t align) noexcept { give_aligned(block, size, align); }
void operator delete[](void* block, std::size_t size, std::align_val_t align) noexcept { give_aligned(block, size, align); }

#pragma GCC visibility pop

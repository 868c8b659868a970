// All replaceable operator new and delete. Failure runs the new-handler loop,
// then throws std::bad_alloc. The nothrow forms return nullptr, also if the
// handler throws. If the program replaces some forms, the others call them, as
// those of the standard library do. Each form is weak, so that a static program
// can replace it too. Compiled with exceptions, unlike all other files here.
#include <cstddef>
#include <new>

#include "malloc/api/cxx_runtime.hpp"
#include "malloc/api/entry.hpp"
#include "malloc/api/replaced.hpp"

// The catch below needs these only where something was thrown, and then the
// program has them.
asm(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak "
    "__cxa_call_terminate\n"
    ".weak _Unwind_Resume\n.weak _ZSt9terminatev");

namespace api = ashlar::api;

// The forms that other forms are defined by.
#pragma GCC visibility push(hidden)
extern "C" {
void* ashlar_own_new(std::size_t);
void* ashlar_own_new_array(std::size_t);
void* ashlar_own_new_aligned(std::size_t, std::align_val_t);
void* ashlar_own_new_array_aligned(std::size_t, std::align_val_t);
void ashlar_own_delete(void*) noexcept;
void ashlar_own_delete_array(void*) noexcept;
void ashlar_own_delete_aligned(void*, std::align_val_t) noexcept;
void ashlar_own_delete_array_aligned(void*, std::align_val_t) noexcept;
}
#pragma GCC visibility pop
ASHLAR_OWN_NAME("_Znwm", "ashlar_own_new");
ASHLAR_OWN_NAME("_Znam", "ashlar_own_new_array");
ASHLAR_OWN_NAME("_ZnwmSt11align_val_t", "ashlar_own_new_aligned");
ASHLAR_OWN_NAME("_ZnamSt11align_val_t", "ashlar_own_new_array_aligned");
ASHLAR_OWN_NAME("_ZdlPv", "ashlar_own_delete");
ASHLAR_OWN_NAME("_ZdaPv", "ashlar_own_delete_array");
ASHLAR_OWN_NAME("_ZdlPvSt11align_val_t", "ashlar_own_delete_aligned");
ASHLAR_OWN_NAME("_ZdaPvSt11align_val_t", "ashlar_own_delete_array_aligned");

namespace {

using New = void*(std::size_t);
using NewAligned = void*(std::size_t, std::align_val_t);
using Delete = void(void*) noexcept;
using DeleteAligned = void(void*, std::align_val_t) noexcept;

// For an array form: also true if the program replaces only the form that it
// calls.
bool replaced_new() noexcept { return api::replaced<New>(::operator new, ashlar_own_new); }
bool replaced_new_array() noexcept {
    return api::replaced<New>(::operator new[], ashlar_own_new_array) || replaced_new();
}
bool replaced_new_aligned() noexcept {
    return api::replaced<NewAligned>(::operator new, ashlar_own_new_aligned);
}
bool replaced_new_array_aligned() noexcept {
    return api::replaced<NewAligned>(::operator new[], ashlar_own_new_array_aligned) ||
           replaced_new_aligned();
}
bool replaced_delete() noexcept {
    return api::replaced<Delete>(::operator delete, ashlar_own_delete);
}
bool replaced_delete_array() noexcept {
    return api::replaced<Delete>(::operator delete[], ashlar_own_delete_array) || replaced_delete();
}
bool replaced_delete_aligned() noexcept {
    return api::replaced<DeleteAligned>(::operator delete, ashlar_own_delete_aligned);
}
bool replaced_delete_array_aligned() noexcept {
    return api::replaced<DeleteAligned>(::operator delete[], ashlar_own_delete_array_aligned) ||
           replaced_delete_aligned();
}

// The program's throwing form, for a form that returns nullptr instead.
template <class Form, class... Arguments>
[[gnu::cold, gnu::noinline]] void* null_where_it_throws(Form* form,
                                                        Arguments... arguments) noexcept {
    try {
        return form(arguments...);
    } catch (...) {
        return nullptr;
    }
}

[[gnu::cold]] void* retry(std::size_t size, std::size_t alignment) {
    for (;;) {
        const std::new_handler handler = api::current_new_handler();
        if (handler == nullptr) api::throw_bad_alloc();
        handler();
        void* block = api::allocate(size, alignment);  // the handler may have freed some
        if (block != nullptr) return block;
    }
}

void* take_or_throw(std::size_t size) {
    void* block = api::allocate_or_null(size);
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
    void* block = api::allocate(size, align);
    return block != nullptr ? block : retry(size, align);
}

void* take_aligned_or_null(std::size_t size, std::align_val_t alignment) noexcept {
    try {
        return take_aligned(size, alignment);
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

#pragma GCC visibility push(default)

[[gnu::weak]] void* operator new(std::size_t size) { return api::take<take_or_throw>(size); }
[[gnu::weak]] void* operator new[](std::size_t size) {
    if (replaced_new()) [[unlikely]]
        return ::operator new(size);
    return api::take<take_or_throw>(size);
}
[[gnu::weak]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    if (replaced_new()) [[unlikely]]
        return null_where_it_throws<New>(::operator new, size);
    return api::take<take_or_null>(size);
}
[[gnu::weak]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    if (replaced_new_array()) [[unlikely]]
        return null_where_it_throws<New>(::operator new[], size);
    return api::take<take_or_null>(size);
}
[[gnu::weak]] void* operator new(std::size_t size, std::align_val_t align) {
    return take_aligned(size, align);
}
[[gnu::weak]] void* operator new[](std::size_t size, std::align_val_t align) {
    if (replaced_new_aligned()) [[unlikely]]
        return ::operator new(size, align);
    return take_aligned(size, align);
}
[[gnu::weak]] void* operator new(std::size_t size, std::align_val_t align,
                                 const std::nothrow_t&) noexcept {
    if (replaced_new_aligned()) [[unlikely]]
        return null_where_it_throws<NewAligned>(::operator new, size, align);
    return take_aligned_or_null(size, align);
}
[[gnu::weak]] void* operator new[](std::size_t size, std::align_val_t align,
                                   const std::nothrow_t&) noexcept {
    if (replaced_new_array_aligned()) [[unlikely]]
        return null_where_it_throws<NewAligned>(::operator new[], size, align);
    return take_aligned_or_null(size, align);
}

[[gnu::weak]] void operator delete(void* block) noexcept { api::give(block); }
[[gnu::weak]] void operator delete[](void* block) noexcept {
    if (replaced_delete()) [[unlikely]]
        return ::operator delete(block);
    api::give(block);
}
[[gnu::weak]] void operator delete(void* block, const std::nothrow_t&) noexcept {
    if (replaced_delete()) [[unlikely]]
        return ::operator delete(block);
    api::give(block);
}
[[gnu::weak]] void operator delete[](void* block, const std::nothrow_t&) noexcept {
    if (replaced_delete_array()) [[unlikely]]
        return ::operator delete[](block);
    api::give(block);
}
[[gnu::weak]] void operator delete(void* block, std::size_t size) noexcept {
    if (replaced_delete()) [[unlikely]]
        return ::operator delete(block);
    api::delete_sized(block, size, ashlar::base::kMinAlignment);
}
[[gnu::weak]] void operator delete[](void* block, std::size_t size) noexcept {
    if (replaced_delete_array()) [[unlikely]]
        return ::operator delete[](block);
    api::delete_sized(block, size, ashlar::base::kMinAlignment);
}
[[gnu::weak]] void operator delete(void* block, std::align_val_t) noexcept { api::give(block); }
[[gnu::weak]] void operator delete[](void* block, std::align_val_t align) noexcept {
    if (replaced_delete_aligned()) [[unlikely]]
        return ::operator delete(block, align);
    api::give(block);
}
[[gnu::weak]] void operator delete(void* block, std::align_val_t align,
                                   const std::nothrow_t&) noexcept {
    if (replaced_delete_aligned()) [[unlikely]]
        return ::operator delete(block, align);
    api::give(block);
}
[[gnu::weak]] void operator delete[](void* block, std::align_val_t align,
                                     const std::nothrow_t&) noexcept {
    if (replaced_delete_array_aligned()) [[unlikely]]
        return ::operator delete[](block, align);
    api::give(block);
}
[[gnu::weak]] void operator delete(void* block, std::size_t size, std::align_val_t align) noexcept {
    if (replaced_delete_aligned()) [[unlikely]]
        return ::operator delete(block, align);
    api::delete_sized(block, size, static_cast<std::size_t>(align));
}
[[gnu::weak]] void operator delete[](void* block, std::size_t size,
                                     std::align_val_t align) noexcept {
    if (replaced_delete_array_aligned()) [[unlikely]]
        return ::operator delete[](block, align);
    api::delete_sized(block, size, static_cast<std::size_t>(align));
}

#pragma GCC visibility pop

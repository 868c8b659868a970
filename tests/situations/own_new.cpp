// A program that replaces only two forms of operator new and delete, as the
// standard allows. Every form that the standard defines by these must call
// them, every other must be Ashlar's. Built with one of
//   OWN_PLAIN            new(size), delete(block)
//   OWN_ARRAY            new[](size), delete[](block)
//   OWN_ALIGNED          new(size, alignment), delete(block, alignment)
//   OWN_ALIGNED_ARRAY    new[](size, alignment), delete[](block, alignment)
// and linked with nothing (under the drop-in), with the drop-in, or statically.
#include <initializer_list>
#include <new>

#include <ashlar/ashlar.h>

#include "situation.hpp"

namespace {

#if defined(OWN_PLAIN)
enum : bool { plain = true, array = true, aligned = false, aligned_array = false };
#elif defined(OWN_ARRAY)
enum : bool { plain = false, array = true, aligned = false, aligned_array = false };
#elif defined(OWN_ALIGNED)
enum : bool { plain = false, array = false, aligned = true, aligned_array = true };
#elif defined(OWN_ALIGNED_ARRAY)
enum : bool { plain = false, array = false, aligned = false, aligned_array = true };
#endif

alignas(4096) unsigned char arena[1 << 20];
std::size_t used = 0;
int takes = 0;
int gives = 0;
bool refuse = false;

bool is_own(const void* block) {
    const auto* at = static_cast<const unsigned char*>(block);
    return at >= arena && at < arena + sizeof arena;
}

[[maybe_unused]] void* own_take(std::size_t size, std::size_t alignment) {
    ++takes;
    used = (used + alignment - 1) / alignment * alignment;
    if (refuse || size > sizeof arena - used) throw std::bad_alloc();
    void* block = arena + used;
    used += size;
    return block;
}

[[maybe_unused]] void own_give(void* block) {
    ++gives;
    situation::require(block == nullptr || is_own(block),
                       "a block of Ashlar's came to the program's delete");
}

}  // namespace

#if defined(OWN_PLAIN)
void* operator new(std::size_t size) { return own_take(size, 16); }
void operator delete(void* block) noexcept { own_give(block); }
#elif defined(OWN_ARRAY)
void* operator new[](std::size_t size) { return own_take(size, 16); }
void operator delete[](void* block) noexcept { own_give(block); }
#elif defined(OWN_ALIGNED)
void* operator new(std::size_t size, std::align_val_t align) {
    return own_take(size, static_cast<std::size_t>(align));
}
void operator delete(void* block, std::align_val_t) noexcept { own_give(block); }
#elif defined(OWN_ALIGNED_ARRAY)
void* operator new[](std::size_t size, std::align_val_t align) {
    return own_take(size, static_cast<std::size_t>(align));
}
void operator delete[](void* block, std::align_val_t) noexcept { own_give(block); }
#endif

namespace {

constexpr std::align_val_t line{64};

// Allocates a block by one form and frees it by another; `own`: both must have
// called the program's functions, once each.
template <class Take, class Give>
void pass(bool own, const char* form, Take take, Give give) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{3000}}) {
        const int takes_before = takes;
        const int gives_before = gives;
        void* block = take(size);
        situation::require(block != nullptr && is_own(block) == own, form);
        std::memset(block, 1, size);
        give(block, size);
        situation::require(
            takes - takes_before == (own ? 1 : 0) && gives - gives_before == (own ? 1 : 0), form);
    }
}

void pass_plain() {
    const auto take = [](std::size_t size) { return ::operator new(size); };
    const auto take_or_null = [](std::size_t size) { return ::operator new(size, std::nothrow); };
    pass(plain, "new, delete", take, [](void* block, std::size_t) { ::operator delete(block); });
    pass(plain, "new, sized delete", take,
         [](void* block, std::size_t size) { ::operator delete(block, size); });
    pass(plain, "new, nothrow delete", take,
         [](void* block, std::size_t) { ::operator delete(block, std::nothrow); });
    pass(plain, "nothrow new", take_or_null,
         [](void* block, std::size_t size) { ::operator delete(block, size); });
}

void pass_array() {
    const auto take = [](std::size_t size) { return ::operator new[](size); };
    const auto take_or_null = [](std::size_t size) { return ::operator new[](size, std::nothrow); };
    pass(array, "new[], delete[]", take,
         [](void* block, std::size_t) { ::operator delete[](block); });
    pass(array, "new[], sized delete[]", take,
         [](void* block, std::size_t size) { ::operator delete[](block, size); });
    pass(array, "new[], nothrow delete[]", take,
         [](void* block, std::size_t) { ::operator delete[](block, std::nothrow); });
    pass(array, "nothrow new[]", take_or_null,
         [](void* block, std::size_t size) { ::operator delete[](block, size); });
}

void pass_aligned() {
    const auto take = [](std::size_t size) { return ::operator new(size, line); };
    const auto take_or_null = [](std::size_t size) {
        return ::operator new(size, line, std::nothrow);
    };
    pass(aligned, "aligned new, delete", take,
         [](void* block, std::size_t) { ::operator delete(block, line); });
    pass(aligned, "aligned new, sized delete", take,
         [](void* block, std::size_t size) { ::operator delete(block, size, line); });
    pass(aligned, "aligned new, nothrow delete", take,
         [](void* block, std::size_t) { ::operator delete(block, line, std::nothrow); });
    pass(aligned, "aligned nothrow new", take_or_null,
         [](void* block, std::size_t size) { ::operator delete(block, size, line); });
}

void pass_aligned_array() {
    const auto take = [](std::size_t size) { return ::operator new[](size, line); };
    const auto take_or_null = [](std::size_t size) {
        return ::operator new[](size, line, std::nothrow);
    };
    pass(aligned_array, "aligned new[], delete[]", take,
         [](void* block, std::size_t) { ::operator delete[](block, line); });
    pass(aligned_array, "aligned new[], sized delete[]", take,
         [](void* block, std::size_t size) { ::operator delete[](block, size, line); });
    pass(aligned_array, "aligned new[], nothrow delete[]", take,
         [](void* block, std::size_t) { ::operator delete[](block, line, std::nothrow); });
    pass(aligned_array, "aligned nothrow new[]", take_or_null,
         [](void* block, std::size_t size) { ::operator delete[](block, size, line); });
}

// The program's throws, and the nothrow forms return nullptr.
void refuse_all() {
    refuse = true;
    const int before = takes;
    situation::require((::operator new(100, std::nothrow) == nullptr) == plain, "nothrow new");
    situation::require((::operator new[](100, std::nothrow) == nullptr) == array, "nothrow new[]");
    situation::require((::operator new(100, line, std::nothrow) == nullptr) == aligned,
                       "aligned nothrow new");
    situation::require((::operator new[](100, line, std::nothrow) == nullptr) == aligned_array,
                       "aligned nothrow new[]");
    situation::require(takes - before == plain + array + aligned + aligned_array,
                       "not each of them was asked once");
    refuse = false;
}

struct Counted {
    ~Counted() { ++ended; }
    unsigned char bytes[24] = {};
    static int ended;
};
int Counted::ended = 0;
struct alignas(64) Line {
    ~Line() { ++Counted::ended; }
    unsigned char bytes[64] = {};
};

// As programs have them: the compiler chooses the form. Of arrays with
// destructors it is the sized delete[].
template <class T>
void use_expressions(bool own, bool own_array) {
    T* volatile one = new T;
    situation::require(is_own(one) == own, "a new expression");
    delete one;
    T* volatile several = new T[7];
    situation::require(is_own(several) == own_array, "a new expression of an array");
    delete[] several;
}

}  // namespace

int main() {
#ifndef SITUATION_STATIC
    situation::require_ashlar();
#endif
    pass_plain();
    pass_array();
    pass_aligned();
    pass_aligned_array();
    refuse_all();
    use_expressions<Counted>(plain, array);
    use_expressions<Line>(aligned, aligned_array);
    situation::require(Counted::ended == 16, "destructors");
    situation::require(takes > 0 && gives > 0, "the program's were never called");
    return 0;
}

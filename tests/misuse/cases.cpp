#include "cases.hpp"

#include <cstdint>
#include <new>

#include <sys/mman.h>

#include "blocks.hpp"
#include "writes.hpp"

namespace misuse {
namespace {

// ---------------------------------------------------------------- double frees

void twice(std::size_t size) {
    char* block = victim(size);
    std::free(block);
    std::free(block);
    look();
}
void twice_by_realloc(std::size_t size) {
    char* block = victim(size);
    if (std::realloc(block, 0) != nullptr) _exit(3);
    std::free(block);
    look();
}
void twice_with_one_between(std::size_t size) {
    void* other = take(size);
    char* block = victim(size);
    std::free(block);
    std::free(other);
    std::free(block);
    look();
}
void twice_by_another_thread(std::size_t size) {
    Freer other;
    char* block = victim(size);
    other.free_twice_and_end(block);
    look();
}
void once_here_once_there(std::size_t size) {
    Freer other;
    char* block = victim(size);
    std::free(block);
    other.free_wrongly_and_end(block);
    look();
}
void once_by_each_of_two_threads(std::size_t size) {
    Freer first;
    Freer second;
    char* block = victim(size);
    first.free_and_end(block);
    second.free_wrongly_and_end(block);
    look();
}
void twice_after_reuse(std::size_t size) {
    char* block = victim(size);
    std::free(block);
    take_again(block, size);
    std::free(block);
    std::free(block);
    look();
}
// The second free takes the block from its new owner, which no level can see.
// The new owner's free can be reported.
void freed_under_its_next_owner(std::size_t size) {
    void* other = take(size);
    char* block = victim(size);
    std::free(block);
    take_again(block, size);
    std::free(block);
    std::free(other);
    std::free(block);  // its new owner's
    look();
}
void twice_from_the_depot(std::size_t size) {
    std::vector<void*> others = take_many(size, many(size));
    char* block = victim(size);
    std::free(block);
    for (void* other : others) std::free(other);
    std::free(block);
    look();
}
void twice_from_the_slab(std::size_t size) {
    char* block = victim(size);
    std::free(block);
    malloc_trim(0);
    std::free(block);
    look();
}
void realloc_of_freed(std::size_t size) {
    void* other = take(size);
    char* block = victim(size);
    std::free(block);
    std::free(other);
    if (std::realloc(block, 3 * size + 100) == nullptr) _exit(3);
    look();
}
void delete_after_free(std::size_t size) {
    char* block = victim(size);
    std::free(block);
    ::operator delete(block);
    look();
}

// ------------------------------------------------------------ invalid pointers

void free_at(std::size_t size, std::size_t offset) {
    auto* block = static_cast<char*>(take(size));
    static std::vector<void*> others = take_many(size, 20);
    announce(block + offset, block_bytes(size));
    std::free(block + offset);
    look();
}
void inside_by_one(std::size_t size) { free_at(size, 1); }
void inside_by_eight(std::size_t size) { free_at(size, 8); }
void inside_by_half(std::size_t size) { free_at(size, size / 2); }
void realloc_inside(std::size_t size) {
    auto* block = static_cast<char*>(take(size));
    announce(block + 8, block_bytes(size));
    if (std::realloc(block + 8, 5 * size + 100) == nullptr) _exit(3);
    look();
}

alignas(64) char static_bytes[64];

void free_announced(void* address) {
    announce(address);
    std::free(address);
    look();
}
void of_the_stack(std::size_t) {
    alignas(64) char bytes[64] = {};
    free_announced(bytes);
}
void of_static_data(std::size_t) { free_announced(static_bytes); }
void of_a_mapping(std::size_t size) {
    free_announced(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
void of_a_function(std::size_t) { free_announced(reinterpret_cast<void*>(&look)); }
void of_a_small_number(std::size_t) { free_announced(reinterpret_cast<void*>(std::uintptr_t{16})); }
void of_a_large_number(std::size_t) {
    free_announced(reinterpret_cast<void*>(~std::uintptr_t{15}));
}

// ----------------------------------------------------------------- wrong sizes

void delete_as(std::size_t size, std::size_t claimed) {
    void* block = ::operator new(size);
    announce(block, malloc_usable_size(block));
    ::operator delete(block, claimed);
    look();
}
void delete_as_larger(std::size_t size) { delete_as(size, 1000000); }
void delete_as_smaller(std::size_t size) { delete_as(size + 1000, 7); }
void delete_aligned_as_larger(std::size_t size) {
    constexpr std::align_val_t alignment{64};
    void* block = ::operator new(size, alignment);
    announce(block, malloc_usable_size(block));
    ::operator delete(block, 1000000, alignment);
    look();
}

// A size of the same class, or one that realloc might have left behind.
void delete_as_neighbour(std::size_t size) {
    void* block = ::operator new(size);
    announce(block, malloc_usable_size(block));
    ::operator delete(block, size - 1);
    look();
}
using FreeSized = void (*)(void*, std::size_t);
void free_sized_as(std::size_t size, std::size_t claimed) {
    void* block = take(size);
    announce(block, malloc_usable_size(block));
    const auto free_sized = reinterpret_cast<FreeSized>(dlsym(RTLD_DEFAULT, "free_sized"));
    if (free_sized == nullptr) _exit(5);
    free_sized(block, claimed);
    look();
}
void free_sized_as_seven_eighths(std::size_t size) { free_sized_as(size, size / 8 * 7); }
void free_sized_as_million(std::size_t size) { free_sized_as(size, 1000000 + size); }

constexpr const char* kDouble = "double free";
constexpr const char* kInvalid = "invalid free";
constexpr const char* kWrong = "wrong size in free";
constexpr const char* kBlock = "SIZE-byte block";
constexpr const char* kInside = "inside a SIZE-byte block";
constexpr const char* kForeign = "not from this heap";
constexpr const char* kFreedAsMillion = "SIZE-byte block, freed as 1000000 bytes";
constexpr const char* kFreedAsSeven = "SIZE-byte block, freed as 7 bytes";
constexpr const char* kFreedAs = "SIZE-byte block, freed as ";
constexpr const char* kOverflow = "overflow";
constexpr const char* kBehind = "SIZE-byte block, written 0 bytes behind its end";
constexpr const char* kWritten = "write after free";
constexpr const char* kAtOffset = "at offset ";

constexpr Case::When at_once = {Seen::at_once, Seen::at_once, Seen::at_once};
constexpr Case::When never = {Seen::never, Seen::never, Seen::never};
constexpr Case::When harmless = {Seen::harmless, Seen::harmless, Seen::harmless};
constexpr Case::When till_no_bin = {Seen::later, Seen::later, Seen::at_once};
constexpr Case::When in_slabs_later = {Seen::later, Seen::at_once, Seen::at_once};
constexpr Case::When reused = {Seen::on_reuse, Seen::on_reuse, Seen::on_reuse};
// The pages of the slabs have gone back, and blocks in new ones are not known.
constexpr Case::When reused_if_run = {Seen::harmless, Seen::on_reuse, Seen::on_reuse};

}  // namespace

const Case cases[] = {
    {"twice", twice, kDouble, kBlock, at_once, at_once},
    {"twice_by_realloc", twice_by_realloc, kDouble, kBlock, at_once, at_once},
    {"delete_after_free", delete_after_free, kDouble, kBlock, at_once, at_once},
    {"twice_after_reuse", twice_after_reuse, kDouble, kBlock, at_once, at_once},
    {"twice_by_another_thread", twice_by_another_thread, kDouble, kBlock, at_once, at_once},
    {"twice_with_one_between", twice_with_one_between, kDouble, kBlock, in_slabs_later, at_once},
    {"once_here_once_there", once_here_once_there, kDouble, kBlock, till_no_bin, at_once},
    {"once_by_each_of_two_threads", once_by_each_of_two_threads, kDouble, kBlock, in_slabs_later,
     at_once},
    {"freed_under_its_next_owner", freed_under_its_next_owner, kDouble, kBlock, in_slabs_later,
     at_once},
    {"twice_from_the_depot", twice_from_the_depot, kDouble, kBlock, in_slabs_later, at_once},
    {"twice_from_the_slab", twice_from_the_slab, kDouble, kBlock, in_slabs_later, at_once},
    {"realloc_of_freed", realloc_of_freed, kDouble, kBlock, in_slabs_later, at_once},
    {"inside_by_one", inside_by_one, kInvalid, kInside, in_slabs_later, at_once},
    {"inside_by_eight", inside_by_eight, kInvalid, kInside, in_slabs_later, at_once},
    {"inside_by_half", inside_by_half, kInvalid, kInside, in_slabs_later, at_once},
    {"realloc_inside", realloc_inside, kInvalid, kInside, at_once, at_once},
    {"of_the_stack", of_the_stack, kInvalid, kForeign, at_once, at_once},
    {"of_static_data", of_static_data, kInvalid, kForeign, at_once, at_once},
    {"of_a_mapping", of_a_mapping, kInvalid, kForeign, at_once, at_once},
    {"of_a_function", of_a_function, kInvalid, kForeign, at_once, at_once},
    {"of_a_small_number", of_a_small_number, kInvalid, kForeign, at_once, at_once},
    {"of_a_large_number", of_a_large_number, kInvalid, kForeign, at_once, at_once},
    {"delete_as_larger", delete_as_larger, kWrong, kFreedAsMillion, at_once, at_once},
    {"delete_as_smaller", delete_as_smaller, kWrong, kFreedAsSeven, at_once, at_once},
    {"delete_aligned_as_larger", delete_aligned_as_larger, kWrong, kFreedAsMillion, at_once,
     at_once},
    {"delete_as_neighbour", delete_as_neighbour, kWrong, kFreedAs, never, at_once},
    {"free_sized_as_seven_eighths", free_sized_as_seven_eighths, kWrong, kFreedAs, never, at_once},
    {"free_sized_as_million", free_sized_as_million, kWrong, kFreedAs, at_once, at_once},
    {"one_byte_behind", one_byte_behind, kOverflow, kBehind, never, at_once},
    {"one_byte_behind_by_realloc", one_byte_behind_by_realloc, kOverflow, kBehind, never, at_once},
    {"written_in_the_cache", written_in_the_cache, kWritten, kAtOffset, harmless, reused},
    {"written_in_the_depot", written_in_the_depot, kWritten, kAtOffset, harmless, reused},
    {"written_in_the_slab", written_in_the_slab, kWritten, kAtOffset, harmless, reused_if_run},
    {"written_after_another_threads_free", written_after_another_threads_free, kWritten, kAtOffset,
     harmless, reused},
    {"written_past_the_end", written_past_the_end, kWritten, kAtOffset, harmless, reused},
};
static_assert(sizeof cases / sizeof *cases == case_count);

}  // namespace misuse

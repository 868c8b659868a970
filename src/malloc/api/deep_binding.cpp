// Changes libc's symbol table in memory: the names of malloc's family then lead
// to the functions that the rest of the process uses. A library's own table
// could be changed only after dlopen, when its constructors have run. A thread
// that binds meanwhile sees the old pages or the new ones. Concurrent calls
// each move the same copy, and none waits. A namespace of dlmopen has a libc of
// its own, which is not touched.
//
//   libc's dynsym | ... | malloc | ... | free | ...   whole pages, read-only
//   copy          | ... | malloc | ... | free | ...   changed, then moved over
//                                                     them by one mremap
#include "malloc/api/deep_binding.hpp"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "malloc/process/process.hpp"

// Allocation functions that both libc and Ashlar export; so not dlopen.
// clang-format off
#define ASHLAR_NAMES(X) \
    X(malloc) X(free) X(calloc) X(realloc) X(reallocarray) X(cfree) X(free_sized) \
    X(free_aligned_sized) X(posix_memalign) X(aligned_alloc) X(memalign) X(valloc) X(pvalloc) \
    X(malloc_usable_size) X(malloc_trim) X(malloc_info) X(malloc_stats) X(mallinfo) X(mallinfo2) \
    X(mallopt) X(__libc_malloc) X(__libc_free) X(__libc_calloc) X(__libc_realloc) \
    X(__libc_memalign) X(__libc_valloc) X(__libc_pvalloc) X(__libc_mallopt) X(__posix_memalign)
// clang-format on
#define ASHLAR_DECLARE(name) void seen_##name() noexcept asm(#name);
#define ASHLAR_TEXT(name) #name,
#define ASHLAR_SEEN(name) seen_##name,

// The addresses that the linker found for the process, which may be a program's
// own malloc.
#pragma GCC visibility push(default)
extern "C" {
ASHLAR_NAMES(ASHLAR_DECLARE)
}
#pragma GCC visibility pop

namespace ashlar::api {

namespace {

using Address = std::uintptr_t;
using Symbol = ElfW(Sym);

struct Name {
    const char* text;
    void (*seen)() noexcept;
};
// No pointers to the texts: the loader would have to relocate each.
constexpr char kTexts[][20] = {ASHLAR_NAMES(ASHLAR_TEXT)};
constexpr void (*kSeen[])() noexcept = {ASHLAR_NAMES(ASHLAR_SEEN)};

// A loaded object, as its dynamic section describes it.
struct Object {
    Address bias = 0;
    const Symbol* symbols = nullptr;
    const char* strings = nullptr;
    const std::uint32_t* hashes = nullptr;  // DT_GNU_HASH
    int protection = PROT_NONE;             // of the segment with the symbols
};

// The symbols to change; a name has one for each version of it.
struct Changes {
    static constexpr std::size_t kMost = 64;
    std::size_t count = 0;
    const Symbol* symbol[kMost] = {};
    Address value[kMost] = {};
    bool impossible = false;
    bool needed = false;
};

// An address of the dynamic section: most processors' loaders have added the
// bias already.
template <class T>
const T* at(const Object& object, Address value) noexcept {
    return reinterpret_cast<const T*>(value < object.bias ? value + object.bias : value);
}

void read_dynamic(Object& object, const ElfW(Dyn) * entry) noexcept {
    for (; entry->d_tag != DT_NULL; ++entry) {
        const Address value = entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB) object.symbols = at<Symbol>(object, value);
        if (entry->d_tag == DT_STRTAB) object.strings = at<char>(object, value);
        if (entry->d_tag == DT_GNU_HASH) object.hashes = at<std::uint32_t>(object, value);
    }
}

int find_libc(dl_phdr_info* info, std::size_t, void* out) noexcept {
    const char* const slash = std::strrchr(info->dlpi_name, '/');
    if (std::strcmp(slash != nullptr ? slash + 1 : info->dlpi_name, "libc.so.6") != 0) return 0;
    auto& object = *static_cast<Object*>(out);
    object.bias = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        read_dynamic(object,
                     reinterpret_cast<const ElfW(Dyn)*>(object.bias + info->dlpi_phdr[i].p_vaddr));
    }
    const Address symbols = reinterpret_cast<Address>(object.symbols) - object.bias;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || symbols - segment.p_vaddr >= segment.p_filesz) continue;
        object.protection = ((segment.p_flags & PF_R) != 0 ? PROT_READ : 0) |
                            ((segment.p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
                            ((segment.p_flags & PF_X) != 0 ? PROT_EXEC : 0);
    }
    return 1;
}

std::uint32_t hash_of(const char* text) noexcept {
    std::uint32_t hash = 5381;
    for (; *text != '\0'; ++text) hash = hash * 33 + static_cast<unsigned char>(*text);
    return hash;
}

void note(Changes& changes, const Object& object, const Symbol& symbol, const Name& name) noexcept {
    // The value of an indirect function would be called by the loader.
    changes.impossible =
        changes.impossible || (symbol.st_info & 0xF) != STT_FUNC || changes.count == Changes::kMost;
    if (changes.impossible) return;
    const Address value = reinterpret_cast<Address>(name.seen) - object.bias;
    changes.needed = changes.needed || symbol.st_value != value;
    changes.symbol[changes.count] = &symbol;
    changes.value[changes.count++] = value;
}

// Header: buckets, first symbol, words of the filter, shift. Then the filter,
// the buckets, and a chain of hashes for each. Only symbols that are defined
// are in it.
void look_up(Changes& changes, const Object& object, const Name& name) noexcept {
    const std::uint32_t* const header = object.hashes;
    const std::uint32_t* const buckets =
        header + 4 + header[2] * (sizeof(Address) / sizeof(std::uint32_t));
    const std::uint32_t* const chains = buckets + header[0];
    const std::uint32_t hash = hash_of(name.text);
    const std::uint32_t first = buckets[hash % header[0]];
    if (first < header[1]) return;
    for (std::uint32_t i = first;; ++i) {
        const std::uint32_t found = chains[i - header[1]];
        const Symbol& symbol = object.symbols[i];
        if ((found | 1) == (hash | 1) &&
            std::strcmp(object.strings + symbol.st_name, name.text) == 0) {
            note(changes, object, symbol, name);
        }
        if ((found & 1) != 0) return;
    }
}

// False: the pages are as they were.
bool change(const Object& object, const Changes& changes) noexcept {
    Address low = ~Address{0};
    Address high = 0;
    for (std::size_t i = 0; i < changes.count; ++i) {
        const auto symbol = reinterpret_cast<Address>(changes.symbol[i]);
        low = symbol < low ? symbol : low;
        high = symbol > high ? symbol : high;
    }
    const std::size_t page = region::page_size();
    low = low / page * page;
    const std::size_t bytes = base::round_up(high + sizeof(Symbol) - low, page);
    void* const copy =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) return false;
    std::memcpy(copy, reinterpret_cast<const void*>(low), bytes);
    for (std::size_t i = 0; i < changes.count; ++i) {
        const auto offset = reinterpret_cast<Address>(changes.symbol[i]) - low;
        reinterpret_cast<Symbol*>(static_cast<char*>(copy) + offset)->st_value = changes.value[i];
    }
    if (mprotect(copy, bytes, object.protection) == 0 &&
        mremap(copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(low)) !=
            MAP_FAILED) {
        return true;
    }
    munmap(copy, bytes);
    return false;
}

}  // namespace

bool route_deep_bindings() noexcept {
    Object libc;
    if (dl_iterate_phdr(find_libc, &libc) == 0) return false;
    if (libc.symbols == nullptr || libc.strings == nullptr || libc.hashes == nullptr ||
        libc.hashes[0] == 0)
        return false;
    if ((libc.protection & PROT_READ) == 0) return false;
    Changes changes;
    for (std::size_t i = 0; i < std::size(kTexts); ++i)
        look_up(changes, libc, {kTexts[i], kSeen[i]});
    if (changes.count == 0 || changes.impossible) return false;
    return !changes.needed || change(libc, changes);
}

}  // namespace ashlar::api

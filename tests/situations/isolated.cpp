// A plug-in with functions of the host's names, opened with RTLD_DEEPBIND. It
// must call its own functions. Its blocks must be Ashlar's, those of its
// constructors and of the libraries that it needs included.
//   isolated LIBRARY [shared]
//   shared: libc's symbol table cannot be changed, and the plug-in calls the host's functions
#include <new>
#include <thread>
#include <vector>

#include "isolated.hpp"
#include "situation.hpp"

extern "C" __attribute__((visibility("default"), noinline)) const char* name_of_both();
const char* name_of_both() { return "the host"; }

namespace {

const void* base_of(const void* address) {
    Dl_info info{};
    situation::require(dladdr(address, &info) != 0, "dladdr");
    return info.dli_fbase;
}

template <class F>
F* find(void* handle, const char* name) {
    auto* found = reinterpret_cast<F*>(dlsym(handle, name));
    situation::require(found != nullptr, name);
    return found;
}

// Many at once: each must find libc's names changed.
void* open_by_threads(const char* path) {
    std::vector<std::thread> threads;
    void* handles[8] = {};
    for (void*& handle : handles) {
        threads.emplace_back(
            [&handle, path] { handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND); });
    }
    for (auto& thread : threads) thread.join();
    for (void* handle : handles) {
        if (handle == nullptr) std::fprintf(stderr, "%s\n", dlerror());
        situation::require(handle != nullptr && handle == handles[0], "dlopen with RTLD_DEEPBIND");
    }
    return handles[0];
}

void exchange_blocks(void* library) {
    const auto usable = find<std::size_t(void*)>(RTLD_DEFAULT, "ash_malloc_usable_size");
    for (const char* name : {"isolated_born", "needed_born"}) {
        Born* const born = find<Born*()>(library, name)();
        for (void* block : born->blocks) {
            situation::require(block == nullptr || usable(block) > 0, "a block of the plug-in's");
            std::free(block);
        }
        delete born->thing;
        delete born->line;
    }
    const auto give = find<void(void*)>(library, "isolated_give");
    for (const std::size_t size : situation::sizes) give(situation::take(size, 1));
    find<void(Thing*, Line*)>(library, "isolated_delete")(new Thing, new Line);
    situation::require_sound_heap();
}

// The function that a lookup in libc finds now.
void look_at_names() {
    void* libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    situation::require(libc != nullptr, "libc.so.6");
    const void* ours = base_of(dlsym(RTLD_DEFAULT, "ash_version"));
    int seen = 0;
    for (const char* name : {"malloc",          "free",
                             "calloc",          "realloc",
                             "reallocarray",    "cfree",
                             "free_sized",      "free_aligned_sized",
                             "posix_memalign",  "aligned_alloc",
                             "memalign",        "valloc",
                             "pvalloc",         "malloc_usable_size",
                             "malloc_trim",     "malloc_info",
                             "malloc_stats",    "mallinfo",
                             "mallinfo2",       "mallopt",
                             "__libc_malloc",   "__libc_free",
                             "__libc_calloc",   "__libc_realloc",
                             "__libc_memalign", "__libc_valloc",
                             "__libc_pvalloc",  "__libc_mallopt",
                             "__posix_memalign"}) {
        void* found = dlsym(libc, name);
        situation::require(found == nullptr || base_of(found) == ours, name);
        seen += found != nullptr ? 1 : 0;
    }
    situation::require(seen >= 20, "libc has few of these names");
    situation::require(base_of(dlsym(libc, "dlopen")) != ours, "dlopen of libc");
    situation::require(base_of(dlsym(RTLD_NEXT, "malloc")) == ours, "the host's next malloc");
}

// A namespace of its own has its own libc, whose names stay.
void look_at_another_namespace() {
    void* libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    situation::require(libc != nullptr, "dlmopen of libc.so.6");
    const auto take = find<void*(std::size_t)>(libc, "malloc");
    const void* base = base_of(reinterpret_cast<const void*>(take));
    situation::require(base != base_of(dlsym(RTLD_DEFAULT, "ash_version")),
                       "malloc of another namespace is Ashlar's");
    situation::require(base == base_of(dlsym(libc, "abort")),
                       "malloc of another namespace is not its libc's");
    void* block = take(100);
    situation::require(block != nullptr, "malloc of another namespace");
    find<void(void*)>(libc, "free")(block);
}

}  // namespace

int main(int argc, char** argv) {
    situation::require(argc >= 2, "usage: isolated LIBRARY [shared]");
    situation::require_ashlar();
    void* library = open_by_threads(argv[1]);
    const char* name = find<const char*()>(library, "isolated_name")();
    situation::require(std::strcmp(name, argc == 2 ? "the plug-in" : "the host") == 0, name);
    exchange_blocks(library);
    if (argc == 2) look_at_names();
    look_at_another_namespace();
    situation::exercise();
    situation::require_sound_heap();
    return 0;
}

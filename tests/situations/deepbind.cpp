// A library opened with RTLD_DEEPBIND looks its symbols up in itself and its
// own dependencies first, where it finds libc's malloc. Its blocks must be
// Ashlar's nevertheless. A library that opens another by its own RUNPATH must
// find it, although Ashlar's dlopen() is in between.
//   deepbind LIBRARY OPENER
#include "situation.hpp"

int main(int, char** argv) {
    situation::require_ashlar();
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    situation::require(library != nullptr, "dlopen with RTLD_DEEPBIND");
    const auto library_take =
        reinterpret_cast<unsigned char* (*)(std::size_t)>(dlsym(library, "library_take"));
    const auto library_give =
        reinterpret_cast<void (*)(unsigned char*)>(dlsym(library, "library_give"));
    const auto library_line = reinterpret_cast<char* (*)()>(dlsym(library, "library_line"));
    situation::require(
        library_take != nullptr && library_give != nullptr && library_line != nullptr, "dlsym");
    for (const std::size_t size : situation::sizes) {
        unsigned char* theirs = library_take(size);
        situation::require(theirs != nullptr, "the library's malloc failed");
        std::free(std::realloc(theirs, size + 100));
        library_give(situation::take(size, 1));
    }
    std::free(library_line());

    void* opener = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    situation::require(opener != nullptr, "dlopen of the opener");
    const auto open_neighbour =
        reinterpret_cast<const char* (*)()>(dlsym(opener, "open_neighbour"));
    situation::require(open_neighbour != nullptr, "dlsym");
    const char* fault = open_neighbour();
    situation::require(fault == nullptr, fault);

    situation::require(dlopen("libdoes-not-exist.so", RTLD_NOW) == nullptr && dlerror() != nullptr,
                       "dlopen of nothing");
    void* self = dlopen(nullptr, RTLD_NOW);
    situation::require(self != nullptr && dlsym(self, "malloc") != nullptr,
                       "dlopen of the program itself");
    return 0;
}

// Opened by `isolated` with RTLD_DEEPBIND. It must call its own function of the
// host's name. Its constructor allocates before the opener can change its
// symbols.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "isolated.hpp"

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED const char* name_of_both();
EXPORTED const char* isolated_name();
EXPORTED Born* isolated_born();
EXPORTED void isolated_give(void* block);
EXPORTED void isolated_delete(Thing* thing, Line* line);

namespace {

Born born;

__attribute__((constructor)) void begin() {
    Born* const needed = needed_born();
    born.blocks[0] = std::malloc(100);
    born.blocks[1] = std::calloc(10, 10);
    // A block of the library that this one needs.
    born.blocks[2] = std::realloc(needed->blocks[0], 5000);
    needed->blocks[0] = nullptr;
    born.blocks[3] = strdup("a copy by libc");
    born.blocks[4] = aligned_alloc(64, 192);
    if (posix_memalign(&born.blocks[5], 4096, 100) != 0) born.blocks[5] = nullptr;
    born.blocks[6] = reallocarray(nullptr, 3, 100);
    born.thing = new Thing;
    born.line = new Line;
}

}  // namespace

const char* name_of_both() { return "the plug-in"; }
const char* isolated_name() {
    const char* (*volatile own)() = name_of_both;
    return own();
}
Born* isolated_born() { return &born; }
void isolated_give(void* block) { std::free(block); }
void isolated_delete(Thing* thing, Line* line) {
    delete thing;
    delete line;
}

// Linked to libashlar.so, as a program may be, or preloaded with it: says
// whether the loader considers it setuid, and how much room a block has, which
// depends on the level of checks.
#include <malloc.h>
#include <sys/auxv.h>
#include <cstdlib>

#include "situation.hpp"

int main() {
    situation::require_ashlar();
    std::printf("secure %lu\n", getauxval(AT_SECURE));
    void* block = std::malloc(100);
    std::printf("room %zu\n", malloc_usable_size(block));
    std::free(block);
    situation::exercise();
    return 0;
}

// The level of checks is that of ASHLAR_CHECK=full also where the first
// allocation comes before libc has the environment: in a resolver of an
// indirect function, and in .preinit_array.
#include <malloc.h>

#include "situation.hpp"

extern "C" {
[[gnu::weak]] extern void* resolver_block;
[[gnu::weak]] int resolved();
}

namespace {

// The loader resolves it before main, with the program's relocations.
int (*const function)() = resolved;

void* from_preinit = nullptr;
void preinit(int, char**, char**) { from_preinit = std::malloc(100); }
__attribute__((section(".preinit_array"), used,
               retain)) void (*const preinit_entry)(int, char**, char**) = preinit;

// Without checks the whole block may be used.
void require_full(void* block, const char* what) {
    situation::require(block != nullptr && malloc_usable_size(block) == 100, what);
    std::free(block);
}

}  // namespace

int main() {
    situation::require_ashlar();
    situation::require(function() == 42, "the library is not preloaded");
    require_full(resolver_block, "the block of the resolver");
    require_full(from_preinit, "the block of .preinit_array");
    require_full(std::malloc(100), "the block of main");
    return 0;
}

// Preloaded before the drop-in, for `resolver`: an indirect function, whose
// resolver allocates. The loader calls it before libc is initialised.
#include <cstdlib>

extern "C" {
__attribute__((visibility("default"))) extern void* resolver_block;
void* resolver_block = nullptr;

static int answer() { return 42; }
using Function = int();
__attribute__((visibility("hidden"))) Function* resolve() {
    resolver_block = std::malloc(100);
    return answer;
}
__attribute__((visibility("default"), ifunc("resolve"))) int resolved();
}

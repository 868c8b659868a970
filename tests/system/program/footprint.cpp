// A process that has only a few small blocks: which parts of the allocator's
// library it has touched.
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <malloc.h>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

namespace {

constexpr std::size_t count = 40;

void use_small_blocks() {
    void* blocks[count];
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < count; ++i) {
            blocks[i] = i % 2 == 0 ? std::malloc(16 + 6 * i) : std::calloc(i, 6);
            require(blocks[i] != nullptr, "malloc");
            std::memset(blocks[i], 1, 16);
        }
        for (std::size_t i = 0; i < count; ++i) {
            blocks[i] = std::realloc(blocks[i], 24 + 8 * i);
            require(blocks[i] != nullptr, "realloc");
        }
        for (void* block : blocks) std::free(block);
    }
}

}  // namespace

void footprint(Arguments) {
    Dl_info malloc_of{};
    require(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &malloc_of) != 0, "malloc is nowhere");
    use_small_blocks();
    figure("anonymous_kib", static_cast<double>(measure::anonymous_kib()));
    const measure::OfFile library = measure::resident_of(malloc_of.dli_fname);
    figure("library_kib", static_cast<double>(library.all_kib));
    figure("behind_code_kib", static_cast<double>(library.behind_code_kib));
}

}  // namespace commands

// Allocation before any constructor has run: in .preinit_array, in constructors
// of the highest priority, in a library's constructors when it is opened. The
// blocks live on and are freed by main.
#include <memory>
#include <string>

#include "situation.hpp"

namespace {

constexpr std::size_t count = 64;
unsigned char* from_preinit[count];
unsigned char* from_constructor[count];
unsigned char* from_default_constructor[count];

void fill(unsigned char* (&blocks)[count], unsigned char mark) {
    for (std::size_t i = 0; i < count; ++i) blocks[i] = situation::take(1 + i * i * 40, mark);
    situation::exercise(4);
}
void empty(unsigned char* (&blocks)[count], unsigned char mark) {
    for (std::size_t i = 0; i < count; ++i) situation::give(blocks[i], 1 + i * i * 40, mark);
}

void preinit(int, char**, char**) { fill(from_preinit, 1); }
__attribute__((section(".preinit_array"), used,
               retain)) void (*const preinit_entry)(int, char**, char**) = preinit;

__attribute__((constructor(101))) void construct_first() { fill(from_constructor, 2); }
__attribute__((constructor)) void construct() { fill(from_default_constructor, 3); }

const auto global = std::make_unique<std::string>(5000, 'g');  // NOLINT(cert-err58-cpp)

}  // namespace

int main(int, char** argv) {
    situation::require_ashlar();
    empty(from_preinit, 1);
    empty(from_constructor, 2);
    empty(from_default_constructor, 3);
    situation::require(global->size() == 5000 && global->back() == 'g',
                       "a global's content changed");

    void* library = dlopen(argv[1], RTLD_NOW);
    situation::require(library != nullptr, "dlopen");
    auto* const made = static_cast<unsigned char**>(dlsym(library, "early_block"));
    situation::require(made != nullptr, "dlsym");
    situation::give(*made, 1234, 9);
    situation::exercise();
    return 0;
}

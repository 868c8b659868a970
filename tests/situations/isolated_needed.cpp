// Needed by isolated_library: its constructor runs before that one's.
#include <cstdlib>

#include "isolated.hpp"

namespace {

Born born;

__attribute__((constructor)) void begin() {
    for (std::size_t i = 0; i < Born::count; ++i) born.blocks[i] = std::malloc(50 * (i + 1));
}

}  // namespace

Born* needed_born() { return &born; }

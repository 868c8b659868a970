// How much the library checks what programs do with blocks. Each level includes
// those before it.
#ifndef ASHLAR_MALLOC_SETTINGS_CHECK_LEVEL_HPP
#define ASHLAR_MALLOC_SETTINGS_CHECK_LEVEL_HPP

#include <cstdint>

namespace ashlar::settings {

enum class CheckLevel : std::uint8_t {
    off,       // the sizes of sized frees are not compared
    standard,  // what the paths of malloc and free see at no cost
    full,      // a state for each block, patterns in free ones, canaries
    paranoid,  // more than that, at a price
};

}  // namespace ashlar::settings

#endif

// What operator new needs of the C++ runtime: strong in the static library, found at run time in the drop-in, which must not
// depend on libstdc++.
#ifndef ASHLAR_FACES_NEW_DOOR_HPP
#define ASHLAR_FACES_NEW_DOOR_HPP

#include <new>

namespace ashlar::faces {

[[nodiscard]] std::new_handler current_new_handler() noexcept;
[[noreturn]] void throw_bad_alloc();

}  // namespace ashlar::faces

#endif

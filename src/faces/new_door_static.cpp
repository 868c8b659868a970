#include "faces/new_door.hpp"

namespace ashlar::faces {

std::new_handler current_new_handler() noexcept { return std::get_new_handler(); }
void throw_bad_alloc() { throw std::bad_alloc(); }

}  // namespace ashlar::faces

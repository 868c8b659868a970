// The C++ runtime for the static library, which links to it. Any thread.
#include "malloc/api/cxx_runtime.hpp"

namespace ashlar::api {

std::new_handler current_new_handler() noexcept { return std::get_new_handler(); }
void throw_bad_alloc() { throw std::bad_alloc(); }

}  // namespace ashlar::api

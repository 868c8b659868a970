// The functions of the C++ runtime that operator new needs. The static library
// refers to them; the drop-in, which must not depend on libstdc++, finds them
// at run time.
#ifndef ASHLAR_MALLOC_API_CXX_RUNTIME_HPP
#define ASHLAR_MALLOC_API_CXX_RUNTIME_HPP

#include <new>

namespace ashlar::api {

[[nodiscard]] std::new_handler current_new_handler() noexcept;
[[noreturn]] void throw_bad_alloc();

}  // namespace ashlar::api

#endif

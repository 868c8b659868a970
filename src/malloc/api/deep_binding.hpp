// Redirects the names of malloc's family for libraries that are opened with
// RTLD_DEEPBIND. Such a library looks names up in its own dependencies first:
// it finds libc's functions, not the program's. Any thread, any number of
// times.
#ifndef ASHLAR_MALLOC_API_DEEP_BINDING_HPP
#define ASHLAR_MALLOC_API_DEEP_BINDING_HPP

namespace ashlar::api {

// Writes the process's functions into libc's symbol table under these names.
// False: the table can't be changed.
[[nodiscard]] bool route_deep_bindings() noexcept;

}  // namespace ashlar::api

#endif

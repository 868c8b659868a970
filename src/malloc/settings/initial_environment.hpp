// The environment that the kernel gave to the process. No allocation, no
// constructor needed; any thread.
#ifndef ASHLAR_MALLOC_SETTINGS_INITIAL_ENVIRONMENT_HPP
#define ASHLAR_MALLOC_SETTINGS_INITIAL_ENVIRONMENT_HPP

namespace ashlar::settings {

// libc's variable, or what lies on the first stack as long as libc has not set
// it: that is so in resolvers of indirect functions, and in .preinit_array.
// nullptr: neither is known, or the program has removed its environment.
[[nodiscard]] const char* const* initial_environment() noexcept;

}  // namespace ashlar::settings

#endif

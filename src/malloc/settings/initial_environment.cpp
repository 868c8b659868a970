#include "malloc/settings/initial_environment.hpp"

#include <errno.h>
#include <unistd.h>
#include <cstdint>

// Of glibc's loader: where the first stack was at the start. musl sets
// `environ` before any code of libraries runs.
extern "C" [[gnu::weak]] const void* ashlar_stack_end asm("__libc_stack_end");

namespace ashlar::settings {

namespace {

// libc sets the program's name together with the environment. So a program that
// has called clearenv() has a name and no environment.
bool libc_is_ready() noexcept {
    return program_invocation_name != nullptr && *program_invocation_name != '\0';
}

}  // namespace

// As the kernel leaves it, and the loader, which removes its own arguments and
// what setuid programs must not have:
//
//   count | argument | ... | null | variable | ... | null | auxiliary data
const char* const* initial_environment() noexcept {
    if (environ != nullptr || libc_is_ready()) return environ;
    const void* const* const address = &ashlar_stack_end;
    if (address == nullptr || *address == nullptr) return nullptr;
    const auto* const words = static_cast<const char* const*>(*address);
    const auto arguments = reinterpret_cast<std::uintptr_t>(words[0]);
    constexpr std::uintptr_t kMost = std::uintptr_t{1} << 24;
    if (arguments > kMost || words[1 + arguments] != nullptr) return nullptr;
    return words + 2 + arguments;
}

}  // namespace ashlar::settings

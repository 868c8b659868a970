// How much memory the process may have: what its control groups allow, or what
// the machine has. Reads files of the kernel with system calls alone. Any
// thread.
#ifndef ASHLAR_MALLOC_SETTINGS_MACHINE_HPP
#define ASHLAR_MALLOC_SETTINGS_MACHINE_HPP

#include <cstdint>

#include "malloc/settings/settings.hpp"

namespace ashlar::settings {

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

// The least limit of a control group and of those above it, of version 2
// (memory.max) or 1 (memory.limit_in_bytes). `root` is where they are mounted,
// `groups` the text of /proc/PID/cgroup. kUnlimited: there is none.
[[nodiscard]] std::uint64_t cgroup_limit(const char* root, const char* groups) noexcept;
// Memory of the machine.
[[nodiscard]] std::uint64_t machine_memory() noexcept;
// The limit of this process, or the memory of the machine if that is less.
[[nodiscard]] std::uint64_t available_memory() noexcept;
// An amount in bytes, of `whole` bytes if it is a percentage.
[[nodiscard]] std::uint64_t bytes_of(const Amount& amount, std::uint64_t whole) noexcept;

}  // namespace ashlar::settings

#endif

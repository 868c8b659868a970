// Small numbers of threads: no two live threads have the same, and that of a thread that ends goes to a new one, with whatever
// is kept by number (a slot of the gate, a first choice of a shard).
#ifndef ASHLAR_MANAGER_THREAD_NUMBERS_HPP
#define ASHLAR_MANAGER_THREAD_NUMBERS_HPP

#include <cstdint>

namespace ashlar::manager {

// The calling thread's, from 1 on.
[[nodiscard]] std::uint32_t thread_number() noexcept;

// The lowest that nobody has; what the thread that had it last did is seen. Beyond kMostNumbers each is given out once.
inline constexpr std::uint32_t kMostNumbers = 4096;
[[nodiscard]] std::uint32_t take_thread_number() noexcept;
void give_thread_number(std::uint32_t number) noexcept;

}  // namespace ashlar::manager

#endif

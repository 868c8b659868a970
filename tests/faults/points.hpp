// Where the allocator can be refused something: the system calls below it, and the doors between its own layers. The linker
// sends each call through here (--wrap), so that the shipped objects are tested as they are.
#ifndef ASHLAR_TESTS_FAULTS_POINTS_HPP
#define ASHLAR_TESTS_FAULTS_POINTS_HPP

#include <cstddef>
#include <cstdint>

namespace faults {

enum class Point : unsigned {
    map,           // mmap: ENOMEM
    unmap,         // munmap: ENOMEM, and the range stays
    advise,        // madvise: EINVAL
    sysinfo,       // how much memory there is
    key_create,    // pthread_key_create: EAGAIN
    set_specific,  // pthread_setspecific: ENOMEM
    refill,        // Arena::take: no block of a class
    span,          // Spans::take: no run of units
    extend,        // Spans::extend: no room behind a run
    cache,         // Core::take_cache: no cache for the thread
    magazine,      // Depot::give: no empty magazine
    full,          // Depot::take: no full magazine
    enroll,        // Registry::enroll: too many heaps
};
inline constexpr unsigned kPoints = 13;
const char* name_of(Point point) noexcept;

// From here on the point's n-th use fails; `on`: and all after it. n = 0: none. Counts begin anew.
void plan(Point point, std::uint64_t n, bool on) noexcept;
[[nodiscard]] std::uint64_t uses(Point point) noexcept;
[[nodiscard]] std::uint64_t refusals() noexcept;

// Mappings over this size are refused always, as under a limit of the address space.
inline constexpr std::size_t kMostMapped = std::size_t{64} << 20;
// Bytes that the allocator has mapped and not tried to unmap.
[[nodiscard]] std::size_t mapped() noexcept;
[[nodiscard]] std::size_t mappings() noexcept;  // how many
// Of those that were to be unmapped, how many the registry of heaps still knew.
[[nodiscard]] std::size_t unmapped_while_known() noexcept;
// Bytes that it could not unmap, and bytes it gave back after that by other means.
[[nodiscard]] std::size_t stuck() noexcept;
[[nodiscard]] std::size_t rescued() noexcept;

}  // namespace faults

#endif

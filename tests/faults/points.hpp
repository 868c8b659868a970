// The points where the allocator can be refused: system calls, and calls
// between its layers. The linker redirects each call here (--wrap), so that the
// shipped objects are tested unchanged.
#ifndef ASHLAR_TESTS_FAULTS_POINTS_HPP
#define ASHLAR_TESTS_FAULTS_POINTS_HPP

#include <cstddef>
#include <cstdint>

namespace faults {

enum class Point : unsigned {
    map,           // mmap: ENOMEM
    unmap,         // munmap: ENOMEM, and the range stays
    commit,        // mprotect: ENOMEM, and the pages have no access
    remap,         // mremap: ENOMEM, and the mapping stays as it is
    advise,        // madvise: EINVAL
    key_create,    // pthread_key_create: EAGAIN
    set_specific,  // pthread_setspecific: ENOMEM
    refill,        // Arena::take: no block of a class
    span,          // Spans::take: no run of units
    extend,        // Spans::extend: no room behind a run
    cache,         // Heap::take_cache: no cache for the thread
    magazine,      // Depot::give: no empty magazine
    full,          // Depot::take: no full magazine
    enroll,        // Registry::enroll: too many heaps
};
inline constexpr unsigned kPoints = 14;
const char* name_of(Point point) noexcept;

// Makes the point's n-th use from now on fail; `on`: and all later ones. n = 0:
// none.
void plan(Point point, std::uint64_t n, bool on) noexcept;
[[nodiscard]] std::uint64_t uses(Point point) noexcept;
[[nodiscard]] std::uint64_t refusals() noexcept;

// Mappings over this size are always refused, as under a limit of the address
// space.
inline constexpr std::size_t kMostMapped = std::size_t{64} << 20;
// Bytes that the allocator has mapped and has not tried to unmap.
[[nodiscard]] std::size_t mapped() noexcept;
// The number of mappings to be unmapped that the registry of heaps still knew.
[[nodiscard]] std::size_t unmapped_while_known() noexcept;
// Bytes that it could not unmap, and bytes of them that it gave back by other
// means.
[[nodiscard]] std::size_t stuck() noexcept;
[[nodiscard]] std::size_t rescued() noexcept;

}  // namespace faults

#endif

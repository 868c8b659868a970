// The statistics of a heap, by the readers of inspect/. Any thread.
#ifndef ASHLAR_MALLOC_API_SNAPSHOT_HPP
#define ASHLAR_MALLOC_API_SNAPSHOT_HPP

#include <ashlar/ashlar.h>

#include <cstddef>

namespace ashlar::cache {
class Heap;
}

namespace ashlar::api {

// Of a private heap, or of the process: nullptr.
[[nodiscard]] ash_stats statistics(const cache::Heap* heap) noexcept;
[[nodiscard]] std::size_t class_statistics(ash_class_stats* out, std::size_t count) noexcept;
// False: it could not be written.
[[nodiscard]] bool report(int descriptor, bool json) noexcept;
[[nodiscard]] bool metrics(int descriptor) noexcept;

}  // namespace ashlar::api

#endif

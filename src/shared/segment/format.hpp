// How this build reads a segment, and how the format of a file differs from it.
// Any thread.
#ifndef ASHLAR_SHARED_SEGMENT_FORMAT_HPP
#define ASHLAR_SHARED_SEGMENT_FORMAT_HPP

#include <string>

#include "shared/segment/header.hpp"

namespace ashlar::shared {

[[nodiscard]] Format format_of_this_build() noexcept;
// Whether the file claims to be a shared heap, of whatever layout.
[[nodiscard]] bool has_magic(const Format& found) noexcept;
// Names the first field that differs, with what was found and what was
// expected. Empty: none differs.
[[nodiscard]] std::string difference(const Format& found);

}  // namespace ashlar::shared

#endif

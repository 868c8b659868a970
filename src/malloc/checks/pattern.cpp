#include "malloc/checks/pattern.hpp"

#include "base/report.hpp"

namespace ashlar::checks {

void report_written(const void* block, std::size_t usable, std::uint64_t word) noexcept {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    std::size_t at = 0;
    while (at + 1 < filled_bytes(usable) && bytes[at] == static_cast<unsigned char>(word)) ++at;
    base::report_write_after_free(block, usable, at);
}

}  // namespace ashlar::checks

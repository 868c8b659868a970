// The report about a process, as text or as one JSON object.
#ifndef ASHLAR_MALLOC_INSPECT_REPORT_HPP
#define ASHLAR_MALLOC_INSPECT_REPORT_HPP

#include "malloc/inspect/survey.hpp"

namespace ashlar::inspect {

// False: the text could not be written.
[[nodiscard]] bool write_text(const Result& result, int descriptor) noexcept;
[[nodiscard]] bool write_json(const Result& result, int descriptor) noexcept;

}  // namespace ashlar::inspect

#endif

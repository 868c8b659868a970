// The steps from the bytes that a program asked for to the resident set size
// that the kernel reports. The lines add up to `sum`; what the kernel says
// besides is the difference. No state.
#ifndef ASHLAR_MALLOC_INSPECT_WATERFALL_HPP
#define ASHLAR_MALLOC_INSPECT_WATERFALL_HPP

#include "malloc/inspect/survey.hpp"

namespace ashlar::inspect {

struct WaterfallLine {
    const char* key;   // in JSON
    const char* text;  // in the report
    std::int64_t bytes;
};

struct Waterfall {
    static constexpr unsigned kLines = 19;
    static constexpr unsigned kOurs = 13;  // lines before those of other memory
    WaterfallLine lines[kLines];
    std::int64_t ours;  // sum of the first kOurs lines
    std::int64_t sum;
    std::int64_t rss;
};

[[nodiscard]] Waterfall waterfall_of(const Result& result, const Sums& sums) noexcept;

}  // namespace ashlar::inspect

#endif

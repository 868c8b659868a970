// Files of /proc, read line by line in a buffer of the object's own. No malloc,
// no stdio. One thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_PROC_FILE_HPP
#define ASHLAR_MALLOC_INSPECT_PROC_FILE_HPP

#include <cstddef>

#include "base/proc_maps.hpp"

namespace ashlar::inspect {

using base::open_proc;
using base::read_number;
using base::skip;

class ProcFile {
  public:
    // False: the system refuses.
    [[nodiscard]] bool open(int process, const char* name) noexcept;
    void close() noexcept;
    // As Lines::next().
    [[nodiscard]] char* line() noexcept { return lines_.next(); }

  private:
    static constexpr std::size_t kBytes = 16384;
    int file_;
    base::Lines lines_;
    char text_[kBytes + 1];
};

}  // namespace ashlar::inspect

#endif

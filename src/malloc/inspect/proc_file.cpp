#include "malloc/inspect/proc_file.hpp"

#include <unistd.h>

namespace ashlar::inspect {

bool ProcFile::open(int process, const char* name) noexcept {
    file_ = open_proc(process, name);
    lines_.start(file_, text_, kBytes);
    return file_ >= 0;
}

void ProcFile::close() noexcept {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
}

}  // namespace ashlar::inspect

// ash_set_report_handler(): between the program's handler and the reports. Any
// thread.
#ifndef ASHLAR_MALLOC_API_REPORT_HANDLER_HPP
#define ASHLAR_MALLOC_API_REPORT_HANDLER_HPP

#include <ashlar/ashlar.h>

namespace ashlar::api {

// False: a report of another thread goes on for too long.
[[nodiscard]] bool set_report_handler(ash_report_handler handler, void* user) noexcept;

}  // namespace ashlar::api

#endif

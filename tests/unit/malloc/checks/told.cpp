#include "unit/malloc/checks/told.hpp"

#include <unistd.h>
#include <csetjmp>
#include <cstdlib>
#include <sstream>

#include "malloc/process/fault_report.hpp"

namespace {

struct Catcher {
    std::string text;
    std::jmp_buf back;
};
thread_local Catcher* catcher = nullptr;

}  // namespace

namespace ashlar::cache {

settings::Settings report_settings() noexcept { return {.report = settings::ReportLevel::line}; }

}  // namespace ashlar::cache

extern "C" {
ssize_t __real_write(int descriptor, const void* bytes, size_t count);
[[noreturn]] void __real_abort();

ssize_t __wrap_write(int descriptor, const void* bytes, size_t count) {
    if (catcher == nullptr) return __real_write(descriptor, bytes, count);
    catcher->text.append(static_cast<const char*>(bytes), count);
    return static_cast<ssize_t>(count);
}
[[noreturn]] void __wrap_abort() {
    if (catcher == nullptr) __real_abort();
    std::longjmp(catcher->back, 1);
}
}

std::string told(const std::function<void()>& misuse) {
    Catcher own;
    catcher = &own;
    if (setjmp(own.back) == 0) misuse();
    catcher = nullptr;
    return own.text;
}

std::string line(const char* fault, const void* pointer, const std::string& detail) {
    std::ostringstream text;
    text << "ashlar: " << fault << " of " << pointer << " (" << detail << ")\n";
    return text.str();
}

#include "malloc/api/report_handler.hpp"

#include "malloc/process/fault_report.hpp"

namespace ashlar::api {

namespace {

static_assert(ASH_DOUBLE_FREE == static_cast<int>(base::Misuse::double_free));
static_assert(ASH_INVALID_FREE == static_cast<int>(base::Misuse::invalid_free));
static_assert(ASH_WRONG_SIZE == static_cast<int>(base::Misuse::wrong_size));
static_assert(ASH_WRITE_AFTER_FREE == static_cast<int>(base::Misuse::write_after_free));
static_assert(ASH_OVERFLOW == static_cast<int>(base::Misuse::overflow));
static_assert(ASH_CORRUPTION == static_cast<int>(base::Misuse::corruption));
static_assert(ASH_UNDERFLOW == static_cast<int>(base::Misuse::underflow));
static_assert(ASH_USE_AFTER_FREE == static_cast<int>(base::Misuse::use_after_free));
static_assert(ASH_WILD_ACCESS == static_cast<int>(base::Misuse::wild_access));
static_assert(sizeof(std::size_t) == sizeof(std::uintptr_t));

void call(const cache::FaultHandler& handler, const base::Report& report,
          const cache::FaultStack& stack) {
    const ash_fault fault{static_cast<int>(report.kind),
                          report.pointer,
                          report.size,
                          report.line,
                          stack.frames,
                          stack.count};
    reinterpret_cast<ash_report_handler>(handler.function)(&fault, handler.user);
}

}  // namespace

bool set_report_handler(ash_report_handler handler, void* user) noexcept {
    if (handler == nullptr) return cache::set_fault_handler({});
    return cache::set_fault_handler({call, reinterpret_cast<void (*)()>(handler), user});
}

}  // namespace ashlar::api

// Numbers and names as text, the same in every locale.
#ifndef ASHLAR_MANAGER_REPORT_TEXT_HPP
#define ASHLAR_MANAGER_REPORT_TEXT_HPP

#include <ashlar/manager_types.hpp>
#include <string>
#include <string_view>

namespace ashlar::manager {

[[nodiscard]] std::string decimal(double value, int digits);
// "12 bytes", "4 KiB", "1.5 GiB"
[[nodiscard]] std::string amount(Size bytes);
// Both replace bytes that are not UTF-8 by U+FFFD. JSON escapes control
// characters; XML can't have them, so they are replaced too.
[[nodiscard]] std::string json_string(std::string_view text);
[[nodiscard]] std::string xml_text(std::string_view text);
[[nodiscard]] const char* kind_name(BlockView::Kind kind) noexcept;

}  // namespace ashlar::manager

#endif

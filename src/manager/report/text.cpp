#include "manager/report/text.hpp"

#include <array>
#include <charconv>

#include "base/bits.hpp"

namespace ashlar::manager {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the well-formed sequence at the beginning of the text (RFC
// 3629); 0: there is none.
std::size_t sequence(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead < 0xC2   ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    // Rules out overlong forms, surrogates, and code points beyond U+10FFFF.
    const unsigned second = byte(1);
    const bool wrong = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                       (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
    return wrong ? 0 : length;
}

// Calls special(character) for each ASCII character. It returns the text to
// write instead; empty: the character itself.
template <class Special>
std::string escaped(std::string_view text, Special special) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = sequence(text);
        const std::string instead = length == 1 ? special(text[0]) : std::string();
        if (length == 0) {
            result += kReplacement;
        } else if (instead.empty()) {
            result += text.substr(0, length);
        } else {
            result += instead;
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result;
}

bool is_control(char character) {
    return static_cast<unsigned char>(character) < 0x20 || character == 0x7F;
}

}  // namespace

std::string decimal(double value, int digits) {
    std::array<char, 64> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::fixed, digits)
                         .ptr;
    return {text.data(), end};
}

std::string amount(Size bytes) {
    constexpr std::array<const char*, 5> kUnits{" bytes", " KiB", " MiB", " GiB", " TiB"};
    if (bytes == 1) return "1 byte";
    const unsigned unit = bytes < 1024 ? 0 : std::min((base::highest(bytes)) / 10, 4U);
    const Size whole = Size{1} << (10 * unit);
    const int digits = bytes % whole == 0 ? 0 : 1;
    return decimal(static_cast<double>(bytes) / static_cast<double>(whole), digits) + kUnits[unit];
}

std::string json_string(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const std::string inside = escaped(text, [&](char character) -> std::string {
        if (character == '"') return "\\\"";
        if (character == '\\') return "\\\\";
        if (!is_control(character)) return {};
        const auto code = static_cast<unsigned char>(character);
        return std::string("\\u00") + kHex[code >> 4U] + kHex[code & 15U];
    });
    return '"' + inside + '"';
}

std::string xml_text(std::string_view text) {
    return escaped(text, [](char character) -> std::string {
        switch (character) {
            case '&': return "&amp;";
            case '<': return "&lt;";
            case '>': return "&gt;";
            case '"': return "&quot;";
            default: return is_control(character) ? std::string(kReplacement) : std::string();
        }
    });
}

const char* kind_name(BlockView::Kind kind) noexcept {
    switch (kind) {
        case BlockView::Kind::block: return "block";
        case BlockView::Kind::small_block: return "small block";
        case BlockView::Kind::movable: return "movable";
        case BlockView::Kind::reserved: return "reserved";
        case BlockView::Kind::slab: return "slab";
        case BlockView::Kind::hole: return "free";
    }
    return "";
}

}  // namespace ashlar::manager

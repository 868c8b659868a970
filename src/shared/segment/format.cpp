#include "shared/segment/format.hpp"

#include <cstring>

#include "base/bits.hpp"
#include "core/region/region.hpp"
#include "shared/segment/slot.hpp"

namespace ashlar::shared {

namespace {

constexpr char kMagic[sizeof(Format::magic) + 1] = "ashlarSH";
constexpr std::uint32_t kVersion = 1;
#if defined(__GLIBC__)
constexpr char kLibrary[] = "glibc";
#else
constexpr char kLibrary[] = "another";
#endif

std::string differs(const char* field, const std::string& found, const std::string& expected) {
    return std::string(field) + " is " + found + ", expected " + expected;
}

// Text of a file may lack its end, and have bytes that are no letters.
std::string text_of(const char* bytes, std::size_t size) {
    std::string text(bytes, strnlen(bytes, size));
    for (char& letter : text) {
        if (letter < ' ' || letter > '~') letter = '?';
    }
    return "\"" + text + "\"";
}

}  // namespace

Format format_of_this_build() noexcept {
    Format format{};
    std::memcpy(format.magic, kMagic, sizeof format.magic);
    format.version = kVersion;
    format.word_bits = base::kWordBits;
    format.page_size = static_cast<std::uint32_t>(region::page_size());
    format.slot_bytes = sizeof(Slot);
    std::memcpy(format.library, kLibrary, sizeof kLibrary);
    return format;
}

bool has_magic(const Format& found) noexcept {
    return std::memcmp(found.magic, kMagic, sizeof found.magic) == 0;
}

std::string difference(const Format& found) {
    const Format expected = format_of_this_build();
    struct Field {
        const char* name;
        std::uint32_t found, expected;
    };
    const Field fields[] = {
        {"the layout version", found.version, expected.version},
        {"the word size in bits", found.word_bits, expected.word_bits},
        {"the page size", found.page_size, expected.page_size},
        {"the size of a thread's slot", found.slot_bytes, expected.slot_bytes},
    };
    if (!has_magic(found)) {
        return differs("the magic", text_of(found.magic, sizeof found.magic),
                       text_of(kMagic, sizeof found.magic));
    }
    for (const Field& field : fields) {
        if (field.found != field.expected)
            return differs(field.name, std::to_string(field.found), std::to_string(field.expected));
    }
    if (std::memcmp(found.library, expected.library, sizeof found.library) == 0) return {};
    return differs("the C library", text_of(found.library, sizeof found.library),
                   text_of(kLibrary, sizeof kLibrary));
}

}  // namespace ashlar::shared

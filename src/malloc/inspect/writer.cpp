#include "malloc/inspect/writer.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "base/line.hpp"

namespace ashlar::inspect {

void Writer::put(char c) noexcept {
    if (length_ == kBytes) flush();
    text_[length_++] = c;
}

bool Writer::flush() noexcept {
    const int saved = errno;
    for (std::size_t done = 0; done < length_ && !failed_;) {
        const ssize_t n = ::write(descriptor_, text_ + done, length_ - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            failed_ = true;
        } else {
            done += static_cast<std::size_t>(n);
        }
    }
    length_ = mark_ = 0;
    errno = saved;
    return !failed_;
}

Writer& Writer::text(const char* words) noexcept {
    while (*words != '\0') put(*words++);
    return *this;
}

void Writer::digits(std::uint64_t value, unsigned radix) noexcept {
    char reversed[20];
    unsigned n = 0;
    do {
        reversed[n++] = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (value != 0);
    while (n > 0) put(reversed[--n]);
}

Writer& Writer::number(std::uint64_t value) noexcept {
    digits(value, 10);
    return *this;
}

Writer& Writer::signed_number(std::int64_t value) noexcept {
    if (value < 0) put('-');
    return number(value < 0 ? 0 - static_cast<std::uint64_t>(value)
                            : static_cast<std::uint64_t>(value));
}

Writer& Writer::pointer(std::uint64_t address) noexcept {
    text("0x");
    digits(address, 16);
    return *this;
}

Writer& Writer::size(std::uint64_t bytes) noexcept {
    base::Line line;
    line.size(bytes);
    for (std::size_t i = 0; i < line.length(); ++i) put(line.data()[i]);
    return *this;
}

Writer& Writer::mark() noexcept {
    constexpr std::size_t kRoom = 128;
    if (kBytes - length_ < kRoom) flush();
    mark_ = length_;
    return *this;
}

Writer& Writer::right(std::size_t width) noexcept {
    const std::size_t n = length_ - mark_;
    if (n >= width || kBytes - length_ < width - n) return *this;
    std::memmove(text_ + mark_ + width - n, text_ + mark_, n);
    std::memset(text_ + mark_, ' ', width - n);
    length_ = mark_ + width;
    return *this;
}

Writer& Writer::left(std::size_t width) noexcept {
    while (length_ - mark_ < width && length_ < kBytes) text_[length_++] = ' ';
    return *this;
}

Writer& Writer::comma() noexcept {
    if (!first_) text(", ");
    first_ = false;
    return *this;
}

Writer& Writer::key(const char* name) noexcept {
    comma();
    return text("\"").text(name).text("\": ");
}

Writer& Writer::open(char bracket) noexcept {
    put(bracket);
    first_ = true;
    return *this;
}

Writer& Writer::close(char bracket) noexcept {
    put(bracket);
    first_ = false;
    return *this;
}

}  // namespace ashlar::inspect

#include "base/line.hpp"

#include <unistd.h>
#include <cerrno>

namespace ashlar::base {

Line& Line::text(const char* words) noexcept {
    while (*words != '\0' && length_ < kMost) text_[length_++] = *words++;
    return *this;
}

void Line::digits(std::uint64_t value, unsigned radix) noexcept {
    char reversed[20];
    unsigned n = 0;
    do {
        reversed[n++] = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (value != 0);
    while (n > 0 && length_ < kMost) text_[length_++] = reversed[--n];
}

Line& Line::number(std::uint64_t value) noexcept {
    digits(value, 10);
    return *this;
}

Line& Line::hexadecimal(std::uint64_t value) noexcept {
    digits(value, 16);
    return *this;
}

Line& Line::pointer(const void* address) noexcept {
    return text("0x").hexadecimal(reinterpret_cast<std::uintptr_t>(address));
}

Line& Line::size(std::size_t bytes) noexcept {
    static constexpr char kSuffix[][5] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    unsigned scale = 0;
    for (; bytes >= std::size_t{1} << 20; bytes >>= 10) ++scale;
    std::size_t tenths = bytes * 10;
    if (bytes >= 1024) {
        tenths = (tenths + 512) / 1024;
        ++scale;
    }
    if (tenths >= 10240) {  // rounded up to a whole step
        tenths = 10;
        ++scale;
    }
    number(tenths / 10);
    if (scale > 0) text(".").number(tenths % 10);
    return text(kSuffix[scale]);
}

const char* Line::terminated() noexcept {
    if (length_ > 0 && text_[length_ - 1] == '\n') --length_;
    text_[length_] = '\0';
    return text_;
}

bool Line::write(int descriptor) noexcept {
    const int saved = errno;
    text_[length_++] = '\n';
    std::size_t done = 0;
    while (done < length_) {
        const ssize_t n = ::write(descriptor, text_ + done, length_ - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    errno = saved;
    return done == length_;
}

}  // namespace ashlar::base

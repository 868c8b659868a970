#include "base/proc_maps.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace ashlar::base {

int open_proc(int process, const char* name) noexcept {
    char path[64] = "/proc/";
    std::size_t at = 6;
    char digits[12] = "fles";  // reversed, as the digits
    std::size_t n = process == 0 ? 4 : 0;
    for (auto left = static_cast<unsigned>(process); left != 0; left /= 10)
        digits[n++] = static_cast<char>('0' + left % 10);
    while (n > 0) path[at++] = digits[--n];
    path[at++] = '/';
    while (*name != '\0' && at < sizeof path - 1) path[at++] = *name++;
    path[at] = '\0';
    return ::open(path, O_RDONLY | O_CLOEXEC);
}

void Lines::start(int file, char* buffer, std::size_t bytes) noexcept {
    file_ = file;
    dropping_ = false;
    begin_ = end_ = 0;
    bytes_ = bytes;
    text_ = buffer;
}

char* Lines::next() noexcept {
    for (;;) {
        char* const from = text_ + begin_;
        auto* newline = static_cast<char*>(std::memchr(from, '\n', end_ - begin_));
        if (newline != nullptr) {
            *newline = '\0';
            begin_ = static_cast<std::size_t>(newline + 1 - text_);
            if (!dropping_) return from;
            dropping_ = false;
            continue;
        }
        if (begin_ == 0 && end_ == bytes_) {  // a line that does not fit
            text_[bytes_] = '\0';
            begin_ = end_;
            if (dropping_) continue;
            dropping_ = true;
            return text_;
        }
        std::memmove(text_, from, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        const ssize_t got = ::read(file_, text_ + end_, bytes_ - end_);
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) {
            end_ += static_cast<std::size_t>(got);
            continue;
        }
        if (end_ == 0 || dropping_) return nullptr;
        text_[end_] = '\0';
        begin_ = end_;
        return text_;
    }
}

std::uint64_t read_number(const char*& text, unsigned radix) noexcept {
    std::uint64_t value = 0;
    for (;; ++text) {
        const char c = *text;
        const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                               : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                                                      : radix;
        if (digit >= radix) return value;
        value = value * radix + digit;
    }
}

bool skip(const char*& text, const char* words) noexcept {
    const char* at = text;
    for (; *words != '\0'; ++words, ++at) {
        if (*at != *words) return false;
    }
    text = at;
    return true;
}

bool parse_mapping(const char* text, Mapping& out) noexcept {
    const char* at = text;
    out.start = read_number(at, 16);
    if (at == text || *at != '-') return false;
    out.end = read_number(++at, 16);
    if (*at++ != ' ') return false;
    for (char& each : out.permissions) {
        if (*at == '\0') return false;
        each = *at++;
    }
    if (*at++ != ' ') return false;
    out.offset = read_number(at, 16);
    while (*at != ' ' && *at != '\0') ++at;
    if (*at != '\0') ++at;
    while (*at != ' ' && *at != '\0') ++at;  // the device
    if (*at != '\0') ++at;
    out.inode = read_number(at, 10);
    while (*at == ' ') ++at;
    out.name = at;
    return true;
}

}  // namespace ashlar::base

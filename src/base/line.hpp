// One line of text, put together on the stack and written to stderr in one
// system call: no malloc, no stdio, no locale.
#ifndef ASHLAR_BASE_LINE_HPP
#define ASHLAR_BASE_LINE_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::base {

class Line {
  public:
    Line& text(const char* words) noexcept;
    Line& number(std::uint64_t value) noexcept;
    Line& hexadecimal(std::uint64_t value) noexcept;  // without 0x
    Line& pointer(const void* address) noexcept;
    Line& size(std::size_t bytes) noexcept;  // "12.3 MiB"
    // Ends the line and writes it to the file descriptor; the rest that can't
    // be written is dropped. False: something was. Keeps errno.
    bool write(int descriptor) noexcept;

    // The text with a zero behind it; without the newline of write().
    [[nodiscard]] const char* terminated() noexcept;
    [[nodiscard]] const char* data() const noexcept { return text_; }
    [[nodiscard]] std::size_t length() const noexcept { return length_; }

  private:
    void digits(std::uint64_t value, unsigned radix) noexcept;

    static constexpr std::size_t kMost = 511;
    std::size_t length_ = 0;
    char text_[kMost + 1];  // the last is for a newline or a zero
};

}  // namespace ashlar::base

#endif

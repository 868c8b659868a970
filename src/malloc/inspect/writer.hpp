// Text that is written to a file descriptor in pieces, without malloc, stdio
// and locale. Keeps errno. One thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_WRITER_HPP
#define ASHLAR_MALLOC_INSPECT_WRITER_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::inspect {

class Writer {
  public:
    explicit Writer(int descriptor) noexcept : descriptor_(descriptor) {}
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { flush(); }

    Writer& text(const char* words) noexcept;
    Writer& number(std::uint64_t value) noexcept;
    Writer& signed_number(std::int64_t value) noexcept;
    Writer& pointer(std::uint64_t address) noexcept;
    // "12.3 MiB"
    Writer& size(std::uint64_t bytes) noexcept;
    // Fills up with spaces, so that what is written since mark() has at least
    // this width: before it, or behind it.
    Writer& mark() noexcept;
    Writer& right(std::size_t width) noexcept;
    Writer& left(std::size_t width) noexcept;
    // A member of a JSON object: its name, then the value. With a comma, unless
    // it follows an opening bracket.
    Writer& key(const char* name) noexcept;
    Writer& member(const char* name, std::uint64_t value) noexcept {
        return key(name).number(value);
    }
    Writer& open(char bracket) noexcept;
    Writer& close(char bracket) noexcept;
    Writer& comma() noexcept;

    // Writes what is left. False: some of the text could not be written.
    bool flush() noexcept;

  private:
    void put(char c) noexcept;
    void digits(std::uint64_t value, unsigned radix) noexcept;

    static constexpr std::size_t kBytes = 1024;
    int descriptor_;
    bool failed_ = false;
    bool first_ = true;  // the next member needs no comma
    std::size_t length_ = 0;
    std::size_t mark_ = 0;
    char text_[kBytes];
};

}  // namespace ashlar::inspect

#endif

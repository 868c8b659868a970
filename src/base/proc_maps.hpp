// Text files of /proc, read line by line in a buffer of the caller, and the
// lines of maps. System calls alone: no malloc, no stdio, usable in signal
// handlers. One thread at a time uses an object.
#ifndef ASHLAR_BASE_PROC_MAPS_HPP
#define ASHLAR_BASE_PROC_MAPS_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::base {

// Opens /proc/PROCESS/NAME for reading; -1: the system refuses. Process 0 is
// this one. Keeps errno where it succeeds.
[[nodiscard]] int open_proc(int process, const char* name) noexcept;

class Lines {
  public:
    // Reads the file from where it stands. The buffer has `bytes` + 1 bytes.
    void start(int file, char* buffer, std::size_t bytes) noexcept;
    // The next line, without its end; nullptr: there is none. Of a line that
    // does not fit the buffer, the rest is dropped. It stays until the next
    // call.
    [[nodiscard]] char* next() noexcept;

  private:
    int file_;
    bool dropping_;
    std::size_t begin_, end_, bytes_;
    char* text_;
};

// The number at `text`, in this radix; moves `text` behind it.
[[nodiscard]] std::uint64_t read_number(const char*& text, unsigned radix) noexcept;
// Whether `text` begins with `words`; moves `text` behind them if so.
[[nodiscard]] bool skip(const char*& text, const char* words) noexcept;

// A line of maps or smaps that begins a mapping:
// 55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                  [heap]
struct Mapping {
    std::uint64_t start, end;
    char permissions[4];
    std::uint64_t offset;
    std::uint64_t inode;
    const char* name;
};

// False: the line is no such line. The name points into the text.
[[nodiscard]] bool parse_mapping(const char* text, Mapping& out) noexcept;

}  // namespace ashlar::base

#endif

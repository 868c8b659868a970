// Files of /proc, read line by line in a buffer of the caller. No malloc, no
// stdio. One thread at a time.
#ifndef ASHLAR_MALLOC_INSPECT_PROC_FILE_HPP
#define ASHLAR_MALLOC_INSPECT_PROC_FILE_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::inspect {

// Opens /proc/PROCESS/NAME for reading; -1: the system refuses. Keeps errno
// where it succeeds.
[[nodiscard]] int open_proc(int process, const char* name) noexcept;

class ProcFile {
  public:
    // False: the system refuses.
    [[nodiscard]] bool open(int process, const char* name) noexcept;
    void close() noexcept;
    // The next line, without its end; nullptr: there is none. Of a line that
    // does not fit the buffer, the rest is dropped. It stays until the next
    // call.
    [[nodiscard]] char* line() noexcept;

  private:
    static constexpr std::size_t kBytes = 16384;
    int file_;
    bool dropping_;
    std::size_t begin_, end_;
    char text_[kBytes + 1];
};

// The number at `text`, in this radix; moves `text` behind it.
[[nodiscard]] std::uint64_t read_number(const char*& text, unsigned radix) noexcept;
// Whether `text` begins with `words`; moves `text` behind them if so.
[[nodiscard]] bool skip(const char*& text, const char* words) noexcept;

}  // namespace ashlar::inspect

#endif

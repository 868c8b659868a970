#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/line.hpp"

namespace {

int interruptions = 0;         // so many writes end by a signal
std::size_t piece = SIZE_MAX;  // the most that one takes

}  // namespace

extern "C" {
// The linker redirects calls of write, in this program and in the static
// library, to this function.
ssize_t __real_write(int descriptor, const void* bytes, std::size_t n);
ssize_t __wrap_write(int descriptor, const void* bytes, std::size_t n);
ssize_t __wrap_write(int descriptor, const void* bytes, std::size_t n) {
    if (interruptions > 0) {
        --interruptions;
        errno = EINTR;
        return -1;
    }
    return __real_write(descriptor, bytes, n < piece ? n : piece);
}
}

namespace {

using ashlar::base::Line;

std::string_view seen(const Line& line) { return {line.data(), line.length()}; }

std::string size_text(std::size_t bytes) {
    Line line;
    return std::string(seen(line.size(bytes)));
}

TEST(Line, FormatsTextNumbersAndPointers) {
    Line line;
    line.text("a ")
        .number(0)
        .text(" b ")
        .number(UINT64_MAX)
        .text(" c ")
        .pointer(reinterpret_cast<void*>(0xdeadbeef));
    EXPECT_EQ(seen(line), "a 0 b 18446744073709551615 c 0xdeadbeef");
    Line null;
    EXPECT_EQ(seen(null.pointer(nullptr)), "0x0");
    Line high;
    EXPECT_EQ(seen(high.pointer(reinterpret_cast<void*>(UINTPTR_MAX))), "0xffffffffffffffff");
}

TEST(Line, SizesHaveOneDecimalAndTheRightUnit) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(1023), "1023 B");
    EXPECT_EQ(size_text(1024), "1.0 KiB");
    EXPECT_EQ(size_text(1536), "1.5 KiB");
    EXPECT_EQ(size_text(12'897'485), "12.3 MiB");
    EXPECT_EQ(size_text((1 << 20) - 1), "1.0 MiB") << "never 1024.0 KiB";
    EXPECT_EQ(size_text(std::size_t{1} << 30), "1.0 GiB");
    EXPECT_EQ(size_text(std::size_t{1} << 40), "1.0 TiB");
    EXPECT_EQ(size_text(std::size_t{3} << 50), "3.0 PiB");
}

TEST(Line, CutsTextThatIsTooLong) {
    Line line;
    const std::string words(100, 'x');
    for (int i = 0; i < 6; ++i) line.text(words.c_str()).number(1234567);
    EXPECT_EQ(line.length(), 511U);
    EXPECT_EQ(seen(line).substr(0, 107), words + "1234567");
}

class Pipe {
  public:
    Pipe() { EXPECT_EQ(pipe2(ends_, O_NONBLOCK), 0); }
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    [[nodiscard]] int in() const { return ends_[1]; }
    [[nodiscard]] std::string read_out() const {
        char text[1024];
        const ssize_t n = read(ends_[0], text, sizeof text);
        return {text, n > 0 ? static_cast<std::size_t>(n) : 0};
    }

  private:
    int ends_[2];
};

TEST(Line, WriteAppendsANewlineAndKeepsErrno) {
    const Pipe pipe;
    errno = ERANGE;
    Line line;
    line.text("hello ").number(7).write(pipe.in());
    EXPECT_EQ(errno, ERANGE);
    EXPECT_EQ(pipe.read_out(), "hello 7\n");
}

TEST(Line, FullLineEndsWithANewline) {
    const Pipe pipe;
    Line line;
    line.text(std::string(600, 'y').c_str()).write(pipe.in());
    EXPECT_EQ(pipe.read_out(), std::string(511, 'y') + "\n");
}

TEST(Line, WriteIsWholeDespitePartialWritesAndSignals) {
    const Pipe pipe;
    errno = ERANGE;
    interruptions = 3;
    piece = 5;
    Line line;
    line.text("one line in pieces").write(pipe.in());
    piece = SIZE_MAX;
    EXPECT_EQ(interruptions, 0);
    EXPECT_EQ(errno, ERANGE);
    EXPECT_EQ(pipe.read_out(), "one line in pieces\n");
}

TEST(Line, FailedWriteKeepsErrno) {
    errno = ERANGE;
    Line line;
    line.text("nowhere").write(-1);
    EXPECT_EQ(errno, ERANGE);
}

}  // namespace

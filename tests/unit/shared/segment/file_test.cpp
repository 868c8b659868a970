// The file of a segment, its view, and its format.
#include <fcntl.h>
#include <sys/mman.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "core/region/region.hpp"
#include "shared/segment/file.hpp"
#include "shared/segment/format.hpp"

namespace {

using namespace ashlar::shared;

constexpr std::size_t kMiB = std::size_t{1} << 20;

int make_memory(std::size_t bytes) {
    const int descriptor = memfd_create("ashlar-test", MFD_CLOEXEC);
    EXPECT_EQ(ftruncate(descriptor, static_cast<off_t>(bytes)), 0);
    return descriptor;
}

TEST(SharedFile, CommitPutsPagesAndPunchTakesThem) {
    File file(make_memory(64 * kMiB));
    EXPECT_EQ(file.length(), 64 * kMiB);
    EXPECT_EQ(file.pages(), 0U);
    EXPECT_TRUE(file.commit(kMiB, 40 * kMiB));
    EXPECT_TRUE(file.commit(kMiB, 40 * kMiB));
    EXPECT_EQ(file.pages(), 40 * kMiB);
    EXPECT_TRUE(file.punch(2 * kMiB, 30 * kMiB));
    EXPECT_EQ(file.pages(), 10 * kMiB);
    EXPECT_EQ(file.length(), 64 * kMiB);
}

TEST(SharedFile, CommitKeepsWhatIsInTheFile) {
    File file(make_memory(kMiB));
    const View view(file, kMiB);
    ASSERT_NE(view.start(), 0U);
    auto* const bytes = reinterpret_cast<char*>(view.start());
    bytes[5000] = 3;
    EXPECT_TRUE(file.commit(0, kMiB));
    EXPECT_EQ(bytes[5000], 3);
    EXPECT_TRUE(file.punch(0, kMiB));
    EXPECT_EQ(bytes[5000], 0);
}

TEST(SharedFile, FailuresKeepErrno) {
    const int descriptor = make_memory(kMiB);
    File file(open(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), O_RDONLY));
    errno = EDOM;
    EXPECT_FALSE(file.commit(0, kMiB));
    EXPECT_FALSE(file.punch(0, kMiB));
    EXPECT_EQ(errno, EDOM);
    close(descriptor);
}

// A program that closes all descriptors must not lose another file's content.
TEST(SharedFile, AnotherFileUnderTheSameNumberIsLeftAlone) {
    const int descriptor = make_memory(kMiB);
    {
        File file(descriptor);
        const int other = make_memory(kMiB);
        ASSERT_EQ(pwrite(other, "x", 1, 0), 1);
        ASSERT_EQ(dup2(other, descriptor), descriptor);
        close(other);
        EXPECT_FALSE(file.punch(0, kMiB));
        EXPECT_FALSE(file.commit(0, kMiB));
    }
    char found = 0;
    EXPECT_EQ(pread(descriptor, &found, 1, 0), 1);
    EXPECT_EQ(found, 'x');
    close(descriptor);
}

TEST(SharedView, LiesAtAMultipleOfAUnit) {
    const File file(make_memory(kMiB));
    for (int i = 0; i < 8; ++i) {
        const View view(file, kMiB - 4096);
        EXPECT_EQ(view.start() % 65536, 0U);
        EXPECT_TRUE(view.has(view.start()));
        EXPECT_TRUE(view.has(view.start() + kMiB - 1));
        EXPECT_FALSE(view.has(view.start() + kMiB));
        EXPECT_FALSE(view.has(view.start() - 1));
    }
}

TEST(SharedFormat, EachFieldThatDiffersIsNamed) {
    const Format ours = format_of_this_build();
    EXPECT_EQ(difference(ours), "");
    EXPECT_TRUE(has_magic(ours));
    Format other = ours;
    other.version = 77;
    EXPECT_EQ(difference(other),
              "the layout version is 77, expected " + std::to_string(ours.version));
    other = ours;
    other.word_bits = 32;
    EXPECT_EQ(difference(other), "the word size in bits is 32, expected 64");
    other = ours;
    other.page_size = 12288;
    EXPECT_EQ(difference(other),
              "the page size is 12288, expected " + std::to_string(ashlar::region::page_size()));
    other = ours;
    other.slot_bytes = 8;
    EXPECT_EQ(difference(other),
              "the size of a thread's slot is 8, expected " + std::to_string(ours.slot_bytes));
    other = ours;
    std::memcpy(other.library, "musl", 5);
    EXPECT_EQ(difference(other),
              "the C library is \"musl\", expected \"" + std::string(ours.library) + "\"");
    std::memset(other.library, 200, sizeof other.library);
    EXPECT_NE(difference(other).find("\"????????????????\""), std::string::npos);
    other = ours;
    other.magic[0] = '\0';
    EXPECT_EQ(difference(other), "the magic is \"\", expected \"ashlarSH\"");
    EXPECT_FALSE(has_magic(other));
}

}  // namespace

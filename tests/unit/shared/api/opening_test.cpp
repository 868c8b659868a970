// Opening a shared heap: each error says what was found and what was expected.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <cstring>
#include <functional>
#include <string>

#include "shared/segment/format.hpp"
#include "shared/segment/header.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
using Mode = SharedHeapMode;
using Fault = SharedHeapFault;

// A path that is removed at the end.
struct TemporaryPath {
    TemporaryPath() : text(::testing::TempDir() + "ashlar-heap-" + std::to_string(getpid())) {
        unlink(text.c_str());
    }
    TemporaryPath(const TemporaryPath&) = delete;
    TemporaryPath& operator=(const TemporaryPath&) = delete;
    ~TemporaryPath() { unlink(text.c_str()); }
    std::string text;
};

void expect_fault(Fault fault, const std::string& part, const std::function<void()>& act) {
    try {
        act();
        ADD_FAILURE() << "no error: " << part;
    } catch (const SharedHeapError& error) {
        EXPECT_EQ(error.fault(), fault) << error.what();
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
}

void write_bytes(const std::string& path, const void* bytes, std::size_t size, off_t at = 0) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(pwrite(file, bytes, size, at), static_cast<ssize_t>(size));
    close(file);
}

struct SharedHeapOpening : ::testing::Test {
    TemporaryName name;
    TemporaryPath path;
    void expect_path_fault(Fault fault, const std::string& part, Mode mode = Mode::open_or_create) {
        expect_fault(fault, part, [&] {
            const SharedHeap heap = SharedHeap::file(mode, path.text, small_heap());
        });
    }
};

TEST_F(SharedHeapOpening, CreateOnlyFailsIfTheNameExists) {
    const SharedHeap heap(Mode::create_only, name, small_heap());
    expect_fault(Fault::exists, name.text() + ": exists",
                 [&] { const SharedHeap second(Mode::create_only, name); });
}

TEST_F(SharedHeapOpening, OpenOnlyFailsIfTheNameIsMissing) {
    expect_fault(Fault::missing, name.text(),
                 [&] { const SharedHeap heap(Mode::open_only, name); });
    // It made none.
    expect_fault(Fault::missing, name.text(),
                 [&] { const SharedHeap heap(Mode::open_only, name); });
    expect_path_fault(Fault::missing, path.text, Mode::open_only);
}

TEST_F(SharedHeapOpening, RemoveSaysWhetherThereWasAName) {
    EXPECT_FALSE(SharedHeap::remove(name));
    SharedHeap heap(Mode::create_only, name, small_heap());
    EXPECT_TRUE(SharedHeap::remove(name));
    EXPECT_FALSE(SharedHeap::remove(name));
    EXPECT_NE(heap.allocate(8), nullptr);  // open heaps go on
}

TEST_F(SharedHeapOpening, AFileKeepsItsBlocksUntilItIsOpenedAgain) {
    std::uint64_t offset = 0;
    {
        SharedHeap heap = SharedHeap::file(Mode::create_only, path.text, small_heap());
        auto* const text = static_cast<char*>(heap.allocate(20));
        std::strcpy(text, "until tomorrow");
        offset = heap.to_offset(text);
    }
    SharedHeap heap = SharedHeap::file(Mode::open_only, path.text);
    EXPECT_STREQ(static_cast<char*>(heap.to_address(offset)), "until tomorrow");
    EXPECT_EQ(heap.statistics().limit, small_heap().limit);
    EXPECT_EQ(heap.statistics().threads, 1U);
    EXPECT_EQ(heap.check(), 0U);
    heap.deallocate(heap.to_address(offset));
}

TEST_F(SharedHeapOpening, ADescriptorIsCreatedOnceAndShared) {
    const int descriptor = memfd_create("ashlar-test", MFD_CLOEXEC);
    SharedHeap first = SharedHeap::descriptor(descriptor, small_heap());
    SharedHeap second = SharedHeap::descriptor(descriptor, small_heap());
    close(descriptor);
    void* const block = first.allocate(50);
    second.deallocate(second.to_address(first.to_offset(block)));
    EXPECT_EQ(first.check(), 0U);
    expect_fault(Fault::system, "descriptor -1",
                 [] { const SharedHeap heap = SharedHeap::descriptor(-1); });
}

TEST_F(SharedHeapOpening, TheLimitMustBeUsableAndTheHeaps) {
    for (const std::size_t limit : {std::size_t{0}, (std::size_t{1} << 38) + 1, ~std::size_t{0}}) {
        expect_fault(Fault::bad_size, "the limit is " + std::to_string(limit),
                     [&] { const SharedHeap heap(Mode::open_or_create, name, {.limit = limit}); });
    }
    const SharedHeap heap(Mode::open_or_create, name, {.limit = 100000});
    EXPECT_EQ(heap.statistics().limit, 131072U);
    EXPECT_EQ(SharedHeap(Mode::open_only, name, {.limit = 131072}).statistics().limit, 131072U);
    EXPECT_EQ(SharedHeap(Mode::open_only, name).statistics().limit, 131072U);
    expect_fault(Fault::bad_size, "has a limit of 131072 bytes, expected 131073",
                 [&] { const SharedHeap other(Mode::open_only, name, {.limit = 131073}); });
}

TEST_F(SharedHeapOpening, OtherFilesAreRefusedAndKept) {
    write_bytes(path.text, "hello, this is a text", 21);
    expect_path_fault(Fault::not_a_heap, "the magic is \"hello, t\", expected \"ashlarSH\"");
    const std::string zeros(4096, '\0');
    write_bytes(path.text, zeros.data(), zeros.size());
    expect_path_fault(Fault::not_a_heap, "the magic is \"\"");
    unlink(path.text.c_str());
    ASSERT_EQ(mkfifo(path.text.c_str(), 0600), 0);
    expect_path_fault(Fault::not_a_heap, "is no regular file");
    unlink(path.text.c_str());
    ASSERT_EQ(mkdir(path.text.c_str(), 0700), 0);
    expect_path_fault(Fault::system, "Is a directory");
    rmdir(path.text.c_str());
}

TEST_F(SharedHeapOpening, AnotherLayoutIsNamed) {
    { const SharedHeap heap = SharedHeap::file(Mode::create_only, path.text, small_heap()); }
    shared::Format format = shared::format_of_this_build();
    ++format.version;
    write_bytes(path.text, &format, sizeof format);
    expect_path_fault(Fault::other_layout,
                      "the layout version is " + std::to_string(format.version) + ", expected ");
    --format.version;
    format.page_size *= 2;
    write_bytes(path.text, &format, sizeof format);
    expect_path_fault(Fault::other_layout, "the page size is ");
}

TEST_F(SharedHeapOpening, AFileThatEndsEarlyIsRefused) {
    { const SharedHeap heap = SharedHeap::file(Mode::create_only, path.text, small_heap()); }
    struct stat found {};
    ASSERT_EQ(stat(path.text.c_str(), &found), 0);
    for (const off_t length : {found.st_size - 1, found.st_size / 2, off_t{4096}}) {
        ASSERT_EQ(truncate(path.text.c_str(), length), 0);
        expect_path_fault(Fault::not_a_heap, "ends after " + std::to_string(length) +
                                                 " bytes, expected " +
                                                 std::to_string(found.st_size));
    }
}

TEST_F(SharedHeapOpening, AHeaderWithAWrongNumberOfUnitsIsRefused) {
    { const SharedHeap heap = SharedHeap::file(Mode::create_only, path.text, small_heap()); }
    for (const std::uint64_t units :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 23, ~std::uint64_t{0}}) {
        write_bytes(path.text, &units, sizeof units, offsetof(shared::Header, units));
        expect_path_fault(Fault::not_a_heap, "has " + std::to_string(units) + " units");
    }
}

TEST_F(SharedHeapOpening, TheRightsAreTheOnesAskedFor) {
    const mode_t before = umask(0077);
    const SharedHeap heap =
        SharedHeap::file(Mode::create_only, path.text, {.limit = 1 << 20, .rights = 0640});
    umask(before);
    struct stat found {};
    ASSERT_EQ(stat(path.text.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0640U);
    const SharedHeap again =
        SharedHeap::file(Mode::open_or_create, path.text, {.limit = 1 << 20, .rights = 0666});
    ASSERT_EQ(stat(path.text.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0640U);  // those of the creator
}

TEST_F(SharedHeapOpening, AnotherUserIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "needs the rights to become another user";
    const SharedHeap heap(Mode::create_only, name, small_heap());
    const SharedHeap open_to_all(Mode::open_or_create, name.text() + "-all",
                                 {.limit = 1 << 20, .rights = 0666});
    EXPECT_EQ(in_child([&] {
                  if (setuid(65534) != 0) return 9;
                  // A heap that was made for others opens in either mode.
                  SharedHeap usable(Mode::open_or_create, name.text() + "-all");
                  if (usable.allocate(8) == nullptr) return 8;
                  try {
                      const SharedHeap second(Mode::open_only, name);
                      return 7;
                  } catch (const SharedHeapError& error) {
                      return error.fault() == Fault::no_rights ? 0 : 6;
                  }
              }),
              0);
    SharedHeap::remove(name.text() + "-all");
}

TEST_F(SharedHeapOpening, WithoutAddressSpaceTheErrorSaysSo) {
    if (kSanitized) GTEST_SKIP() << "the sanitizer needs address space of its own";
    EXPECT_EQ(in_child([&] {
                  const rlimit most{std::size_t{4} << 30, std::size_t{4} << 30};
                  setrlimit(RLIMIT_AS, &most);
                  try {
                      const SharedHeap heap(Mode::create_only, name);
                      return 1;
                  } catch (const SharedHeapError& error) {
                      return error.fault() == Fault::no_address_space ? 0 : 2;
                  }
              }),
              0);
    // Nobody finished the first one.
    const SharedHeap later(Mode::open_or_create, name, small_heap());
}

}  // namespace

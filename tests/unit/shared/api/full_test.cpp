// A full file system makes an allocation fail. It never raises a signal, and
// the heap goes on afterwards.
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;
using Mode = SharedHeapMode;

// A small file system of its own, if the machine allows it.
struct SmallFileSystem : ::testing::Test {
    std::string directory = ::testing::TempDir() + "ashlar-full-" + std::to_string(getpid());
    bool mounted = false;
    void SetUp() override {
        mkdir(directory.c_str(), 0700);
        mounted = mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=8m") == 0;
        if (!mounted) GTEST_SKIP() << "needs the right to mount";
    }
    void TearDown() override {
        if (mounted) umount2(directory.c_str(), MNT_DETACH);
        rmdir(directory.c_str());
    }
    [[nodiscard]] std::string path(const char* file) const { return directory + "/" + file; }
};

// Allocates until there is no room, and writes every byte.
std::vector<void*> fill(SharedHeap& heap, std::size_t size) {
    std::vector<void*> blocks;
    while (void* const block = heap.allocate(size)) {
        std::memset(block, 1, size);
        blocks.push_back(block);
    }
    return blocks;
}

TEST_F(SmallFileSystem, AllocationsFailWhenItIsFullAndSucceedAfterFrees) {
    SharedHeap heap = SharedHeap::file(Mode::create_only, path("heap"), small_heap());
    for (const std::size_t size :
         {std::size_t{100}, std::size_t{3000}, std::size_t{70000}, std::size_t{1} << 20}) {
        const std::vector<void*> blocks = fill(heap, size);
        EXPECT_GT(blocks.size(), 3U) << size;
        EXPECT_EQ(heap.check(), 0U);
        for (void* const block : blocks) heap.deallocate(block);
        EXPECT_EQ(heap.statistics().blocks, 0U);
        heap.trim();
    }
    EXPECT_EQ(heap.check(), 0U);
}

TEST_F(SmallFileSystem, OtherFilesThatFillItTakeNothingFromTheHeap) {
    SharedHeap heap = SharedHeap::file(Mode::create_only, path("heap"), small_heap());
    void* const first = heap.allocate(100);
    SharedHeap other = SharedHeap::file(Mode::create_only, path("other"), small_heap());
    const std::vector<void*> blocks = fill(other, 60000);
    std::memset(first, 1, 100);
    heap.deallocate(first);
    for (int i = 0; i < 1000; ++i)
        heap.deallocate(heap.allocate(static_cast<std::size_t>(i) * 100));
    EXPECT_EQ(heap.check(), 0U);
    for (void* const block : blocks) other.deallocate(block);
}

TEST_F(SmallFileSystem, AHeapThatDoesNotFitIsRefused) {
    {
        SharedHeap filler = SharedHeap::file(Mode::create_only, path("filler"), small_heap());
        static_cast<void>(fill(filler, 60000));
        static_cast<void>(fill(filler, 4000));
    }
    for (int i = 0; i < 2; ++i) {
        try {
            const SharedHeap heap = SharedHeap::file(Mode::create_only, path("heap"));
            ADD_FAILURE() << "created";
        } catch (const SharedHeapError& error) {
            EXPECT_EQ(error.fault(), SharedHeapFault::no_space) << error.what();
        }
    }
    unlink(path("filler").c_str());
    SharedHeap heap = SharedHeap::file(Mode::create_only, path("heap"), small_heap());
    EXPECT_NE(heap.allocate(100), nullptr);
}

TEST(SharedHeapLimits, ALimitOfFileSizesIsAnErrorAndNoSignal) {
    const TemporaryName name;
    EXPECT_EQ(in_child([&] {
                  const rlimit most{1 << 20, 1 << 20};
                  setrlimit(RLIMIT_FSIZE, &most);
                  try {
                      const SharedHeap heap(Mode::create_only, name, small_heap());
                      return 1;
                  } catch (const SharedHeapError& error) {
                      return error.fault() == SharedHeapFault::no_space ? 0 : 2;
                  }
              }),
              0);
    // A heap that exists already may still grow.
    SharedHeap heap = make_heap(name);
    EXPECT_EQ(in_child([&] {
                  const rlimit most{1 << 20, 1 << 20};
                  setrlimit(RLIMIT_FSIZE, &most);
                  void* const block = heap.allocate(std::size_t{20} << 20);
                  if (block == nullptr) return 1;
                  std::memset(block, 1, std::size_t{20} << 20);
                  heap.deallocate(block);
                  return 0;
              }),
              0);
}

}  // namespace

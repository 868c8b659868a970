// Misuse ends the program with one line that names the offset.
#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <string>

#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;

struct SharedHeapMisuse : ::testing::Test {
    TemporaryName name;
    SharedHeap heap = make_heap(name);
    char* small = static_cast<char*>(heap.allocate(100));
    char* large = static_cast<char*>(heap.allocate(100000));

    SharedHeapMisuse() { ::testing::FLAGS_gtest_death_test_style = "fast"; }
    [[nodiscard]] std::string line(const std::string& what, const void* address,
                                   const std::string& why) const {
        char offset[32];
        std::snprintf(offset, sizeof offset, "0x%llx",
                      static_cast<unsigned long long>(heap.to_offset(address)));
        return "^ashlar: " + what + " of offset " + offset + " in shared heap " + name.text() +
               " \\(" + why + "\\)\n";
    }
};

TEST_F(SharedHeapMisuse, ADoubleFreeIsReported) {
    heap.deallocate(small);
    heap.deallocate(large);
    EXPECT_DEATH(heap.deallocate(small), line("double free", small, "no live block begins there"));
    EXPECT_DEATH(heap.deallocate(large), line("double free", large, "no live block begins there"));
}

TEST_F(SharedHeapMisuse, ADoubleFreeByAnotherProcessIsReported) {
    ASSERT_EQ(in_child([&] {
                  heap.deallocate(small);
                  return 0;
              }),
              0);
    EXPECT_DEATH(heap.deallocate(small), line("double free", small, "no live block begins there"));
}

TEST_F(SharedHeapMisuse, AnInteriorFreeIsReported) {
    EXPECT_DEATH(heap.deallocate(small + 16),
                 line("invalid free", small + 16, "inside a 100-byte block"));
    EXPECT_DEATH(heap.deallocate(large + 70000),
                 line("invalid free", large + 70000, "inside a 100000-byte block"));
}

TEST_F(SharedHeapMisuse, AForeignFreeIsReported) {
    int local = 0;
    EXPECT_DEATH(heap.deallocate(&local),
                 "^ashlar: invalid free of address 0x[0-9a-f]+ in shared heap /.* \\(not from this "
                 "heap\\)\n");
    void* const header = heap.to_address(64);
    EXPECT_DEATH(heap.deallocate(header), line("invalid free", header, "not from this heap"));
}

TEST_F(SharedHeapMisuse, AFreeIntoAnotherHeapIsReported) {
    const TemporaryName second;
    SharedHeap other = make_heap(second);
    EXPECT_DEATH(other.deallocate(small), "invalid free of address .* \\(not from this heap\\)\n");
}

TEST_F(SharedHeapMisuse, QuestionsAndResizesCheckTheBlock) {
    EXPECT_DEATH(static_cast<void>(heap.usable_size(small + 1)),
                 line("invalid size question", small + 1, "inside a 100-byte block"));
    heap.deallocate(small);
    EXPECT_DEATH(static_cast<void>(heap.reallocate(small, 10)),
                 line("double reallocation", small, "no live block begins there"));
    EXPECT_DEATH(static_cast<void>(heap.reallocate(large + 16, 10)),
                 line("invalid reallocation", large + 16, "inside a 100000-byte block"));
}

TEST_F(SharedHeapMisuse, PlacesOutsideOfBlocksAreReported) {
    std::uint64_t local = 0;
    EXPECT_DEATH(static_cast<void>(heap.allocate_to(&local, 8)),
                 "invalid destination of address .* \\(not from this heap\\)\n");
    EXPECT_DEATH(heap.deallocate_from(&local),
                 "invalid source of address .* \\(not from this heap\\)\n");
    auto* const odd = reinterpret_cast<std::uint64_t*>(small + 4);
    EXPECT_DEATH(static_cast<void>(heap.allocate_to(odd, 8)),
                 line("invalid destination", odd, "not from this heap"));
    auto* const place = reinterpret_cast<std::uint64_t*>(small);
    *place = heap.to_offset(large) + 16;
    EXPECT_DEATH(heap.deallocate_from(place),
                 line("invalid free", large + 16, "inside a 100000-byte block"));
    *place = heap.to_offset(large);
    heap.deallocate(large);
    EXPECT_DEATH(heap.deallocate_from(place),
                 line("double free", large, "no live block begins there"));
}

}  // namespace

// Containers that lie in a shared heap, seen by processes and by views at other
// addresses.
#include <ashlar/shared_allocator.hpp>
#include <ashlar/shared_objects.hpp>

#include <boost/container/list.hpp>
#include <boost/container/map.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <boost/unordered_map.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unit/shared/names/heap_fixture.hpp"

namespace {

using ashlar::SharedAllocator;
using ashlar::SharedHeap;
using ashlar::SharedNameState;
using ashlar::SharedObjects;

template <class T>
using Vector = boost::container::vector<T, SharedAllocator<T>>;
using String = boost::container::basic_string<char, std::char_traits<char>, SharedAllocator<char>>;
using Map =
    boost::container::map<int, String, std::less<>, SharedAllocator<std::pair<const int, String>>>;
using Hashed = boost::unordered_map<int, int, boost::hash<int>, std::equal_to<>,
                                    SharedAllocator<std::pair<const int, int>>>;
using List = boost::container::list<int, SharedAllocator<int>>;
using StdVector = std::vector<int, SharedAllocator<int>>;

class SharedContainers : public HeapFixture {
  protected:
    // Lets a process work with the objects, in its own view of the heap.
    template <class F>
    void in_another_process(F work) {
        EXPECT_EQ(end(start([&] {
                      const SharedHeap again = open_again();
                      work(SharedObjects(again));
                      return HasFailure() ? 1 : 0;
                  })),
                  0);
    }
    SharedObjects objects_{heap_};
};

std::string text(int number) {
    return "number " + std::to_string(number) +
           std::string(static_cast<std::size_t>(number % 50), '.');
}

TEST_F(SharedContainers, AVectorGrowsInTwoProcesses) {
    auto& mine = objects_.construct<Vector<int>>("v")(SharedAllocator<int>(heap_)).value();
    for (int i = 0; i < 1000; ++i) mine.push_back(i);
    in_another_process([](const SharedObjects& objects) {
        auto& theirs = objects.find<Vector<int>>("v").value();
        for (int i = 0; i < 1000; ++i) ASSERT_EQ(theirs[static_cast<std::size_t>(i)], i);
        for (int i = 1000; i < 50'000; ++i) theirs.push_back(i);
    });
    ASSERT_EQ(mine.size(), 50'000u);
    for (int i = 0; i < 50'000; ++i) ASSERT_EQ(mine[static_cast<std::size_t>(i)], i);
    objects_.destroy<Vector<int>>("v");
    EXPECT_EQ(blocks(), 1u) << "the entry of the name";
}

TEST_F(SharedContainers, AMapOfStringsChangesInTwoProcesses) {
    const SharedAllocator<char> allocator(heap_);
    auto& mine = objects_.construct<Map>("m")(allocator).value();
    for (int i = 0; i < 500; ++i) mine.emplace(i, String(text(i).c_str(), allocator));
    in_another_process([](const SharedObjects& objects) {
        Map& theirs = objects.find<Map>("m").value();
        for (int i = 0; i < 500; i += 2) theirs.erase(i);
        for (int i = 500; i < 600; ++i)
            theirs.emplace(i, String(text(i).c_str(), theirs.get_allocator()));
    });
    EXPECT_EQ(mine.size(), 350u);
    for (int i = 0; i < 600; ++i) {
        const auto found = mine.find(i);
        ASSERT_EQ(found != mine.end(), i >= 500 || i % 2 == 1) << i;
        if (found != mine.end()) {
            ASSERT_EQ(found->second.c_str(), text(i));
        }
    }
    objects_.destroy<Map>("m");
    EXPECT_EQ(blocks(), 1u);
    EXPECT_EQ(heap_.check(), 0u);
}

TEST_F(SharedContainers, OfBoostKeepTheirContentAtAnotherAddress) {
    auto& hashed = objects_.construct<Hashed>("h")(SharedAllocator<int>(heap_)).value();
    auto& list = objects_.construct<List>("l")(SharedAllocator<int>(heap_)).value();
    for (int i = 0; i < 3000; ++i) {
        hashed.emplace(i, -i);
        list.push_back(i);
    }
    const SharedHeap again = open_again();
    const SharedObjects others(again);
    Hashed& other = others.find<Hashed>("h").value();
    EXPECT_NE(&other, &hashed);
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(other.at(i), -i);
    for (int i = 3000; i < 6000; ++i) other.emplace(i, -i);
    int expected = 0;
    for (const int number : others.find<List>("l").value()) ASSERT_EQ(number, expected++);
    for (int i = 0; i < 6000; ++i) ASSERT_EQ(hashed.at(i), -i);
}

TEST_F(SharedContainers, AStandardVectorKeepsItsContentAtAnotherAddress) {
    auto& numbers = objects_.construct<StdVector>("v")(SharedAllocator<int>(heap_)).value();
    for (int i = 0; i < 3000; ++i) numbers.push_back(i);
    const SharedHeap again = open_again();
    const SharedObjects others(again);
    StdVector& other = others.find<StdVector>("v").value();
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(other[static_cast<std::size_t>(i)], i);
    other.resize(10'000, 4);
    EXPECT_EQ(numbers.back(), 4);
}

using SharedAllocators = SharedContainers;

TEST_F(SharedAllocators, AreEqualIfTheyShareTheHeap) {
    SharedHeap other =
        SharedHeap::descriptor(memfd_create("other", MFD_CLOEXEC), {.limit = std::size_t{1} << 24});
    const SharedAllocator<int> mine(heap_);
    EXPECT_TRUE(mine == SharedAllocator<double>(mine));
    EXPECT_FALSE(mine == SharedAllocator<int>(other));
    // A move takes the allocator along: each block returns to its heap.
    Vector<int> vector(1000, 7, SharedAllocator<int>(other));
    EXPECT_EQ(other.statistics().blocks, 1u);
    vector = Vector<int>(2000, 8, mine);
    EXPECT_EQ(other.statistics().blocks, 0u);
    EXPECT_EQ(blocks(), 1u);
}

TEST_F(SharedAllocators, ThrowWithoutRoom) {
    SharedAllocator<std::uint64_t> allocator(heap_);
    EXPECT_THROW(static_cast<void>(allocator.allocate(std::size_t{1} << 40)), std::bad_alloc);
    EXPECT_THROW(static_cast<void>(allocator.allocate(~std::size_t{0} / 4)),
                 std::bad_array_new_length);
}

TEST_F(SharedAllocators, UseTheMemoryOfTheDead) {
    die_with(4000);
    SharedAllocator<std::uint64_t> allocator(heap_);
    EXPECT_NO_THROW(static_cast<void>(allocator.allocate(std::size_t{200} << 13)));
}

TEST_F(SharedAllocators, AlignTheirObjects) {
    struct alignas(1024) Wide {
        char bytes[1024];
    };
    SharedAllocator<Wide> allocator(heap_);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(allocator.allocate(1).get()) % 1024, 0u);
}

TEST_F(SharedAllocators, FindEachOfManyHeaps) {
    std::vector<std::optional<SharedHeap>> heaps(20);
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < heaps.size(); ++i) {
            if (round == 1 && i % 3 == 0) continue;
            const int file = memfd_create("many", MFD_CLOEXEC);
            heaps[i].emplace(SharedHeap::descriptor(file, {.limit = std::size_t{1} << 24}));
            close(file);
        }
        for (const auto& heap : heaps) {
            SharedAllocator<int> allocator(*heap);
            EXPECT_TRUE(heap->owns(allocator.allocate(4).get()));
        }
    }
}

TEST_F(SharedAllocators, FindNoClosedHeap) {
    const void* start = nullptr;
    {
        const SharedHeap other = SharedHeap::descriptor(memfd_create("other", MFD_CLOEXEC),
                                                        {.limit = std::size_t{1} << 24});
        start = ashlar::detail::shared_start(other);
        EXPECT_NE(ashlar::detail::shared_allocate(start, 1, 16), nullptr);
    }
    EXPECT_EQ(ashlar::detail::shared_allocate(start, 1, 16), nullptr);
}

TEST_F(SharedAllocators, EndTheProgramAtADoubleFree) {
    SharedAllocator<int> allocator(heap_);
    const auto block = allocator.allocate(1);
    allocator.deallocate(block, 1);
    EXPECT_DEATH(allocator.deallocate(block, 1), "double free of offset");
    int local = 0;
    EXPECT_DEATH(ashlar::detail::shared_deallocate(&local), "in no open shared heap");
}

}  // namespace

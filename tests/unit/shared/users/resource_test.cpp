// Polymorphic containers in a shared heap.
#include <ashlar/shared_memory_resource.hpp>

#include <list>
#include <map>
#include <string>
#include <vector>

#include "unit/shared/names/heap_fixture.hpp"

namespace {

using ashlar::SharedHeap;
using ashlar::SharedMemoryResource;

class SharedResource : public HeapFixture {
  protected:
    SharedMemoryResource resource_{heap_};
};

TEST_F(SharedResource, ServesContainers) {
    {
        std::pmr::map<int, std::pmr::string> map(&resource_);
        for (int i = 0; i < 1000; ++i)
            map.emplace(i, std::string(static_cast<std::size_t>(i), 'x'));
        for (const auto& [number, text] : map) {
            ASSERT_EQ(text.size(), static_cast<std::size_t>(number));
            ASSERT_TRUE(heap_.owns(&text));
        }
    }
    EXPECT_EQ(blocks(), 0u);
}

TEST_F(SharedResource, OthersReachItsElementsByOffset) {
    std::pmr::vector<int> numbers(100, 7, &resource_);
    const SharedHeap again = open_again();
    EXPECT_EQ(static_cast<int*>(again.to_address(heap_.to_offset(numbers.data())))[99], 7);
}

TEST_F(SharedResource, ThrowsWithoutRoomAndAtAWrongAlignment) {
    EXPECT_THROW(static_cast<void>(resource_.allocate(std::size_t{1} << 40)), std::bad_alloc);
    for (const std::size_t wrong : {std::size_t{24}, std::size_t{0}, std::size_t{131'072}}) {
        EXPECT_THROW(static_cast<void>(resource_.allocate(8, wrong)), std::bad_alloc);
    }
    void* const block = resource_.allocate(8, 65'536);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 65'536, 0u);
    resource_.deallocate(block, 8, 65'536);
}

TEST_F(SharedResource, EqualsThoseOfItsHeap) {
    const SharedHeap again = open_again();
    SharedHeap other = open_again();
    EXPECT_EQ(resource_, SharedMemoryResource(heap_));
    EXPECT_NE(resource_, SharedMemoryResource(other));
    EXPECT_FALSE(resource_.is_equal(*std::pmr::new_delete_resource()));
    EXPECT_EQ(&resource_.heap(), &heap_);
}

}  // namespace

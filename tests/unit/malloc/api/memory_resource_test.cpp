// ashlar::MemoryResource under the containers of std::pmr.
#include <map>
#include <memory_resource>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/memory_resource.hpp>

#include "heap_support.hpp"
#include "pattern.hpp"

namespace {

using ashlar::Heap;
using ashlar::MemoryResource;
using heap_support::visited;

TEST(MemoryResource, ServesPmrContainersFromItsHeap) {
    Heap heap;
    MemoryResource resource(heap);
    EXPECT_EQ(&resource.heap(), &heap);
    {
        std::pmr::vector<std::pmr::string> words(&resource);
        std::pmr::map<int, std::pmr::string> ordered(&resource);
        std::pmr::unordered_map<int, int> hashed(&resource);
        for (int i = 0; i < 1000; ++i) {
            words.emplace_back(100, 'w');
            ordered[i] = "a string too long to be kept inside the object itself";
            hashed[i] = i;
        }
        for (const std::pmr::string& word : words) EXPECT_TRUE(heap.owns(word.data()));
        for (const auto& [key, text] : ordered) EXPECT_TRUE(heap.owns(text.data()));
        EXPECT_TRUE(heap.owns(&hashed.at(7)));
    }
    EXPECT_TRUE(visited(heap).empty()) << "the containers gave everything back";
}

TEST(MemoryResource, UsesTheProcessHeapByDefault) {
    MemoryResource resource;
    std::pmr::vector<int> numbers(1000, 1, &resource);
    EXPECT_TRUE(Heap::process().owns(numbers.data()));
}

TEST(MemoryResource, HonoursAlignment) {
    Heap heap;
    MemoryResource resource(heap);
    for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        for (std::size_t size : Sizes{0, 1, 100, 5000}) {
            void* block = resource.allocate(size, alignment);
            EXPECT_TRUE(is_aligned(block, alignment));
            resource.deallocate(block, size, alignment);
        }
    }
    EXPECT_TRUE(visited(heap).empty());
}

TEST(MemoryResource, EqualityMeansTheSameHeap) {
    Heap first;
    Heap second;
    const MemoryResource a(first);
    const MemoryResource b(first);
    const MemoryResource c(second);
    EXPECT_TRUE(a.is_equal(a));
    EXPECT_TRUE(a.is_equal(b));
    EXPECT_FALSE(a.is_equal(c));
    EXPECT_FALSE(a.is_equal(*std::pmr::new_delete_resource()));
    EXPECT_TRUE(MemoryResource() == MemoryResource());
}

TEST(MemoryResource, DeallocateAcceptsBlocksOfAnEqualResource) {
    Heap heap;
    MemoryResource a(heap);
    MemoryResource b(heap);
    b.deallocate(a.allocate(100), 100);
    EXPECT_TRUE(visited(heap).empty());
}

TEST(MemoryResource, AllocateThrowsBadAllocWithoutMemory) {
    Heap heap(1 << 20);
    MemoryResource resource(heap);
    EXPECT_THROW((void)resource.allocate(opaque(std::size_t{1} << 26)), std::bad_alloc);
    EXPECT_THROW((void)resource.allocate(opaque(SIZE_MAX)), std::bad_alloc);
    void* block = resource.allocate(1000);
    resource.deallocate(block, 1000);
}

TEST(MemoryResource, ServesManyThreads) {
    Heap heap;
    MemoryResource resource(heap);
    std::vector<std::thread> threads;
    std::vector<std::size_t> sums(4);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 200; ++round) {
                std::pmr::vector<std::pmr::string> words(&resource);
                for (std::size_t n = 0; n < 100; ++n) words.emplace_back(n, 'x');
                for (const std::pmr::string& word : words) sums[i] += word.size();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t sum : sums) EXPECT_EQ(sum, 200u * 4950u);
    EXPECT_TRUE(visited(heap).empty());
    EXPECT_EQ(heap.check(), 0u);
}

TEST(MemoryResource, ServesAsUpstreamOfAPool) {
    Heap heap;
    MemoryResource resource(heap);
    std::pmr::monotonic_buffer_resource pool(&resource);
    std::pmr::vector<int> numbers(&pool);
    for (int i = 0; i < 10'000; ++i) numbers.push_back(i);
    EXPECT_TRUE(heap.owns(numbers.data()));
}

}  // namespace

// ashlar::ManagerResource under the containers of std::pmr.
#include <array>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/manager_resource.hpp>

#include "unit/manager/make.hpp"

namespace {

using ashlar::ManagerOptions;
using ashlar::ManagerResource;
using ashlar::MemoryManager;
using ashlar::Placement;
using ashlar::Size;

constexpr Size kMiB = Size{1} << 20;

bool is_aligned(const void* block, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

void fill_containers(ManagerResource& resource) {
    std::pmr::vector<std::pmr::string> words(&resource);
    std::pmr::map<int, std::pmr::string> ordered(&resource);
    std::pmr::unordered_map<int, int> hashed(&resource);
    std::pmr::list<double> listed(&resource);
    for (int i = 0; i < 1000; ++i) {
        words.emplace_back(100, static_cast<char>('a' + i % 26));
        ordered[i] = "a string too long to be kept inside the object itself";
        hashed[i] = i;
        listed.push_back(i);
    }
    for (int i = 0; i < 1000; i += 2) ordered.erase(i);
    for (std::size_t i = 0; i < words.size(); ++i)
        EXPECT_EQ(words[i], std::pmr::string(100, static_cast<char>('a' + i % 26)));
    for (const auto& [key, value] : hashed) EXPECT_EQ(key, value);
    EXPECT_TRUE(resource.manager().offset_of(words.data()).has_value());
    EXPECT_TRUE(resource.manager().offset_of(words[7].data()).has_value());
    EXPECT_GT(resource.manager().statistics().used, 100'000u);
}

TEST(ManagerResource, KeepsContainersInTheBuffer) {
    for (const make::Mode mode : make::modes) {
        for (const Placement placement : make::placements) {
            MemoryManager manager(4 * kMiB, make::placed(placement, mode));
            ManagerResource resource(manager);
            EXPECT_EQ(&resource.manager(), &manager);
            fill_containers(resource);
            EXPECT_EQ(manager.statistics().used, 0u) << "the containers gave everything back";
            EXPECT_EQ(manager.check(), 0u);
        }
    }
}

// The caller's buffer may begin at any address, and blocks must be aligned
// nevertheless.
TEST(ManagerResource, HonoursAlignmentWhereverTheBufferBegins) {
    std::vector<std::byte> bytes(2 * kMiB);
    for (std::size_t crooked = 0; crooked < 40; crooked += 3) {
        MemoryManager manager(std::span<std::byte>(bytes).subspan(crooked, kMiB));
        ManagerResource resource(manager);
        for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
            std::vector<void*> blocks;
            for (const std::size_t size : std::array<std::size_t, 4>{0, 1, 100, 5000}) {
                void* block = resource.allocate(size, alignment);
                EXPECT_TRUE(is_aligned(block, alignment));
                std::memset(block, 0xa5, size);
                blocks.push_back(block);
            }
            for (std::size_t i = 0; i < blocks.size(); ++i)
                resource.deallocate(blocks[i], i, alignment);
        }
        EXPECT_EQ(manager.statistics().blocks, 0u);
        EXPECT_EQ(manager.check(), 0u);
    }
}

TEST(ManagerResource, WorksOverPartsThatBeginAnywhere) {
    std::vector<std::unique_ptr<std::byte[]>> parts;
    ManagerOptions options;
    options.limit = 64 * kMiB;
    options.next_part = [&](Size wanted) {
        parts.push_back(std::make_unique<std::byte[]>(wanted + kMiB));
        return std::span(parts.back().get() + 5 * parts.size(), wanted + kMiB / 2);
    };
    std::vector<std::byte> first(100'003);
    MemoryManager manager(std::span<std::byte>(first).subspan(3), std::move(options));
    ManagerResource resource(manager);
    struct alignas(64) Line {
        std::array<std::uint64_t, 8> words;
    };
    std::vector<Line*> lines;
    std::pmr::polymorphic_allocator<Line> allocator(&resource);
    for (std::uint64_t i = 0; i < 40'000; ++i) {
        lines.push_back(allocator.allocate(1));
        ASSERT_TRUE(is_aligned(lines.back(), 64));
        lines.back()->words.fill(i);
    }
    EXPECT_GE(parts.size(), 2u);
    for (std::uint64_t i = 0; i < lines.size(); ++i) {
        for (const std::uint64_t word : lines[i]->words) ASSERT_EQ(word, i);
        allocator.deallocate(lines[i], 1);
    }
    EXPECT_EQ(manager.statistics().used, 0u);
    EXPECT_EQ(manager.check(), 0u);
}

TEST(ManagerResource, IsEqualWhereTheManagerIsTheSame) {
    MemoryManager first(kMiB);
    MemoryManager second(kMiB);
    const ManagerResource a(first);
    const ManagerResource b(first);
    const ManagerResource c(second);
    EXPECT_TRUE(a.is_equal(a));
    EXPECT_TRUE(a.is_equal(b));
    EXPECT_FALSE(a.is_equal(c));
    EXPECT_FALSE(a.is_equal(*std::pmr::new_delete_resource()));
}

TEST(ManagerResource, BlocksMayGoBackThroughAnEqualOne) {
    MemoryManager manager(kMiB);
    ManagerResource a(manager);
    ManagerResource b(manager);
    b.deallocate(a.allocate(100), 100);
    EXPECT_EQ(manager.statistics().blocks, 0u);
}

TEST(ManagerResource, ThrowsBadAllocWhenNothingFits) {
    MemoryManager manager(1000);
    ManagerResource resource(manager);
    EXPECT_THROW((void)resource.allocate(1001), std::bad_alloc);
    EXPECT_THROW((void)resource.allocate(SIZE_MAX / 2, 64), std::bad_alloc);
    void* block = resource.allocate(900, 1);
    EXPECT_THROW((void)resource.allocate(200), std::bad_alloc);
    EXPECT_EQ(manager.statistics().blocks, 1u);
    resource.deallocate(block, 900, 1);
    resource.deallocate(resource.allocate(200), 200);
}

TEST(ManagerResource, ThrowsBadAllocWithoutMemory) {
    MemoryManager manager = MemoryManager::without_memory(kMiB);
    ManagerResource resource(manager);
    EXPECT_THROW((void)resource.allocate(1), std::bad_alloc);
    EXPECT_EQ(manager.statistics().blocks, 0u);
}

TEST(ManagerResource, FollowsAManagerThatMoves) {
    MemoryManager first(kMiB);
    ManagerResource resource(first);
    MemoryManager second(kMiB);
    {
        std::pmr::list<int> listed({1, 2, 3}, &resource);
        MemoryManager third(std::move(first));
        EXPECT_EQ(&resource.manager(), &third);
        EXPECT_TRUE(resource.is_equal(ManagerResource(third)));
        listed.push_back(4);
        second = std::move(third);
        EXPECT_EQ(&resource.manager(), &second);
        listed.push_back(5);
        EXPECT_EQ(second.statistics().blocks, 5u);
    }
    EXPECT_EQ(second.statistics().blocks, 0u);
    std::swap(first, second);
    EXPECT_EQ(&resource.manager(), &first);
}

TEST(ManagerResource, OverAMovedFromManagerThrowsBadAlloc) {
    MemoryManager first(kMiB);
    const MemoryManager second(std::move(first));
    ManagerResource resource(first);
    EXPECT_EQ(&resource.manager(), &first);
    EXPECT_THROW((void)resource.allocate(1), std::bad_alloc);
    first = MemoryManager(kMiB);
    resource.deallocate(resource.allocate(100), 100);
}

TEST(ManagerResource, ReportsMisuse) {
    MemoryManager manager(kMiB);
    ManagerResource resource(manager);
    int elsewhere = 0;
    EXPECT_THROW(resource.deallocate(&elsewhere, sizeof elsewhere), ashlar::BadOffset);
    void* block = resource.allocate(64);
    EXPECT_THROW(resource.deallocate(static_cast<std::byte*>(block) + 16, 64), ashlar::BadOffset);
    resource.deallocate(block, 64);
    EXPECT_THROW(resource.deallocate(block, 64), ashlar::BadOffset);
}

TEST(ManagerResource, MayBeUsedByManyThreads) {
    MemoryManager manager(16 * kMiB);
    ManagerResource resource(manager);
    std::vector<std::thread> threads;
    std::array<std::size_t, 4> sums{};
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
    for (const std::size_t sum : sums) EXPECT_EQ(sum, 200u * 4950u);
    EXPECT_EQ(manager.statistics().used, 0u);
    EXPECT_EQ(manager.check(), 0u);
}

TEST(ManagerResource, MayFeedAPool) {
    MemoryManager manager(kMiB);
    ManagerResource resource(manager);
    std::pmr::monotonic_buffer_resource pool(&resource);
    std::pmr::vector<int> numbers(&pool);
    for (int i = 0; i < 10'000; ++i) numbers.push_back(i);
    EXPECT_TRUE(manager.offset_of(numbers.data()).has_value());
}

}  // namespace

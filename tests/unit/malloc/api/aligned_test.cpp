// The aligned entry points: every power of two up to 4 MiB, the sizes around
// it, and what is refused.
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api.hpp"
#include "pattern.hpp"

namespace {

constexpr std::size_t none_of_them[] = {3, 5, 12, 24, 48, 100, 1000, 4097, mib + 1, SIZE_MAX};

struct Way {
    const char* name;
    std::function<void*(std::size_t, std::size_t)> allocate;
};

const Way ways[] = {
    {"posix_memalign",
     [](std::size_t alignment, std::size_t size) {
         void* block = nullptr;
         return api.posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
     }},
    {"aligned_alloc", api.aligned_alloc},
    {"memalign", api.memalign},
};

std::vector<std::size_t> sizes_around(std::size_t alignment) {
    return {0,
            1,
            alignment / 2,
            alignment - 1,
            alignment,
            alignment + 1,
            2 * alignment + 8,
            5 * alignment,
            100,
            1000,
            40'000};
}

TEST(Aligned, EveryPowerOfTwoGivesAlignedBlocksOfSizesAround) {
    for (const Way& way : ways) {
        for (std::size_t alignment = sizeof(void*); alignment <= 4 * mib; alignment *= 2) {
            std::vector<std::pair<void*, std::size_t>> blocks;
            for (std::size_t size : sizes_around(alignment)) {
                for (int i = 0; i < 3; ++i) {
                    void* block = way.allocate(alignment, size);
                    ASSERT_NE(block, nullptr)
                        << way.name << "(" << alignment << ", " << size << ")";
                    EXPECT_TRUE(is_aligned(block, alignment))
                        << way.name << "(" << alignment << ", " << size << ")";
                    EXPECT_GE(api.usable_size(block), size);
                    fill(block, std::min(size, mib), blocks.size());
                    blocks.emplace_back(block, size);
                }
            }
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                const auto [block, size] = blocks[i];
                EXPECT_TRUE(intact(block, std::min(size, mib), i))
                    << way.name << "(" << alignment << ", " << size << ")";
                if (i % 2 == 0) {
                    api.free(block);
                } else {
                    api.free_aligned_sized(block, alignment, size);
                }
            }
        }
    }
}

TEST(Aligned, AllocGivesLiveBlocksThatDoNotOverlap) {
    for (std::size_t alignment : Sizes{64, 512, 4096, 65536}) {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < 500; ++i) {
            void* block = api.aligned_alloc(alignment, 200);
            ASSERT_NE(block, nullptr);
            ASSERT_TRUE(is_aligned(block, alignment));
            fill(block, 200, i);
            blocks.push_back(block);
        }
        for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_TRUE(intact(blocks[i], 200, i));
        for (void* block : blocks) api.free(block);
    }
}

TEST(Aligned, AlignmentThatIsNoPowerOfTwoIsRefused) {
    for (std::size_t alignment : none_of_them) {
        int untouched = 0;
        void* block = &untouched;
        EXPECT_EQ(api.posix_memalign(&block, alignment, 100), EINVAL) << alignment;
        EXPECT_EQ(block, &untouched);
        errno = 0;
        EXPECT_EQ(api.aligned_alloc(alignment, 100), nullptr) << alignment;
        EXPECT_EQ(errno, EINVAL) << alignment;
    }
    for (std::size_t alignment : Sizes{0, 1, 2, 4}) {
        void* block = nullptr;
        EXPECT_EQ(api.posix_memalign(&block, alignment, 100), EINVAL)
            << "not a multiple of sizeof(void*): " << alignment;
    }
    errno = 0;
    EXPECT_EQ(api.aligned_alloc(0, 100), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST(Aligned, AlignedAllocAcceptsSmallPowersAndAnySize) {
    for (std::size_t alignment : Sizes{1, 2, 4, 8}) {
        for (std::size_t size : Sizes{0, 1, 3, 100}) {
            void* block = api.aligned_alloc(alignment, size);
            EXPECT_NE(block, nullptr);
            EXPECT_TRUE(is_aligned(block, alignment));
            api.free(block);
        }
    }
}

TEST(Aligned, MemalignRoundsUpToAPowerOfTwo) {
    for (std::size_t alignment : Sizes{0, 1, 3, 5, 17, 24, 48, 100, 1000, 3000, 4097, 70'000}) {
        std::size_t rounded = 1;
        while (rounded < alignment) rounded *= 2;
        for (int i = 0; i < 20; ++i) {
            void* block = api.memalign(alignment, 100);
            ASSERT_NE(block, nullptr) << alignment;
            EXPECT_TRUE(is_aligned(block, rounded)) << alignment;
            api.free(block);
        }
    }
    errno = 0;
    EXPECT_EQ(api.memalign(SIZE_MAX, 100), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST(Aligned, PosixMemalignReturnsTheErrorAndKeepsErrno) {
    int untouched = 0;
    void* block = &untouched;
    errno = 4321;
    EXPECT_EQ(api.posix_memalign(&block, 64, SIZE_MAX), ENOMEM);
    EXPECT_EQ(api.posix_memalign(&block, 64, std::size_t{PTRDIFF_MAX} + 1), ENOMEM);
    EXPECT_EQ(api.posix_memalign(&block, 4096, SIZE_MAX - 4096), ENOMEM);
    EXPECT_EQ(api.posix_memalign(&block, std::size_t{1} << 62, 16), ENOMEM);
    EXPECT_EQ(api.posix_memalign(&block, 24, 16), EINVAL);
    EXPECT_EQ(block, &untouched);
    EXPECT_EQ(errno, 4321);
}

TEST(Aligned, ImpossibleSizesGiveEnomem) {
    for (std::size_t alignment : Sizes{16, 64, 4096, mib, std::size_t{1} << 62}) {
        for (std::size_t size : Sizes{SIZE_MAX, SIZE_MAX - alignment, SIZE_MAX - alignment + 1,
                                      std::size_t{PTRDIFF_MAX} + 1}) {
            errno = 0;
            EXPECT_EQ(api.aligned_alloc(alignment, size), nullptr) << alignment << ", " << size;
            EXPECT_EQ(errno, ENOMEM);
            errno = 0;
            EXPECT_EQ(api.memalign(alignment, size), nullptr) << alignment << ", " << size;
            EXPECT_EQ(errno, ENOMEM);
        }
    }
}

TEST(Aligned, VallocAndPvallocReturnPages) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    for (std::size_t size : Sizes{0, 1, page - 1, page, page + 1, 10 * page, mib}) {
        void* block = api.valloc(size);
        ASSERT_NE(block, nullptr);
        EXPECT_TRUE(is_aligned(block, page));
        fill(block, size, 1);
        void* pages = api.pvalloc(size);
        ASSERT_NE(pages, nullptr);
        EXPECT_TRUE(is_aligned(pages, page));
        const std::size_t rounded = (size + page - 1) / page * page;
        EXPECT_GE(api.usable_size(pages), rounded);
        fill(pages, rounded, 2);
        EXPECT_TRUE(intact(block, size, 1));
        api.free(block);
        api.free(pages);
    }
    for (std::size_t size :
         Sizes{SIZE_MAX, SIZE_MAX - page, SIZE_MAX - page + 1, std::size_t{PTRDIFF_MAX} + 1}) {
        errno = 0;
        EXPECT_EQ(api.valloc(size), nullptr);
        EXPECT_EQ(errno, ENOMEM);
        errno = 0;
        EXPECT_EQ(api.pvalloc(size), nullptr);
        EXPECT_EQ(errno, ENOMEM);
    }
}

}  // namespace

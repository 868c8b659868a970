// Misuse of a Heap prints the same lines as free. A block of another heap is
// foreign.
#include <cstdlib>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "abort_message.hpp"

namespace {

using ashlar::Heap;

class HeapMisuse : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

    // One block among neighbours that stay live, so that its slab stays a slab
    // when it is freed.
    static char* block_among_others(Heap& heap, std::size_t size) {
        const auto allocate_neighbours = [&heap, size] {
            for (int i = 0; i < 100; ++i) {
                if (heap.allocate(size) == nullptr) std::_Exit(1);
            }
        };
        allocate_neighbours();
        auto* block = static_cast<char*>(heap.allocate(size));
        allocate_neighbours();
        return block;
    }
};

TEST_P(HeapMisuse, DoubleFreeAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        char* block = block_among_others(heap, size);
        announce(block, heap.usable_size(block));
        heap.deallocate(block);
        heap.deallocate(block);
        heap.trim();
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(HeapMisuse, DoubleFreeAfterAnotherFreeAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        char* block = block_among_others(heap, size);
        char* other = block_among_others(heap, size);
        announce(block, heap.usable_size(block));
        ash_free(block);
        heap.deallocate(other);
        heap.deallocate(block);
        heap.trim();
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(HeapMisuse, FreeOfAPointerIntoABlockAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        char* block = block_among_others(heap, size);
        announce(block + 8, heap.usable_size(block));
        heap.deallocate(block + 8);
        heap.trim();
    };
    EXPECT_ABORT(misuse(), inside());
}

TEST_P(HeapMisuse, UsableSizeOfAPointerIntoABlockAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        char* block = block_among_others(heap, size);
        announce(block + 8, heap.usable_size(block));
        if (heap.usable_size(block + 8) == 0) return;
        heap.trim();
    };
    EXPECT_ABORT(misuse(), inside());
}

TEST_P(HeapMisuse, FreeOfABlockOfAnotherHeapAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        Heap other;
        void* kept = heap.allocate(size);
        void* block = other.allocate(size);
        announce(block);
        heap.deallocate(block);
        heap.deallocate(kept);
        heap.trim();
    };
    EXPECT_ABORT(misuse(), foreign());
}

TEST_P(HeapMisuse, FreeOfABlockOfTheProcessHeapAborts) {
    const auto misuse = [size = GetParam()] {
        Heap heap;
        void* block = ash_malloc(size);
        announce(block);
        heap.deallocate(block);
        heap.trim();
    };
    EXPECT_ABORT(misuse(), foreign());
}

TEST_P(HeapMisuse, FreeOfABlockOfADestroyedHeapAborts) {
    const auto misuse = [size = GetParam()] {
        void* block = nullptr;
        {
            Heap heap;
            block = heap.allocate(size);
        }
        announce(block);
        ash_free(block);
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), foreign());
}

INSTANTIATE_TEST_SUITE_P(Sizes, HeapMisuse, testing::Values(8, 4096, 262144),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

}  // namespace

// One misuse each, of a small block, a page and a run of units: the line that
// is printed, and abort(). A cache may hide the fault until its blocks go back
// to their slab. trim and the end of a thread force that.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "abort_message.hpp"
#include "api.hpp"

namespace {

class Misuse : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// One block among neighbours that stay live, so that its slab stays a slab when
// it is freed.
char* block_among_others(std::size_t size) {
    const auto allocate_neighbours = [size] {
        for (int i = 0; i < 100; ++i) {
            if (api.malloc(size) == nullptr) std::_Exit(1);
        }
    };
    allocate_neighbours();
    auto* block = static_cast<char*>(api.malloc(size));
    allocate_neighbours();
    return block;
}

// Frees `count` other blocks of the size.
void free_others(std::size_t size, std::size_t count) {
    std::vector<void*> others(count);
    for (void*& other : others) other = api.malloc(size);
    for (void* other : others) api.free(other);
}

// A thread that frees the blocks it is given and then ends. It exists, with its
// cache, before the first free.
class Freer {
  public:
    Freer()
        : thread_([this] {
              void* block;
              while ((block = block_.load()) == nullptr) std::this_thread::yield();
              api.free(block);
          }) {}
    void free_and_end(void* block) {
        block_ = block;
        thread_.join();
    }

  private:
    std::atomic<void*> block_{nullptr};
    std::thread thread_;
};

TEST_P(Misuse, DoubleFreeInARowAbortsAtOnce) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, api.usable_size(block));
        api.free(block);
        api.free(block);
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(Misuse, DoubleFreeAfterAnotherFreeAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        char* other = block_among_others(size);
        announce(block, api.usable_size(block));
        api.free(block);
        api.free(other);
        api.free(block);
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeAfterManyFreesAborts) {
    const auto misuse = [size = GetParam()] {
        std::vector<void*> others(300);
        for (void*& other : others) other = api.malloc(size);
        char* block = block_among_others(size);
        announce(block, api.usable_size(block));
        api.free(block);
        for (void* other : others) api.free(other);
        api.free(block);
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeByAnotherThreadAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        Freer other;
        announce(block, api.usable_size(block));
        api.free(block);
        other.free_and_end(block);
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeByTwoThreadsThatEndAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        Freer first;
        Freer second;
        announce(block, api.usable_size(block));
        first.free_and_end(block);
        second.free_and_end(block);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, FreeAfterReallocToZeroAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, api.usable_size(block));
        if (api.realloc(block, 0) != nullptr) return;
        api.free(block);
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(Misuse, FreeOfAPointerIntoABlockAborts) {
    for (std::size_t offset : std::initializer_list<std::size_t>{1, 8, GetParam() / 2}) {
        const auto misuse = [size = GetParam(), offset] {
            char* block = block_among_others(size);
            announce(block + offset, api.usable_size(block));
            api.free(block + offset);
            api.trim(0);
        };
        EXPECT_ABORT(misuse(), inside()) << "offset " << offset;
    }
}

TEST_P(Misuse, FreeSizedOfAnotherSizeAborts) {
    const auto misuse = [size = GetParam()](std::size_t claimed) {
        char* block = block_among_others(size);
        announce(block, api.usable_size(block));
        api.free_sized(block, claimed);
        api.trim(0);
    };
    const std::size_t larger = 4 * GetParam() + 1000;
    EXPECT_ABORT(misuse(larger), wrong_size(larger));
    EXPECT_ABORT(misuse(SIZE_MAX), wrong_size(SIZE_MAX));
    if (GetParam() < 64) return;  // no smaller class
    const std::size_t smaller = GetParam() / 4;
    EXPECT_ABORT(misuse(smaller), wrong_size(smaller));
    EXPECT_ABORT(misuse(0), wrong_size(0));
}

TEST_P(Misuse, FreeAlignedSizedOfAnotherSizeAborts) {
    const std::size_t claimed = 4 * GetParam() + 1000;
    const auto misuse = [size = GetParam(), claimed] {
        void* block = api.aligned_alloc(64, size);
        announce(block, api.usable_size(block));
        api.free_aligned_sized(block, 64, claimed);
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), wrong_size(claimed));
}

TEST_P(Misuse, ReallocOfAFreedBlockAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, api.usable_size(block));
        api.free(block);
        if (api.realloc(block, 3 * size + 100) == nullptr) return;
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, ReallocOfAPointerIntoABlockAborts) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block + 8, api.usable_size(block));
        if (api.realloc(block + 8, 3 * size + 100) == nullptr) return;
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), inside());
}

// A pointer into a run, once freed into a cache, is reported before malloc can
// return it.
TEST_F(Misuse, MallocAfterAFreeIntoARunAborts) {
    const auto misuse = [] {
        char* block = block_among_others(256 * kib);
        announce(block + 4096, api.usable_size(block));
        api.free(block + 4096);
        if (api.malloc(256 * kib) == nullptr) return;
    };
    EXPECT_ABORT(misuse(), inside());
}

TEST_F(Misuse, UsableSizeOfARetiredBlockAborts) {
    const auto misuse = [] {
        void* block = api.malloc(8 << 20);
        announce(block, api.usable_size(block));
        api.free(block);
        api.trim(0);
        if (api.usable_size(block) != 0) return;
    };
    EXPECT_ABORT(misuse(), AbortMessage("double free", "no block there any more"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Misuse, testing::Values(8, 4 * kib, 256 * kib),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

// Addresses that malloc never returned.
alignas(64) char static_bytes[64];

char* on_the_heap_of_nobody() {
    void* pages =
        mmap(nullptr, 64 * kib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return static_cast<char*>(pages);
}

class ForeignPointer : public Misuse {
  protected:
    static void expect_abort(void (*misuse)(void*)) {
        const auto with_stack = [misuse] {
            alignas(64) char stack_bytes[64] = {};
            announce(stack_bytes);
            misuse(stack_bytes);
        };
        const auto with = [misuse](void* address) {
            announce(address);
            misuse(address);
        };
        EXPECT_ABORT(with_stack(), foreign());
        EXPECT_ABORT(with(static_bytes), foreign());
        EXPECT_ABORT(with(on_the_heap_of_nobody()), foreign());
        EXPECT_ABORT(with(reinterpret_cast<void*>(std::uintptr_t{16})), foreign());
        EXPECT_ABORT(with(reinterpret_cast<void*>(std::uintptr_t{0x7ffffffffff0})), foreign());
        EXPECT_ABORT(with(reinterpret_cast<void*>(~std::uintptr_t{15})), foreign());
    }
};

TEST_F(ForeignPointer, FreeAborts) {
    expect_abort([](void* address) { api.free(address); });
}

TEST_F(ForeignPointer, FreeAfterTheFirstAllocationAborts) {
    expect_abort([](void* address) {
        free_others(64, 1);
        api.free(address);
    });
}

TEST_F(ForeignPointer, FreeSizedAborts) {
    expect_abort([](void* address) { api.free_sized(address, 64); });
}

TEST_F(ForeignPointer, ReallocAborts) {
    expect_abort([](void* address) {
        if (api.realloc(address, 1000) == nullptr) std::_Exit(1);
    });
}

// Memory of the heap that is accessible, above the highest block that was ever
// allocated.
TEST_F(ForeignPointer, FreeAboveTheHighestBlockAborts) {
    const auto misuse = [] {
        // The announcement below allocates, and must need no new slab.
        for (std::size_t small = 16; small <= 32768; small += small < 64 ? 16 : small / 4) {
            if (api.malloc(small) == nullptr) std::_Exit(1);
        }
        constexpr std::size_t size = std::size_t{2} << 20;
        char* above = nullptr;
        // The first ones may fill holes below other blocks.
        for (int blocks = 0; blocks < 16 || !ashlar::Heap::process().owns(above); ++blocks) {
            char* const block = static_cast<char*>(api.malloc(size));
            if (block == nullptr) std::_Exit(1);
            above = std::max(above, block + size);
        }
        announce(above);
        api.free(above);
        api.trim(0);
    };
    EXPECT_ABORT(misuse(), foreign());
}

TEST_F(ForeignPointer, UsableSizeIsZeroOrAborts) {
    const auto ask = [](void* address) {
        announce(address);
        std::_Exit(api.usable_size(address) == 0 ? 0 : 1);
    };
    const auto ended_well = [](int status) {
        return testing::ExitedWithCode(0)(status) || testing::KilledBySignal(SIGABRT)(status);
    };
    EXPECT_EXIT(ask(static_bytes), ended_well, "");
    EXPECT_EXIT(ask(on_the_heap_of_nobody()), ended_well, "");
}

}  // namespace

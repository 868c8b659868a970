// One misuse each, over a small block, a page and a run of units: which line is printed, and that abort() follows. What
// a cache may hide is looked for when the blocks go back to their slab, which trimming and the end of a thread force.
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
#include "face.hpp"

namespace {

constexpr std::size_t kib = 1024;

class Misuse : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// One block among neighbours that stay live, so that its slab stays a slab when it is freed.
char* block_among_others(std::size_t size) {
    const auto allocate_neighbours = [size] {
        for (int i = 0; i < 100; ++i) {
            if (face.malloc(size) == nullptr) std::_Exit(1);
        }
    };
    allocate_neighbours();
    auto* block = static_cast<char*>(face.malloc(size));
    allocate_neighbours();
    return block;
}

// Frees `count` other blocks of the size.
void free_others(std::size_t size, std::size_t count) {
    std::vector<void*> others(count);
    for (void*& other : others) other = face.malloc(size);
    for (void* other : others) face.free(other);
}

// A thread that frees what it is told to and ends; it exists, with all that it allocates, before the first free.
class Freer {
  public:
    Freer()
        : thread_([this] {
              void* block;
              while ((block = block_.load()) == nullptr) std::this_thread::yield();
              face.free(block);
          }) {}
    void free_and_end(void* block) {
        block_ = block;
        thread_.join();
    }

  private:
    std::atomic<void*> block_{nullptr};
    std::thread thread_;
};

TEST_P(Misuse, DoubleFreeInARowIsSeenAtOnce) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, face.usable_size(block));
        face.free(block);
        face.free(block);
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(Misuse, DoubleFreeWithAnotherInBetween) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        char* other = block_among_others(size);
        announce(block, face.usable_size(block));
        face.free(block);
        face.free(other);
        face.free(block);
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeWithManyOthersInBetween) {
    const auto misuse = [size = GetParam()] {
        std::vector<void*> others(300);
        for (void*& other : others) other = face.malloc(size);
        char* block = block_among_others(size);
        announce(block, face.usable_size(block));
        face.free(block);
        for (void* other : others) face.free(other);
        face.free(block);
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeByAnotherThread) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        Freer other;
        announce(block, face.usable_size(block));
        face.free(block);
        other.free_and_end(block);
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeByTwoThreadsThatEnd) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        Freer first;
        Freer second;
        announce(block, face.usable_size(block));
        first.free_and_end(block);
        second.free_and_end(block);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, DoubleFreeOfABlockFromRealloc) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, face.usable_size(block));
        if (face.realloc(block, 0) != nullptr) return;
        face.free(block);
    };
    EXPECT_ABORT(misuse(), double_free());
}

TEST_P(Misuse, PointerIntoABlock) {
    for (std::size_t offset : std::initializer_list<std::size_t>{1, 8, GetParam() / 2}) {
        const auto misuse = [size = GetParam(), offset] {
            char* block = block_among_others(size);
            announce(block + offset, face.usable_size(block));
            face.free(block + offset);
            face.trim(0);
        };
        EXPECT_ABORT(misuse(), inside()) << "offset " << offset;
    }
}

TEST_P(Misuse, SizedFreeOfAnotherSize) {
    const auto misuse = [size = GetParam()](std::size_t claimed) {
        char* block = block_among_others(size);
        announce(block, face.usable_size(block));
        face.free_sized(block, claimed);
        face.trim(0);
    };
    const std::size_t larger = 4 * GetParam() + 1000;
    EXPECT_ABORT(misuse(larger), wrong_size(larger));
    EXPECT_ABORT(misuse(SIZE_MAX), wrong_size(SIZE_MAX));
    if (GetParam() < 64) return;  // no smaller class
    const std::size_t smaller = GetParam() / 4;
    EXPECT_ABORT(misuse(smaller), wrong_size(smaller));
    EXPECT_ABORT(misuse(0), wrong_size(0));
}

TEST_P(Misuse, AlignedSizedFreeOfAnotherSize) {
    const std::size_t claimed = 4 * GetParam() + 1000;
    const auto misuse = [size = GetParam(), claimed] {
        void* block = face.aligned_alloc(64, size);
        announce(block, face.usable_size(block));
        face.free_aligned_sized(block, 64, claimed);
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), wrong_size(claimed));
}

TEST_P(Misuse, ReallocOfAFreedBlock) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block, face.usable_size(block));
        face.free(block);
        if (face.realloc(block, 3 * size + 100) == nullptr) return;
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(Misuse, ReallocOfAPointerIntoABlock) {
    const auto misuse = [size = GetParam()] {
        char* block = block_among_others(size);
        announce(block + 8, face.usable_size(block));
        if (face.realloc(block + 8, 3 * size + 100) == nullptr) return;
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), inside());
}

// A cached pointer into a run is found before anybody gets it.
TEST_F(Misuse, PointerIntoARunThatIsTakenAgain) {
    const auto misuse = [] {
        char* block = block_among_others(256 * kib);
        announce(block + 4096, face.usable_size(block));
        face.free(block + 4096);
        if (face.malloc(256 * kib) == nullptr) return;
    };
    EXPECT_ABORT(misuse(), inside());
}

TEST_F(Misuse, UsableSizeOfWhatWentBack) {
    const auto misuse = [] {
        void* block = face.malloc(8 << 20);
        announce(block, face.usable_size(block));
        face.free(block);
        face.trim(0);
        if (face.usable_size(block) != 0) return;
    };
    EXPECT_ABORT(misuse(), AbortMessage("double free", "no block there any more"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Misuse, testing::Values(8, 4 * kib, 256 * kib),
                         [](const auto& instance) { return std::to_string(instance.param) + "Bytes"; });

// Addresses that no malloc gave out.
alignas(64) char static_bytes[64];

char* on_the_heap_of_nobody() {
    void* pages = mmap(nullptr, 64 * kib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return static_cast<char*>(pages);
}

class Foreign : public Misuse {
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

TEST_F(Foreign, Free) {
    expect_abort([](void* address) { face.free(address); });
}

TEST_F(Foreign, FreeAfterTheFirstAllocation) {
    expect_abort([](void* address) {
        free_others(64, 1);
        face.free(address);
    });
}

TEST_F(Foreign, SizedFree) {
    expect_abort([](void* address) { face.free_sized(address, 64); });
}

TEST_F(Foreign, Realloc) {
    expect_abort([](void* address) {
        if (face.realloc(address, 1000) == nullptr) std::_Exit(1);
    });
}

// Free memory of the heap itself, far beyond anything that was handed out.
TEST_F(Foreign, AddressInTheHeapThatWasNeverHandedOut) {
    const auto misuse = [] {
        char* address = block_among_others(100);
        const ashlar::Heap& heap = ashlar::Heap::process();
        for (std::size_t step = std::size_t{1} << 36; step >= 64 * kib; step /= 2) {
            while (heap.owns(address + step)) address += step;
        }
        address -= reinterpret_cast<std::uintptr_t>(address) % (64 * kib);
        announce(address);
        face.free(address);
        face.trim(0);
    };
    EXPECT_ABORT(misuse(), foreign());
}

TEST_F(Foreign, UsableSizeIsZeroOrAnAbort) {
    const auto ask = [](void* address) {
        announce(address);
        std::_Exit(face.usable_size(address) == 0 ? 0 : 1);
    };
    const auto ended_well = [](int status) {
        return testing::ExitedWithCode(0)(status) || testing::KilledBySignal(SIGABRT)(status);
    };
    EXPECT_EXIT(ask(static_bytes), ended_well, "");
    EXPECT_EXIT(ask(on_the_heap_of_nobody()), ended_well, "");
}

}  // namespace

// operator new in a full address space: it can throw bad_alloc without
// allocating, and a new-handler can free memory for it.
#include <new>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "chain.hpp"
#include "pattern.hpp"

namespace {

Chain* reserve = nullptr;
int handler_calls = 0;

void free_some_of_the_reserve() {
    ++handler_calls;
    for (int i = 0; i < 4; ++i) {
        if (!reserve->free_one()) std::set_new_handler(nullptr);
    }
}

template <class Allocate>
bool throws_bad_alloc(Allocate allocate) {
    try {
        opaque(allocate());
        return false;
    } catch (const std::bad_alloc&) {
        return true;
    }
}

TEST(OutOfMemoryNew, ThrowsOrReturnsNullIfNothrow) {
    constexpr std::size_t size = std::size_t{8} << 20;
    Chain chain;
    chain.exhaust_all();
    const bool plain = throws_bad_alloc([] { return ::operator new(size); });
    const bool array = throws_bad_alloc([] { return ::operator new[](size); });
    const bool aligned =
        throws_bad_alloc([] { return ::operator new (size, std::align_val_t{4096}); });
    const bool nothrow = ::operator new(size, std::nothrow) == nullptr;
    const bool small = throws_bad_alloc([] { return ::operator new(64); });
    chain.free_all();
    EXPECT_TRUE(plain);
    EXPECT_TRUE(array);
    EXPECT_TRUE(aligned);
    EXPECT_TRUE(nothrow);
    EXPECT_TRUE(small);
    EXPECT_EQ(ash_check(), 0u);
}

TEST(OutOfMemoryNew, SucceedsIfTheHandlerFreesMemory) {
    Chain chain;
    reserve = &chain;
    handler_calls = 0;
    chain.exhaust(std::size_t{1} << 20);
    std::set_new_handler(free_some_of_the_reserve);
    void* block = ::operator new (std::size_t{40} << 20, std::nothrow);
    std::set_new_handler(nullptr);
    const int calls = handler_calls;
    chain.free_all();
    ASSERT_NE(block, nullptr);
    EXPECT_GT(calls, 1) << "4 MiB at a time";
    ::operator delete(block);
}

}  // namespace

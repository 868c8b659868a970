// operator new and delete of a program linked with the drop-in: all forms,
// alignment, the new-handler, and the exceptions.
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "pattern.hpp"

namespace {

constexpr std::size_t impossible = PTRDIFF_MAX;

int handler_calls = 0;

void give_up_on_the_third_call() {
    if (++handler_calls == 3) std::set_new_handler(nullptr);
}

struct HandlerFault {};
void throw_something_else() { throw HandlerFault(); }
void throw_bad_alloc() {
    ++handler_calls;
    throw std::bad_alloc();
}

class NewHandler : public testing::Test {
  protected:
    void SetUp() override { handler_calls = 0; }
    void TearDown() override { std::set_new_handler(nullptr); }
};

void expect_block(void* block, std::size_t size, std::size_t alignment) {
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(ashlar::Heap::process().owns(block));
    EXPECT_TRUE(is_aligned(block, alignment));
    EXPECT_GE(ash_malloc_usable_size(block), size);
    fill(block, size, size);
    EXPECT_TRUE(intact(block, size, size));
}

TEST(New, EveryFormReturnsABlockThatDeleteAccepts) {
    for (std::size_t size : Sizes{0, 1, 24, 1000, 40'000, 300'000, 5'000'000}) {
        void* block = ::operator new(size);
        expect_block(block, size, 16);
        ::operator delete(block);
        block = ::operator new(size);
        expect_block(block, size, 16);
        ::operator delete(block, size);
        block = ::operator new[](size);
        expect_block(block, size, 16);
        ::operator delete[](block);
        block = ::operator new[](size);
        expect_block(block, size, 16);
        ::operator delete[](block, size);
        block = ::operator new(size, std::nothrow);
        expect_block(block, size, 16);
        ::operator delete(block, std::nothrow);
        block = ::operator new[](size, std::nothrow);
        expect_block(block, size, 16);
        ::operator delete[](block, std::nothrow);
    }
}

TEST(New, EveryAlignedFormReturnsABlockThatDeleteAccepts) {
    for (std::size_t bytes : Sizes{8, 16, 32, 64, 256, 4096, 65536, 1 << 21}) {
        const auto alignment = static_cast<std::align_val_t>(bytes);
        for (std::size_t size : Sizes{0, 1, 100, bytes, 3 * bytes + 1}) {
            void* block = ::operator new(size, alignment);
            expect_block(block, size, bytes);
            ::operator delete(block, alignment);
            block = ::operator new(size, alignment);
            expect_block(block, size, bytes);
            ::operator delete(block, size, alignment);
            block = ::operator new[](size, alignment);
            expect_block(block, size, bytes);
            ::operator delete[](block, alignment);
            block = ::operator new[](size, alignment);
            expect_block(block, size, bytes);
            ::operator delete[](block, size, alignment);
            block = ::operator new(size, alignment, std::nothrow);
            expect_block(block, size, bytes);
            ::operator delete(block, alignment, std::nothrow);
            block = ::operator new[](size, alignment, std::nothrow);
            expect_block(block, size, bytes);
            ::operator delete[](block, alignment, std::nothrow);
        }
    }
    EXPECT_EQ(ash_check(), 0u);
}

TEST(New, ExpressionAlignsOveralignedTypes) {
    struct alignas(64) Line {
        char bytes[64] = {};
        ~Line() { bytes[0] = 1; }
    };
    struct alignas(4096) Page {
        char bytes[4096] = {};
    };
    auto* line = opaque(new Line);
    EXPECT_TRUE(is_aligned(line, 64));
    delete line;
    auto* lines = opaque(new Line[opaque(std::size_t{7})]);
    EXPECT_TRUE(is_aligned(lines, 64));
    delete[] lines;
    auto* page = opaque(new Page);
    EXPECT_TRUE(is_aligned(page, 4096));
    delete page;
    auto* pages = opaque(new Page[opaque(std::size_t{3})]);
    EXPECT_TRUE(is_aligned(pages, 4096));
    delete[] pages;
    auto* text = opaque(new std::string(1000, 'x'));
    EXPECT_TRUE(ashlar::Heap::process().owns(text->data()));
    delete text;
}

TEST_F(NewHandler, AbsentMakesNewThrowBadAlloc) {
    const std::align_val_t alignment{4096};
    EXPECT_THROW((void)::operator new(opaque(impossible)), std::bad_alloc);
    EXPECT_THROW((void)::operator new[](opaque(impossible)), std::bad_alloc);
    EXPECT_THROW((void)::operator new(opaque(impossible), alignment), std::bad_alloc);
    EXPECT_THROW((void)::operator new[](opaque(impossible), alignment), std::bad_alloc);
    EXPECT_THROW((void)::operator new(opaque(SIZE_MAX)), std::bad_alloc);
    EXPECT_THROW((void)::operator new(opaque(SIZE_MAX), alignment), std::bad_alloc);
}

TEST_F(NewHandler, AbsentMakesNewThrowTheStandardLibrarysType) {
    try {
        (void)::operator new(opaque(impossible));
        FAIL() << "nothing was thrown";
    } catch (const std::exception& error) {
        EXPECT_NE(dynamic_cast<const std::bad_alloc*>(&error), nullptr);
        EXPECT_STREQ(error.what(), std::bad_alloc().what());
    }
}

TEST_F(NewHandler, AbsentMakesNothrowReturnNull) {
    const std::align_val_t alignment{64};
    EXPECT_EQ(::operator new(opaque(impossible), std::nothrow), nullptr);
    EXPECT_EQ(::operator new[](opaque(impossible), std::nothrow), nullptr);
    EXPECT_EQ(::operator new(opaque(impossible), alignment, std::nothrow), nullptr);
    EXPECT_EQ(::operator new[](opaque(impossible), alignment, std::nothrow), nullptr);
}

TEST_F(NewHandler, AbsentMakesHugeArraysThrow) {
    EXPECT_THROW(opaque(new int[opaque(SIZE_MAX / 2)]), std::bad_alloc);
    EXPECT_THROW(opaque(new int[opaque(std::size_t{PTRDIFF_MAX} / sizeof(int))]), std::bad_alloc);
    EXPECT_THROW(std::vector<char>(opaque(std::size_t{PTRDIFF_MAX})), std::bad_alloc);
}

TEST_F(NewHandler, RunsUntilItGivesUp) {
    std::set_new_handler(give_up_on_the_third_call);
    EXPECT_THROW((void)::operator new(opaque(impossible)), std::bad_alloc);
    EXPECT_EQ(handler_calls, 3);

    handler_calls = 0;
    std::set_new_handler(give_up_on_the_third_call);
    EXPECT_THROW((void)::operator new (opaque(impossible), std::align_val_t{64}), std::bad_alloc);
    EXPECT_EQ(handler_calls, 3);

    handler_calls = 0;
    std::set_new_handler(give_up_on_the_third_call);
    EXPECT_EQ(::operator new[](opaque(impossible), std::nothrow), nullptr);
    EXPECT_EQ(handler_calls, 3) << "the nothrow form asks the handler as well";
}

TEST_F(NewHandler, MayThrowBadAlloc) {
    std::set_new_handler(throw_bad_alloc);
    EXPECT_THROW((void)::operator new(opaque(impossible)), std::bad_alloc);
    EXPECT_EQ(handler_calls, 1);
    EXPECT_EQ(::operator new(opaque(impossible), std::nothrow), nullptr);
    EXPECT_EQ(::operator new[](opaque(impossible), std::align_val_t{4096}, std::nothrow), nullptr);
    EXPECT_EQ(handler_calls, 3);
}

TEST_F(NewHandler, ExceptionPassesThroughNew) {
    std::set_new_handler(throw_something_else);
    EXPECT_THROW((void)::operator new(opaque(impossible)), HandlerFault);
}

TEST_F(NewHandler, IsNotCalledByMalloc) {
    std::set_new_handler(throw_bad_alloc);
    EXPECT_EQ(ash_malloc(opaque(impossible)), nullptr);
    EXPECT_EQ(handler_calls, 0);
}

}  // namespace

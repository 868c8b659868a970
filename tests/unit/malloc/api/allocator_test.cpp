// ashlar::Allocator and ashlar::HeapAllocator in the containers of the standard
// library.
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/allocator.hpp>

#include "heap_support.hpp"
#include "pattern.hpp"

namespace {

using ashlar::Allocator;
using ashlar::Heap;
using ashlar::HeapAllocator;
using heap_support::visited;

template <class T>
using Vector = std::vector<T, Allocator<T>>;
using String = std::basic_string<char, std::char_traits<char>, Allocator<char>>;
template <class T>
using HeapVector = std::vector<T, HeapAllocator<T>>;
using HeapString = std::basic_string<char, std::char_traits<char>, HeapAllocator<char>>;

using Traits = std::allocator_traits<Allocator<int>>;
static_assert(Traits::is_always_equal::value);
static_assert(Traits::propagate_on_container_move_assignment::value);
static_assert(std::is_same_v<Traits::rebind_alloc<double>, Allocator<double>>);
static_assert(std::is_same_v<Traits::pointer, int*>);
static_assert(std::is_empty_v<Allocator<int>>);

using HeapTraits = std::allocator_traits<HeapAllocator<int>>;
static_assert(!HeapTraits::is_always_equal::value);
static_assert(HeapTraits::propagate_on_container_move_assignment::value);
static_assert(HeapTraits::propagate_on_container_copy_assignment::value);
static_assert(HeapTraits::propagate_on_container_swap::value);
static_assert(!std::is_default_constructible_v<HeapAllocator<int>>);

TEST(Allocator, ServesTheContainers) {
    Vector<int> numbers;
    for (int i = 0; i < 100'000; ++i) numbers.push_back(i);
    EXPECT_EQ(numbers[99'999], 99'999);
    EXPECT_TRUE(Heap::process().owns(numbers.data()));

    String text;
    for (int i = 0; i < 10'000; ++i) text += "stone";
    EXPECT_EQ(text.size(), 50'000u);
    EXPECT_TRUE(Heap::process().owns(text.data()));

    std::map<int, String, std::less<>, Allocator<std::pair<const int, String>>> ordered;
    std::unordered_map<int, int, std::hash<int>, std::equal_to<>,
                       Allocator<std::pair<const int, int>>>
        hashed;
    std::list<int, Allocator<int>> list;
    for (int i = 0; i < 5000; ++i) {
        ordered[i * 7919 % 5000] = String(100, 'a');
        hashed[i] = i;
        list.push_front(i);
    }
    EXPECT_EQ(ordered.size(), 5000u);
    EXPECT_EQ(hashed.at(4321), 4321);
    EXPECT_EQ(list.back(), 0);
    EXPECT_TRUE(Heap::process().owns(&list.back()));
    EXPECT_EQ(ash_check(), 0u);
}

TEST(Allocator, AlignsOveralignedTypes) {
    struct alignas(256) Wide {
        char bytes[256];
    };
    Vector<Wide> wide(33);
    EXPECT_TRUE(is_aligned(wide.data(), 256));
    const auto shared = std::allocate_shared<Wide>(Allocator<Wide>());
    EXPECT_TRUE(is_aligned(shared.get(), 256));
}

TEST(Allocator, IsEqualToEveryOther) {
    EXPECT_TRUE(Allocator<int>() == Allocator<double>());
    EXPECT_FALSE(Allocator<int>() != Allocator<int>());
    Vector<int> a(1000, 1);
    const int* data = a.data();
    const Vector<int> b = std::move(a);
    EXPECT_EQ(b.data(), data);
}

TEST(Allocator, AllocateThrowsTheStandardExceptions) {
    Allocator<int> allocator;
    constexpr std::size_t most = PTRDIFF_MAX / sizeof(int);
    EXPECT_THROW((void)allocator.allocate(opaque(most + 1)), std::bad_array_new_length);
    EXPECT_THROW((void)allocator.allocate(opaque(SIZE_MAX)), std::bad_array_new_length);
    EXPECT_THROW((void)allocator.allocate(opaque(most)), std::bad_alloc);
    Heap heap(1 << 20);
    HeapAllocator<int> small(heap);
    EXPECT_THROW((void)small.allocate(opaque(std::size_t{1} << 24)), std::bad_alloc);
}

TEST(HeapAllocator, ServesTheContainersFromItsHeap) {
    Heap heap;
    {
        HeapVector<HeapString> words{HeapAllocator<HeapString>(heap)};
        for (int i = 0; i < 1000; ++i) words.emplace_back(100, 'w', HeapAllocator<char>(heap));
        EXPECT_TRUE(heap.owns(words.data()));
        for (const HeapString& word : words) EXPECT_TRUE(heap.owns(word.data()));
        std::map<int, int, std::less<>, HeapAllocator<std::pair<const int, int>>> ordered{
            HeapAllocator<int>(heap)};
        std::unordered_map<int, int, std::hash<int>, std::equal_to<>,
                           HeapAllocator<std::pair<const int, int>>>
            hashed{HeapAllocator<int>(heap)};
        std::list<int, HeapAllocator<int>> list{HeapAllocator<int>(heap)};
        for (int i = 0; i < 1000; ++i) {
            ordered[i] = i;
            hashed[i] = i;
            list.push_back(i);
        }
        EXPECT_TRUE(heap.owns(&ordered.at(999)));
        EXPECT_TRUE(heap.owns(&hashed.at(999)));
        EXPECT_TRUE(heap.owns(&list.back()));
        EXPECT_GE(visited(heap).size(), 4000u);
    }
    EXPECT_TRUE(visited(heap).empty()) << "the containers gave everything back";
}

TEST(HeapAllocator, EqualityMeansTheSameHeap) {
    Heap first;
    Heap second;
    const HeapAllocator<int> allocator(first);
    EXPECT_TRUE(allocator == HeapAllocator<double>(first));
    EXPECT_FALSE(allocator == HeapAllocator<int>(second));
    EXPECT_EQ(&HeapAllocator<char>(allocator).heap(), &first) << "a rebound copy keeps the heap";
}

class Propagation : public testing::Test {
  protected:
    Heap first_;
    Heap second_;
    HeapVector<int> a_{1000, 1, HeapAllocator<int>(first_)};
    HeapVector<int> b_{2000, 2, HeapAllocator<int>(second_)};
};

TEST_F(Propagation, CopyAssignmentTakesTheOthersHeap) {
    a_ = b_;
    EXPECT_EQ(&a_.get_allocator().heap(), &second_);
    EXPECT_EQ(a_, b_);
    EXPECT_TRUE(second_.owns(a_.data()));
    EXPECT_TRUE(visited(first_).empty());
}

TEST_F(Propagation, MoveAssignmentMovesBlocksAndHeap) {
    const int* data = b_.data();
    a_ = std::move(b_);
    EXPECT_EQ(a_.data(), data) << "moved, not copied";
    EXPECT_EQ(&a_.get_allocator().heap(), &second_);
    EXPECT_TRUE(visited(first_).empty());
}

TEST_F(Propagation, SwapExchangesTheHeaps) {
    std::swap(a_, b_);
    EXPECT_EQ(&a_.get_allocator().heap(), &second_);
    EXPECT_EQ(&b_.get_allocator().heap(), &first_);
    a_.assign(5000, 3);
    b_.assign(5000, 4);
    EXPECT_TRUE(second_.owns(a_.data()));
    EXPECT_TRUE(first_.owns(b_.data()));
}

TEST_F(Propagation, CopyConstructionKeepsTheHeap) {
    const HeapVector<int> copy = a_;
    EXPECT_TRUE(first_.owns(copy.data()));
    const HeapVector<int> elsewhere(a_, HeapAllocator<int>(second_));
    EXPECT_TRUE(second_.owns(elsewhere.data()));
    EXPECT_EQ(copy, elsewhere);
}

}  // namespace

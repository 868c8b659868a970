// The C++ side: operator new, with and without exceptions, the headers, and
// threads. Prints "sound".
#include <cstdio>
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <ashlar/allocator.hpp>
#include <ashlar/heap.hpp>
#include <ashlar/memory_resource.hpp>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

int handler_calls = 0;
void give_up() {
    ++handler_calls;
    std::set_new_handler(nullptr);
}

// volatile, or a compiler may leave a failing new out.
volatile std::size_t too_much = std::size_t{1} << 62;

void exhaust() {
    std::set_new_handler(give_up);
    bool thrown = false;
    try {
        ::operator delete(::operator new(too_much));
    } catch (const std::bad_alloc&) {
        thrown = true;
    }
    require(thrown, "operator new did not throw");
    // With the archive and the drop-in, operator new is Ashlar's; with the
    // object alone, libstdc++'s. Both run the handler.
    require(handler_calls == 1, "the new-handler was not run once");
    require(::operator new(too_much, std::nothrow) == nullptr,
            "operator new(nothrow) returned impossible memory");
}

void use_headers() {
    ashlar::Heap heap(std::size_t{64} << 20);
    std::vector<int, ashlar::HeapAllocator<int>> numbers{ashlar::HeapAllocator<int>(heap)};
    for (int i = 0; i < 10000; ++i) numbers.push_back(i);
    require(heap.owns(numbers.data()) && heap.check() == 0, "HeapAllocator");
    ashlar::MemoryResource resource(heap);
    std::pmr::string text(1000, 'x', &resource);
    require(heap.owns(text.data()), "MemoryResource");
    std::vector<long, ashlar::Allocator<long>> longs(1000, 1L);
    require(ashlar::Heap::process().owns(longs.data()), "Allocator");
}

}  // namespace

int main() {
    int* number = new int(7);
    require(ash_malloc_usable_size(number) >= sizeof(int), "operator new");
    delete number;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (std::size_t n = 1; n < 2000; ++n)
                require(std::string(n, 'a').size() == n, "std::string");
        });
    }
    for (std::thread& thread : threads) thread.join();
    exhaust();
    use_headers();
    require(ash_check() == 0, "ash_check");
    std::puts("sound");
}

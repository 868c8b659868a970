// A heap for each request. Its objects are never freed one by one: destroying
// the heap frees all of them. A request that leaks or throws leaves nothing
// behind. The heap's capacity limits what one request may use.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(heap_per_request heap_per_request.cpp)
//   target_link_libraries(heap_per_request
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ashlar/allocator.hpp>

namespace {

using String = std::basic_string<char, std::char_traits<char>, ashlar::HeapAllocator<char>>;
using Fields =
    std::map<int, String, std::less<>, ashlar::HeapAllocator<std::pair<const int, String>>>;

constexpr std::size_t limit = std::size_t{4} << 20;

// Returns the number of fields, or -1 if the request exceeds its limit.
int answer(int field_count) {
    ashlar::Heap heap(limit);
    try {
        // The map lies in the heap as well, and its destructor never runs. The
        // heap's destructor frees everything.
        void* place = heap.allocate(sizeof(Fields), alignof(Fields));
        if (place == nullptr) return -1;
        auto& fields = *new (place) Fields(ashlar::HeapAllocator<char>(heap));
        for (int i = 0; i < field_count; ++i)
            fields.emplace(i, String(200, 'f', ashlar::HeapAllocator<char>(heap)));
        return static_cast<int>(fields.size());
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

}  // namespace

int main() {
    std::vector<int> answers(4);
    std::vector<std::thread> threads;
    for (int& last : answers) {
        threads.emplace_back([&last] {
            for (int request = 1; request <= 200; ++request) last = answer(request);
        });
    }
    for (std::thread& thread : threads) thread.join();
    bool right = true;
    for (int last : answers) right = right && last == 200;
    const int greedy = answer(1'000'000);
    std::printf("800 requests answered; the greedy one was %s\n",
                greedy == -1 ? "stopped at its limit" : "not stopped");
    return right && greedy == -1 ? 0 : 1;
}

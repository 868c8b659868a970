// std::pmr containers of several threads over one heap and one resource. The
// standard's own resource for several threads takes a mutex.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(polymorphic polymorphic.cpp)
//   target_link_libraries(polymorphic
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <cstddef>
#include <cstdio>
#include <map>
#include <memory_resource>
#include <string>
#include <thread>
#include <vector>

#include <ashlar/memory_resource.hpp>

namespace {

using Counts = std::pmr::map<std::pmr::string, int>;

void count_words(Counts& counts, int copies) {
    for (int i = 0; i < copies; ++i) {
        for (const char* word : {"ashlar is masonry of cut blocks", "that hold without mortar",
                                 "blocks without locks"})
            ++counts[word];
    }
}

}  // namespace

int main() {
    ashlar::Heap heap;
    ashlar::MemoryResource resource(heap);
    bool right = true;
    {
        std::vector<Counts> counts;
        for (int i = 0; i < 4; ++i) counts.emplace_back(&resource);
        std::vector<std::thread> threads;
        for (Counts& of_thread : counts)
            threads.emplace_back([&] { count_words(of_thread, 1000); });
        for (std::thread& thread : threads) thread.join();
        for (const Counts& of_thread : counts) {
            for (const auto& [word, count] : of_thread)
                right = right && count == 1000 && heap.owns(word.data());
            right = right && of_thread.size() == 3;
        }
        std::printf("the heap holds %zu bytes for 4 maps\n", heap.statistics().live);
    }
    std::size_t left = 0;
    heap.visit([&](void*, std::size_t) { return ++left > 0; });
    return right && left == 0 ? 0 : 1;
}

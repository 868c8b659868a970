// boost::lockfree::stack with ashlar::Allocator. Threads push and pop at the
// same time; at the end the remaining elements are counted.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(lockfree_stack lockfree_stack.cpp)
//   target_link_libraries(lockfree_stack
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <atomic>
#include <boost/lockfree/stack.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <ashlar/allocator.hpp>

namespace {

using Stack = boost::lockfree::stack<std::uint64_t, boost::lockfree::fixed_sized<false>,
                                     boost::lockfree::allocator<ashlar::Allocator<std::uint64_t>>>;

constexpr std::uint64_t thread_count = 4;
constexpr std::uint64_t each = 30'000;

}  // namespace

int main() {
    Stack stack(0);
    std::atomic<std::uint64_t> popped{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
            std::uint64_t sum = 0;
            std::uint64_t value = 0;
            for (std::uint64_t i = 0; i < each; ++i) {
                if (!stack.push(t * each + i)) std::abort();
                if (i % 2 == 0 && stack.pop(value)) sum += value;
            }
            popped += sum;
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::uint64_t value = 0;
    std::uint64_t left = 0;
    while (stack.pop(value)) {
        popped += value;
        ++left;
    }
    constexpr std::uint64_t count = thread_count * each;
    const bool right = popped == count * (count - 1) / 2;
    std::printf("%llu elements were left, %s\n", static_cast<unsigned long long>(left),
                right ? "none lost" : "some lost or doubled");
    return right && ash_check() == 0 ? 0 : 1;
}

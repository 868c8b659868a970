// boost::lockfree::queue with ashlar::Allocator. Without a fixed size the queue
// allocates a node for each element, so it is only as lock-free as its
// allocator. Here no producer waits for another thread, even when the queue
// grows.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(lockfree_queue lockfree_queue.cpp)
//   target_link_libraries(lockfree_queue
//                         PRIVATE ashlar::ashlar Threads::Threads)
#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <ashlar/allocator.hpp>

namespace {

using Queue = boost::lockfree::queue<std::uint64_t, boost::lockfree::fixed_sized<false>,
                                     boost::lockfree::allocator<ashlar::Allocator<std::uint64_t>>>;

constexpr std::uint64_t producers = 2;
constexpr std::uint64_t consumers = 2;
constexpr std::uint64_t each = 50'000;

}  // namespace

int main() {
    Queue queue(0);
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> sum{0};
    std::vector<std::thread> threads;
    for (std::uint64_t p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            for (std::uint64_t i = 0; i < each; ++i) {
                if (!queue.push(p * each + i)) std::abort();
            }
        });
    }
    for (std::uint64_t c = 0; c < consumers; ++c) {
        threads.emplace_back([&] {
            std::uint64_t value = 0;
            while (received < producers * each) {
                if (!queue.pop(value)) {
                    std::this_thread::yield();
                    continue;
                }
                sum += value;
                ++received;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    constexpr std::uint64_t count = producers * each;
    const bool right = received == count && sum == count * (count - 1) / 2 && queue.empty();
    std::printf("%llu elements through the queue, %s\n",
                static_cast<unsigned long long>(received.load()),
                right ? "each once" : "but not each once");
    return right && ash_check() == 0 ? 0 : 1;
}

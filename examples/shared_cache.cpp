// A cache in shared memory. Its worker processes are killed with SIGKILL while
// they serve, at any instruction, and are started again. Recovery gives back
// the blocks that a dead worker had in its hands; its part of the cache stays.
// At the end every block is accounted for.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(shared_cache shared_cache.cpp)
//   target_link_libraries(shared_cache
//                         PRIVATE ashlar::shared Threads::Threads)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include <ashlar/shared_objects.hpp>

namespace {

using ashlar::SharedHeap;
using ashlar::SharedHeapMode;
using ashlar::SharedObjects;

constexpr unsigned workers = 3;
constexpr unsigned kills = 60;
constexpr std::uint32_t places = 512;   // of each worker
constexpr std::uint32_t keys = 20'000;  // of each worker, some more often than others

// A value in the cache, written before `whole`: a worker may die in between.
struct Value {
    std::uint32_t key;
    std::uint32_t length;
    std::uint64_t whole;
    [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

// Each worker has its own keys, so that no two processes change one place.
struct Part {
    std::array<std::uint64_t, places> values{};  // offsets
    std::atomic<std::uint64_t> requests{0}, hits{0}, repairs{0};
};
struct Cache {
    std::array<Part, workers> parts;
    std::atomic<bool> closed{false};
};

std::uint64_t seal(std::uint32_t key, std::uint32_t length) {
    return (std::uint64_t{key} << 32 | length) * 0x9e3779b97f4a7c15 + 1;
}
// A value that is expensive to compute.
char byte_of(std::uint32_t key) { return static_cast<char>('a' + key % 26); }
std::uint32_t length_of(std::uint32_t key) { return key * 37 % 3000; }

class Worker {
  public:
    Worker(SharedHeap& heap, Part& part) : heap_(heap), part_(part) {
        // The worker before may have died while it freed a value, or wrote one.
        for (std::uint64_t& place : part_.values) {
            while (is_marked(place)) heap_.recover();
            Value* const value = at(place);
            if (value == nullptr || value->whole == seal(value->key, value->length)) continue;
            heap_.deallocate_from(&place);
            ++part_.repairs;
        }
    }
    // Returns false if a value is wrong.
    bool serve(std::uint32_t key) {
        std::uint64_t& place = part_.values[key % places];
        ++part_.requests;
        Value* value = at(place);
        if (value != nullptr && value->key == key) {
            ++part_.hits;
            const std::uint32_t length = value->length;
            return length == length_of(key) &&
                   (length == 0 || (value->bytes()[0] == byte_of(key) &&
                                    value->bytes()[length - 1] == byte_of(key)));
        }
        // A death in any of these calls leaves a block in `place`, or none.
        if (value != nullptr) heap_.deallocate_from(&place);
        value = static_cast<Value*>(heap_.allocate_to(&place, sizeof(Value) + length_of(key)));
        if (value == nullptr) return false;
        value->whole = 0;
        // A death sees the stores before it, if the compiler keeps their order.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        value->key = key;
        value->length = length_of(key);
        std::memset(value->bytes(), byte_of(key), value->length);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        value->whole = seal(key, value->length);
        return true;
    }

  private:
    // deallocate_from() keeps an odd number there meanwhile.
    static bool is_marked(std::uint64_t& place) {
        return std::atomic_ref(place).load(std::memory_order_acquire) % 2 != 0;
    }
    [[nodiscard]] Value* at(std::uint64_t place) const {
        return static_cast<Value*>(heap_.to_address(place));
    }
    SharedHeap& heap_;
    Part& part_;
};

int work(const std::string& name, unsigned number) {
    SharedHeap heap(SharedHeapMode::open_only, name);
    Cache& cache = SharedObjects(heap).find<Cache>("cache").value();
    Worker worker(heap, cache.parts[number]);
    std::mt19937 random(std::random_device{}());
    while (!cache.closed) {
        const std::uint32_t most = random() % 3 == 0 ? keys : places / 2;
        if (!worker.serve(static_cast<std::uint32_t>(random()) % most)) return 1;
    }
    return 0;
}

pid_t start(const std::string& name, unsigned number) {
    const pid_t child = ::fork();
    if (child == 0) std::_Exit(work(name, number));
    return child;
}

}  // namespace

int main() {
    const std::string name = "/ashlar_cache_" + std::to_string(::getpid());
    SharedHeap heap(SharedHeapMode::create_only, name);
    const SharedObjects objects(heap);
    Cache& cache = objects.construct<Cache>("cache")().value();
    std::array<pid_t, workers> children{};
    for (unsigned i = 0; i < workers; ++i) children[i] = start(name, i);

    bool right = true;
    std::mt19937 random(1);
    for (unsigned i = 0; i < kills; ++i) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
        const unsigned victim = i % workers;
        ::kill(children[victim], SIGKILL);
        int status = 0;
        ::waitpid(children[victim], &status, 0);
        right = right && WIFSIGNALED(status);
        heap.recover();
        children[victim] = start(name, victim);
    }
    cache.closed = true;
    for (const pid_t child : children) {
        int status = 1;
        ::waitpid(child, &status, 0);
        right = right && status == 0;
    }

    // All blocks: the values, the object "cache", and the entry of its name.
    heap.recover();
    std::size_t values = 0;
    std::uint64_t requests = 0, hits = 0, repairs = 0;
    for (const Part& part : cache.parts) {
        for (const std::uint64_t place : part.values) values += place != 0 ? 1 : 0;
        requests += part.requests;
        hits += part.hits;
        repairs += part.repairs;
    }
    right = right && heap.statistics().blocks == values + 2 && heap.doubts().empty();
    std::printf("%llu requests, %llu hits, %u kills, %llu values repaired, %zu values, %s\n",
                static_cast<unsigned long long>(requests), static_cast<unsigned long long>(hits),
                kills, static_cast<unsigned long long>(repairs), values,
                right ? "all accounted for" : "but something is wrong");
    SharedHeap::remove(name);
    return right && heap.check() == 0 ? 0 : 1;
}

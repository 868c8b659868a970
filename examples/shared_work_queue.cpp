// A work queue between processes. The queues are boost::lockfree::queue with a
// fixed capacity: an array and indices, without pointers. They lie in a shared
// heap as a named object, and hold offsets of jobs in the same heap. Each
// process maps the heap at an address of its own. No process holds a lock that
// others would wait for.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(shared_work_queue shared_work_queue.cpp)
//   target_link_libraries(shared_work_queue
//                         PRIVATE ashlar::shared Threads::Threads)
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <ashlar/shared_objects.hpp>

namespace {

using ashlar::SharedHeap;
using ashlar::SharedHeapMode;
using ashlar::SharedObjects;

constexpr unsigned workers = 3;
constexpr std::uint32_t jobs = 20'000;

using Queue = boost::lockfree::queue<std::uint64_t, boost::lockfree::capacity<1000>>;

// The state that the processes share.
struct Queues {
    Queue waiting, done;
    std::atomic<bool> closed{false};
};

// A job: a text, and how many vowels it has.
struct Job {
    std::uint32_t number;
    std::uint32_t vowels;
    std::uint32_t length;
    [[nodiscard]] char* text() { return reinterpret_cast<char*>(this + 1); }
};

std::uint32_t vowels_of(std::string_view text) {
    const auto is_vowel = [](char c) {
        return std::string_view("aeiou").find(c) != std::string_view::npos;
    };
    return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), is_vowel));
}

std::string text_of(std::uint32_t number) {
    std::string text = "job number " + std::to_string(number);
    for (std::uint32_t i = 0; i < number % 60; ++i) text += " ashlar";
    return text;
}

void push(Queue& queue, std::uint64_t job) {
    while (!queue.push(job)) std::this_thread::yield();  // the queue is full
}

// Runs in a process of its own, which knows only the heap's name.
int work(const std::string& name) {
    SharedHeap heap(SharedHeapMode::open_only, name);
    Queues& queues = SharedObjects(heap).find<Queues>("queues").value();
    for (;;) {
        const bool closed = queues.closed;
        std::uint64_t offset = 0;
        if (!queues.waiting.pop(offset)) {
            if (closed) return 0;
            std::this_thread::yield();
            continue;
        }
        Job* const job = static_cast<Job*>(heap.to_address(offset));
        job->vowels = vowels_of({job->text(), job->length});
        push(queues.done, offset);
    }
}

// A null pointer if the heap is full.
Job* make_job(SharedHeap& heap, std::uint32_t number) {
    const std::string text = text_of(number);
    Job* const job = static_cast<Job*>(heap.allocate(sizeof(Job) + text.size()));
    if (job == nullptr) return nullptr;
    *job = {number, 0, static_cast<std::uint32_t>(text.size())};
    std::memcpy(job->text(), text.data(), text.size());
    return job;
}

}  // namespace

int main() {
    const std::string name = "/ashlar_queue_" + std::to_string(::getpid());
    SharedHeap heap(SharedHeapMode::create_only, name);
    const SharedObjects objects(heap);
    Queues& queues = objects.construct<Queues>("queues")().value();

    std::vector<pid_t> children;
    for (unsigned i = 0; i < workers; ++i) {
        children.push_back(::fork());
        if (children.back() == 0) std::_Exit(work(name));
    }

    std::uint32_t made = 0;
    std::uint32_t finished = 0;
    bool right = true;
    while (finished < jobs) {
        if (made < jobs && made - finished < 900) {
            Job* const job = make_job(heap, made);
            if (job == nullptr) return 1;
            push(queues.waiting, heap.to_offset(job));
            if (++made == jobs) queues.closed = true;
        }
        std::uint64_t offset = 0;
        if (!queues.done.pop(offset)) {
            if (made == jobs) std::this_thread::yield();
            continue;
        }
        Job* const job = static_cast<Job*>(heap.to_address(offset));
        right = right && job->vowels == vowels_of(text_of(job->number));
        heap.deallocate(job);
        ++finished;
    }
    for (const pid_t child : children) {
        int status = 1;
        ::waitpid(child, &status, 0);
        right = right && status == 0;
    }
    std::printf("%u jobs by %u processes\n", finished, workers);
    objects.destroy<Queues>("queues");
    right = right && heap.statistics().blocks == 1;  // the entry of the name "queues"
    SharedHeap::remove(name);
    return right && heap.check() == 0 ? 0 : 1;
}

// Many threads with few blocks each. Their stacks are the program's own, so
// that the C library's cache of stacks is not counted.
#include <cstdlib>
#include <cstring>

#include <malloc.h>
#include <pthread.h>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

namespace {

constexpr std::size_t stack_bytes = 128 * measure::kib;
constexpr std::size_t most_blocks = 64;

/// Threads allocate, wait until all others have, and free and end on request.
class Crowd {
  public:
    Crowd(std::size_t count, std::size_t blocks)
        : count_(count), blocks_(blocks),
          stacks_(static_cast<char*>(measure::map(count * stack_bytes))),
          threads_(static_cast<pthread_t*>(measure::map(count * sizeof(pthread_t)))) {
        require(blocks <= most_blocks, "too many blocks");
        pthread_mutex_lock(&mutex_);
        for (std::size_t i = 0; i < count; ++i) start(i);
        while (ready_ < count) pthread_cond_wait(&changed_, &mutex_);
        pthread_mutex_unlock(&mutex_);
    }

    void end() {
        pthread_mutex_lock(&mutex_);
        told_to_end_ = true;
        pthread_cond_broadcast(&changed_);
        pthread_mutex_unlock(&mutex_);
        for (std::size_t i = 0; i < count_; ++i) pthread_join(threads_[i], nullptr);
        measure::unmap(stacks_, count_ * stack_bytes);
        measure::unmap(threads_, count_ * sizeof(pthread_t));
    }

  private:
    void start(std::size_t i) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, stacks_ + i * stack_bytes, stack_bytes);
        if (pthread_create(&threads_[i], &attributes, &Crowd::body, this) != 0) {
            measure::skip("so many threads are not permitted");
        }
        pthread_attr_destroy(&attributes);
    }

    static void* body(void* crowd) {
        static_cast<Crowd*>(crowd)->live();
        return nullptr;
    }

    void live() {
        void* blocks[most_blocks];
        for (std::size_t i = 0; i < blocks_; ++i) {
            const std::size_t size = std::size_t{24} << i % 5;
            blocks[i] = std::malloc(size);
            require(blocks[i] != nullptr, "malloc");
            std::memset(blocks[i], 1, size);
        }
        pthread_mutex_lock(&mutex_);
        if (++ready_ == count_) pthread_cond_broadcast(&changed_);
        while (!told_to_end_) pthread_cond_wait(&changed_, &mutex_);
        pthread_mutex_unlock(&mutex_);
        for (std::size_t i = 0; i < blocks_; ++i) std::free(blocks[i]);
    }

    const std::size_t count_;
    const std::size_t blocks_;
    char* const stacks_;
    pthread_t* const threads_;
    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
    std::size_t ready_ = 0;
    bool told_to_end_ = false;
};

}  // namespace

void ended_threads(Arguments arguments) {
    const std::size_t before = measure::anonymous_kib();
    Crowd crowd(arguments.number(0), arguments.number(1));
    crowd.end();
    measure::rest_ms(1000);
    figure("left_mib", measure::grown_mib(before, measure::anonymous_kib()));
    malloc_trim(0);
    figure("trimmed_mib", measure::grown_mib(before, measure::anonymous_kib()));
}

/// A thread's share includes the pages of its stack, the same under every
/// allocator.
void idle_threads(Arguments arguments) {
    const auto count = static_cast<double>(arguments.number(0));
    use_a_little();
    const std::size_t before = measure::anonymous_kib();
    const std::size_t huge_before = measure::anonymous_kib_with_huge_pages();
    Crowd crowd(arguments.number(0), arguments.number(1));
    figure("thread_kib", 1024 * measure::grown_mib(before, measure::anonymous_kib()) / count);
    figure(
        "thread_with_huge_pages_kib",
        1024 * measure::grown_mib(huge_before, measure::anonymous_kib_with_huge_pages()) / count);
    crowd.end();
}

}  // namespace commands

// The thread that start_collector() makes: a cycle, a pause, a cycle … until it
// is stopped. Owned by one manager; start() and stop() may come from any
// thread.
#ifndef ASHLAR_MANAGER_COLLECTOR_COLLECTOR_THREAD_HPP
#define ASHLAR_MANAGER_COLLECTOR_COLLECTOR_THREAD_HPP

#include <pthread.h>
#include <ashlar/manager_types.hpp>

#include "manager/collector/collector.hpp"

namespace ashlar::manager {

class CollectorThread {
  public:
    explicit CollectorThread(Collector& collector) noexcept : collector_(collector) {
        lock_.attach(&word_);
    }
    CollectorThread(const CollectorThread&) = delete;
    CollectorThread& operator=(const CollectorThread&) = delete;
    ~CollectorThread() { stop(); }

    // In place of one that runs already. Throws std::system_error.
    void start(CollectorOptions options);
    // Ends the cycle that runs, which frees nothing more.
    void stop() noexcept;
    // In the child of a fork: the thread is not there.
    void continue_in_child() noexcept;

  private:
    static void* main(void* self) noexcept;
    void stop_locked() noexcept;
    void cycle() noexcept;

    Collector& collector_;
    base::TryLock word_{};  // start() and stop()
    Lock lock_;
    CollectorOptions options_;
    bool runs_ = false;
    pthread_t thread_{};
    base::Atomic<std::uint32_t> stop_{0};
};

}  // namespace ashlar::manager

#endif

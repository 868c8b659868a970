// The lock of a manager: a spinlock whose holders do short work only. A waiting
// thread spins with few looks. If that takes longer, it lets the holder run: it
// yields its processor, then sleeps.
// Without a word there is no lock: a manager for one thread pays only a test.
#ifndef ASHLAR_MANAGER_BASE_LOCK_HPP
#define ASHLAR_MANAGER_BASE_LOCK_HPP

#include "base/atomic.hpp"

namespace ashlar::manager {

class Lock {
  public:
    Lock() noexcept = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    void attach(base::TryLock* word) noexcept { word_ = word; }

    void lock() noexcept {
        if (word_ != nullptr && !word_->try_lock()) [[unlikely]]
            wait();
    }
    // Without waiting.
    [[nodiscard]] bool try_lock() noexcept;
    void unlock() noexcept {
        if (word_ == nullptr) return;
        if (depth_ != 0) [[unlikely]] {
            --depth_;
        } else {
            word_->leave();
        }
    }

    // In the child of a fork, where only one thread is left: nobody waits; and
    // the lock is free, if another thread had it.
    void forget_waiters() noexcept { waiting_.store(0, base::rlx); }  // relaxed: one thread
    void reset() noexcept {
        forget_waiters();
        depth_ = 0;
        if (word_ != nullptr) word_->reset();
    }

    // Whether a thread waits. It looks again within kLongestWait pauses, unless
    // it loses its processor.
    static constexpr unsigned kLongestWait = 1024;
    // Relaxed: a hint.
    [[nodiscard]] bool wanted() const noexcept { return waiting_.load(base::rlx) != 0; }
    // For a thread that takes the lock repeatedly, so that others see it free.
    void let_others_in() const noexcept {
        constexpr unsigned kPauses = 16;  // for a thread that arrives just now
        for (unsigned i = wanted() ? 2 * kLongestWait : kPauses; i != 0; --i) base::pause();
    }

    // During its life the calling thread, which holds the lock, may take it
    // again.
    class Again {
      public:
        explicit Again(Lock& lock) noexcept;
        ~Again();
        Again(const Again&) = delete;
        Again& operator=(const Again&) = delete;

      private:
        Lock& lock_;
        const void* last_;
    };

  private:
    [[gnu::cold]] void wait() noexcept;

    base::TryLock* word_ = nullptr;             // in the manager's store
    unsigned depth_ = 0;                        // taken again so many times; the holder's
    base::Atomic<const void*> again_{nullptr};  // the thread that may
    // Threads in wait(). In a line apart from the words that every call reads.
    alignas(base::kCacheLine) base::Atomic<unsigned> waiting_{0};
};

class Guard {
  public:
    explicit Guard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    ~Guard() { lock_.unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

  private:
    Lock& lock_;
};

}  // namespace ashlar::manager

#endif

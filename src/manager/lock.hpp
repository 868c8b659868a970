// The lock of a manager: a spinlock whose holders do short work only, so that who waits spins, looking seldom, and lets others
// run when that takes longer. No word, no lock: a manager for one thread pays a test for it.
#ifndef ASHLAR_MANAGER_LOCK_HPP
#define ASHLAR_MANAGER_LOCK_HPP

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
    void unlock() noexcept {
        if (word_ == nullptr) return;
        if (depth_ != 0) [[unlikely]] {
            --depth_;
        } else {
            word_->leave();
        }
    }

    // Whether somebody waits, who looks again within kLongestWait pauses unless its processor is taken away.
    static constexpr unsigned kLongestWait = 1024;
    [[nodiscard]] bool wanted() const noexcept { return waiting_.load(base::rlx) != 0; }  // relaxed: a hint
    // For who takes the lock again and again, and would hardly ever let others see it free.
    void let_others_in() const noexcept {
        constexpr unsigned kPauses = 16;  // for who comes just now
        for (unsigned i = wanted() ? 2 * kLongestWait : kPauses; i != 0; --i) base::pause();
    }

    // While it lives the calling thread, which has the lock, may take it again.
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
    // Threads in wait(). Away from what every call reads.
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

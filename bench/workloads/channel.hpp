// Carries blocks from any thread to any other: a queue of Boost.Lockfree with a
// fixed capacity, whose nodes lie in the queue itself, so that it allocates
// nothing; and crates, which are blocks that carry others.
#ifndef ASHLAR_BENCH_CHANNEL_HPP
#define ASHLAR_BENCH_CHANNEL_HPP

#include <sched.h>

#include <atomic>
#include <boost/lockfree/queue.hpp>
#include <cstddef>
#include <cstdint>
#include <new>

#include "blocks.hpp"

namespace bench {

template <std::size_t Capacity>
using Channel = boost::lockfree::queue<void*, boost::lockfree::capacity<Capacity>>;

/// Like Table, for objects that have a constructor.
template <class T>
class Objects {
  public:
    explicit Objects(std::size_t count) noexcept : objects_(count) {
        for (T& object : objects_) new (&object) T();
    }
    T& operator[](std::size_t i) noexcept { return objects_[i]; }

  private:
    Table<T> objects_;
};

struct alignas(128) Sum {
    std::uint64_t value;
};

inline std::uint64_t total(Table<Sum>& sums) noexcept {
    std::uint64_t all = 0;
    for (const Sum& sum : sums) all += sum.value;
    return all;
}

inline constexpr unsigned crate_blocks = 62;
// The stamp's word, the blocks, the word with the stamp's last byte.
inline constexpr std::size_t crate_size = 512;

/// Fills crates. A crate holds only its blocks' addresses: they are null from
/// the first free place on.
class Packer {
  public:
    /// The crate if this block fills it; the caller owns it then.
    void* put(void* block) noexcept {
        if (crate_ == nullptr) crate_ = static_cast<void**>(make(crate_size));
        crate_[++count_] = block;
        return count_ == crate_blocks ? finish() : nullptr;
    }
    /// The crate with the blocks so far, or null.
    void* finish() noexcept {
        if (crate_ != nullptr && count_ < crate_blocks) crate_[count_ + 1] = nullptr;
        void* crate = crate_;
        crate_ = nullptr;
        count_ = 0;
        return crate;
    }

  private:
    void** crate_ = nullptr;
    unsigned count_ = 0;
};

/// Passes each block of a crate to `each`, in their order, and frees the crate.
template <class Each>
std::uint64_t unpack(void* crate, Each each) noexcept {
    auto* blocks = static_cast<void**>(crate);
    for (unsigned i = 1; i <= crate_blocks && blocks[i] != nullptr; ++i) each(blocks[i]);
    return drop(crate);
}

/// Frees the blocks of a crate, and the crate.
inline std::uint64_t unpack(void* crate) noexcept {
    std::uint64_t sum = 0;
    const std::uint64_t rest = unpack(crate, [&sum](void* block) { sum += drop(block); });
    return sum + rest;
}

/// Threads send crates to each other, and unpack those that they receive. At
/// most so many crates wait for a thread.
template <unsigned Threads, std::size_t Waiting>
class Post {
  public:
    void send(unsigned self, unsigned other, void* crate) noexcept {
        while (!inboxes_[other].push(crate)) {
            if (!receive(self)) sched_yield();
        }
    }
    /// Whether a crate was received.
    bool receive(unsigned self) noexcept {
        bool any = false;
        for (void* crate; inboxes_[self].pop(crate); any = true) sums_[self].value += unpack(crate);
        return any;
    }
    /// Stops sending, and receives until no thread sends.
    void finish(unsigned self) noexcept {
        sending_.fetch_sub(1, std::memory_order_release);
        while (sending_.load(std::memory_order_acquire) != 0) {
            if (!receive(self)) sched_yield();
        }
        receive(self);
    }
    void add(unsigned self, std::uint64_t sum) noexcept { sums_[self].value += sum; }
    [[nodiscard]] std::uint64_t sum() noexcept { return total(sums_); }

  private:
    Objects<Channel<Waiting>> inboxes_{Threads};
    Table<Sum> sums_{Threads};
    std::atomic<unsigned> sending_{Threads};
};

}  // namespace bench

#endif

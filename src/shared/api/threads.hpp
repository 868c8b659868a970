// The slots that the calling thread has in this process's heaps. A thread
// attaches at its first call to a heap and detaches at its end. The child of a
// fork has none of its parent's slots. Each function acts for the calling
// thread; none waits.
#ifndef ASHLAR_SHARED_API_THREADS_HPP
#define ASHLAR_SHARED_API_THREADS_HPP

#include "base/atomic.hpp"
#include "shared/segment/slot.hpp"

namespace ashlar::shared {

class Mapping;

// A number for each process of a chain of forks, never 0. The kernel sets it to
// 0 in the child of a fork. Alone on its pages.
class ForkCount {
  public:
    // 0: a fork happened since it was numbered, or it is the first call.
    // Relaxed, both: one thread's own past, and the page of an open heap.
    [[nodiscard]] Word seen() const noexcept { return count_.load(base::rlx)->load(base::rlx); }
    // Numbers the process if that was not done.
    Word number() noexcept;
    // Before the first use, by opening a heap. False: no memory.
    [[nodiscard]] bool prepare() noexcept;

  private:
    static void after_fork() noexcept;

    base::Atomic<base::Atomic<Word>*> count_{nullptr};
};
extern constinit ForkCount fork_count;

// What the thread used last. `key` is that of a mapping in a process.
struct CurrentSlot {
    Word key;
    Slot* address;  // of the slot, in that mapping
    SlotId slot;
    std::uint32_t calls;  // until the next look for dead threads
};
extern constinit thread_local CurrentSlot current_slot;

// Finds or takes a slot; makes it the current one. 0: none is free.
[[nodiscard]] SlotId attach_thread(Mapping& mapping) noexcept;
// Gives back what the slot has in its hands, and the slot.
void detach_thread(Mapping& mapping) noexcept;

// Keeps the thread's slot in a heap, while code of the program runs inside a
// call to it. Each keep_slot() has its release_slot().
void keep_slot(const Mapping& mapping) noexcept;
void release_slot(const Mapping& mapping) noexcept;
class KeepSlot {
  public:
    explicit KeepSlot(Mapping& mapping) noexcept : mapping_(mapping) { keep_slot(mapping); }
    KeepSlot(const KeepSlot&) = delete;
    KeepSlot& operator=(const KeepSlot&) = delete;
    ~KeepSlot() { release_slot(mapping_); }

  private:
    Mapping& mapping_;
};

}  // namespace ashlar::shared

#endif

// The calls of a multithreaded program to an allocator, as the program saw
// them: each thread records when each call began and returned, in a buffer of
// its own. Times are ticks of one counter, not of the processors' clocks: a
// call that returned before another began has lower ones.
#ifndef ASHLAR_TESTS_SUPPORT_AUDITOR_HISTORY_HPP
#define ASHLAR_TESTS_SUPPORT_AUDITOR_HISTORY_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace auditor {

using Tick = std::uint64_t;

enum class Op : std::uint8_t {
    take,  // an allocation; address 0: it was refused
    give,  // a free
};

struct Event {
    Tick begin;  // before the call
    Tick end;    // after it returned
    std::uintptr_t address;
    // Bytes that the caller may use; of a refused allocation those that it
    // asked for.
    std::size_t size;
    Op op;
};

class Clock {
  public:
    // seq_cst: a call that returned before another begins did so for every
    // thread.
    [[nodiscard]] Tick now() noexcept { return next_.fetch_add(1, std::memory_order_seq_cst) + 1; }

  private:
    std::atomic<Tick> next_{0};
};

// The records of one thread. Their memory exists from the start, so that
// recording allocates nothing.
class Log {
  public:
    explicit Log(std::size_t most) { events_.reserve(most); }

    // Whether there is room to record a call and its free.
    [[nodiscard]] bool has_room(std::size_t events = 2) const noexcept {
        return events_.size() + events <= events_.capacity();
    }
    template <class F>
    void* take(Clock& clock, std::size_t size, F allocate) noexcept {
        const Tick begin = clock.now();
        void* block = allocate();
        note({begin, clock.now(), reinterpret_cast<std::uintptr_t>(block), size, Op::take});
        return block;
    }
    template <class F>
    void give(Clock& clock, void* block, std::size_t size, F free) noexcept {
        const Tick begin = clock.now();
        free();
        note({begin, clock.now(), reinterpret_cast<std::uintptr_t>(block), size, Op::give});
    }
    // Records a realloc as a free and an allocation by one call. If it is
    // refused the block stays.
    template <class F>
    void* resize(Clock& clock, void* block, std::size_t from, std::size_t to,
                 F reallocate) noexcept {
        const auto before = reinterpret_cast<std::uintptr_t>(block);
        const Tick begin = clock.now();
        void* moved = reallocate();
        const Tick end = clock.now();
        if (moved != nullptr) note({begin, end, before, from, Op::give});
        note({begin, end, reinterpret_cast<std::uintptr_t>(moved), to, Op::take});
        return moved;
    }
    void clear() noexcept { events_.clear(); }
    [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }

  private:
    void note(const Event& event) noexcept {
        if (!has_room(1)) std::abort();
        events_.push_back(event);
    }

    std::vector<Event> events_;
};

}  // namespace auditor

#endif

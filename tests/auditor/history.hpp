// What a multithreaded program did with an allocator, as it saw it: each thread notes when each call began and returned, in a
// buffer of its own. Times are the ticks of one counter, so that a call that returned before another began has lower ones,
// whatever the processors' clocks say.
#ifndef ASHLAR_TESTS_AUDITOR_HISTORY_HPP
#define ASHLAR_TESTS_AUDITOR_HISTORY_HPP

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
    std::size_t size;  // bytes that the caller may use; of a refused allocation those that it asked for
    Op op;
};

class Clock {
  public:
    // seq_cst: a call that is over when another begins is so for everybody.
    [[nodiscard]] Tick now() noexcept { return next_.fetch_add(1, std::memory_order_seq_cst) + 1; }

  private:
    std::atomic<Tick> next_{0};
};

// One thread's notes. Its memory is there from the start, so that noting allocates nothing.
class Log {
  public:
    explicit Log(std::size_t most) { events_.reserve(most); }

    // Whether a call and what undoes it can still be noted.
    [[nodiscard]] bool has_room(std::size_t events = 2) const noexcept { return events_.size() + events <= events_.capacity(); }
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
    // A realloc, in place or not, is a free and an allocation by one call; where it is refused the block stays.
    template <class F>
    void* resize(Clock& clock, void* block, std::size_t from, std::size_t to, F reallocate) noexcept {
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

// A scenario: a few threads with a few operations on shared memory, and the
// properties that hold at every step or at the end.
#ifndef ASHLAR_TESTS_MODEL_SCENARIO_HPP
#define ASHLAR_TESTS_MODEL_SCENARIO_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace interleave {

class Scenario {
  public:
    virtual ~Scenario() = default;

    unsigned threads = 2;
    bool may_freeze = false;  // one thread may stop for ever, anywhere
    // So many threads may die, each before any of its writes or at its end.
    unsigned deaths = 0;
    // Everybody may stop at once, as in the child of a fork; also between plain
    // stores.
    bool may_cut = false;
    bool watches = false;   // watch() is called at every step
    unsigned children = 0;  // threads of the child of a fork, after a cut

    // Called once, while no thread runs. Every run begins with the resulting
    // contents of the shared memory.
    virtual void set_up() = 0;
    // Before each run: resets the scenario's state outside the shared memory.
    virtual void begin() {}
    virtual void run(unsigned thread) = 0;
    virtual void watch() {}
    // After a cut, if there are `children`: the child alone, then its threads,
    // which are scheduled like the others.
    virtual void begin_child() {}
    virtual void run_child(unsigned) {}
    // After each run, alone. `stopped`: a bit for each thread that did not
    // reach its end, or died there.
    virtual void end(unsigned stopped) = 0;
    // After all runs; returns an outcome that no run has shown, or nothing.
    virtual std::string verdict() { return {}; }
};

// Ends the program with the schedule that led here.
[[noreturn]] void fail(const std::string& what);
inline void require(bool holds, const char* what) {
    if (!holds) fail(what);
}

// The clock of the code under test, in milliseconds. A scenario that changes it
// resets it in begin().
extern std::uint64_t now_ms;

// Whether the system has membarrier, for the code under test.
extern bool has_barriers;
// Whether they order plain accesses too, as the system's do. Code that is to
// run under ThreadSanitizer orders its own.
extern bool barriers_order_plain;
// Which calls the system refuses to the code under test.
struct Refusals {
    bool map, commit, purge, growth, move;
};
extern Refusals system_refuses;
// Calls that returned pages. A scenario resets it in begin().
extern std::size_t system_purges;
// Pages that are mapped, open or not.
[[nodiscard]] std::size_t mapped_pages();
enum class PageState : std::uint8_t { free, reserved, open };
[[nodiscard]] PageState page_state(std::uintptr_t at);
// Whether a thread died in this run.
[[nodiscard]] bool has_died(unsigned thread);
// The number of the running thread; 0 if none runs.
[[nodiscard]] unsigned running_thread();

// A mutex that the system gives to the next thread when its holder dies. It is
// only tried. Its state belongs to the scenario, which resets it in begin().
class RobustMutex {
  public:
    explicit RobustMutex(unsigned holder = kNobody) : holder_(holder) {}
    // True: the caller has it, and knows what the last holder did.
    [[nodiscard]] bool try_lock();
    void unlock();
    // The thread that has it, alive or dead, or kNobody.
    [[nodiscard]] unsigned holder() const { return holder_; }
    static constexpr unsigned kNobody = ~0U;
    static constexpr unsigned kAlone = kNobody - 1;  // the holder if no thread runs

  private:
    unsigned holder_;
    std::int32_t passed_ = -1;  // what the last holder knew when it left
};

// Shared memory for a scenario's set-up, all zero.
[[nodiscard]] void* shared(std::size_t bytes, std::size_t alignment);
template <class T>
T& shared_object() {
    return *new (shared(sizeof(T), alignof(T) < 64 ? 64 : alignof(T))) T{};
}

struct Entry {
    const char* name;
    std::unique_ptr<Scenario> (*make)();
};
std::vector<Entry>& entries();

template <class S>
struct Enrolled {
    explicit Enrolled(const char* name) {
        entries().push_back(
            {name, []() -> std::unique_ptr<Scenario> { return std::make_unique<S>(); }});
    }
};

}  // namespace interleave

#endif

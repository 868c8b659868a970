// Runs the threads of a scenario as fibers of one thread of the system, one at
// a time. A strategy chooses the next thread before each atomic access to
// shared memory, and the value of each load among those that the memory model
// allows. These decisions determine a run. Those that differ from the defaults
// are its schedule, which can be printed and replayed.
#ifndef ASHLAR_TESTS_MODEL_SCHEDULER_HPP
#define ASHLAR_TESTS_MODEL_SCHEDULER_HPP

#include <ucontext.h>
#include <cstdint>
#include <string>
#include <vector>

#include "memory.hpp"
#include "scenario.hpp"
#include "space.hpp"

namespace interleave {

// A point at which another thread may run.
struct Turn {
    std::uint32_t step;
    unsigned current;
    bool finished;    // the current thread is at its end, or waits: somebody else must go on
    bool may_freeze;  // no thread is frozen, and another one can run
    bool may_die;     // the current thread may die here
    bool may_switch;  // another thread may go on, though this one can
    bool may_cut;
    unsigned runnable;  // a bit for each thread that has not ended and is not frozen
};

enum class Act : std::uint8_t { run, freeze, die, cut };

struct Move {
    unsigned thread;  // the next thread
    Act act;          // freeze, die: the current thread never runs again; cut: nobody does
};

class Strategy {
  public:
    virtual ~Strategy() = default;
    // Whether it also decides before accesses to words that are not visible.
    [[nodiscard]] virtual bool everywhere() const { return false; }
    virtual Move turn(const Turn& turn) = 0;
    // The age of the store to read: less than `readable`.
    virtual unsigned age(std::uint32_t step, unsigned readable) = 0;
};

// A difference from the default schedule. By default the current thread goes
// on, or the lowest if it has ended, and a load reads the newest store.
struct Deviation {
    std::uint32_t step;
    char kind;  // t: thread, f: freeze and thread, d: die and thread, c: cut, o: old value
    unsigned value;
};
using Schedule = std::vector<Deviation>;
[[nodiscard]] std::string to_string(const Schedule& schedule);
[[nodiscard]] bool from_string(const std::string& text, Schedule& schedule);

class Scheduler {
  public:
    Scheduler(Memory& memory, Scenario& scenario);

    // One run from beginning to end; a fault ends the program.
    void run(Strategy& strategy);
    [[nodiscard]] const Schedule& schedule() const { return schedule_; }
    [[nodiscard]] std::uint32_t steps() const { return step_; }

    // Called by the accesses of the code under test.
    [[nodiscard]] bool running() const { return running_; }
    [[nodiscard]] unsigned thread() const { return current_; }
    void before_atomic(Memory::Word word, bool writes);
    [[nodiscard]] unsigned choose(unsigned readable);
    void before_plain_write();
    // A system call. `order`: its order among threads matters; otherwise it is
    // only a point to stop or to be cut.
    void before_call(bool order);
    // The end of a thread's operations: it may die here too.
    void at_end();
    [[nodiscard]] bool has_died(unsigned thread) const { return (dead_ >> thread & 1U) != 0; }
    // The current thread waits for another: lets one run, if any can.
    void yield();
    // Prints each atomic access of the run, with its place in the program for
    // addr2line.
    void trace(bool on) { tracing_ = on; }
    void traced(const char* access, Memory::Word word, int order, std::uint64_t value,
                const void* caller) {
        if (tracing_) print(access, word, order, value, caller);
    }
    // At loads while no thread runs: the checks after a run must end too.
    void count_alone() {
        if (++alone_ > kMostAlone) fail("too many steps after the run");
    }
    [[noreturn]] void fail(const std::string& what);

  private:
    static constexpr std::uint32_t kMostAlone = 10'000'000;
    void run_threads(unsigned threads);
    static void enter();
    void print(const char* access, Memory::Word word, int order, std::uint64_t value,
               const void* caller) const;
    [[nodiscard]] bool may_cut() const { return scenario_.may_cut && !child_; }
    [[nodiscard]] bool may_die() const { return death_count_ < scenario_.deaths; }
    void decide(bool finished, bool may_die, bool may_switch = true);
    void die(unsigned next);
    void switch_to(unsigned thread);
    void leave();

    struct Fiber {
        ucontext_t context;
        std::vector<char> stack;
    };

    Memory& memory_;
    Space space_;
    Scenario& scenario_;
    Strategy* strategy_ = nullptr;
    Schedule schedule_;
    Fiber fibers_[kMaxThreads];
    ucontext_t main_;
    unsigned current_ = 0;
    unsigned runnable_ = 0;
    unsigned frozen_ = 0;
    unsigned dead_ = 0;  // a bit for each dead thread
    unsigned death_count_ = 0;
    std::uint32_t step_ = 0;
    std::uint32_t alone_ = 0;
    bool running_ = false;
    bool cut_ = false;
    bool child_ = false;  // the threads are those of the child
    bool tracing_ = false;
};

// The running scheduler, for the hooks.
extern Scheduler* scheduler;
extern Memory* memory;

}  // namespace interleave

#endif

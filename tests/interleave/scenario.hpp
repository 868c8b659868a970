// A scenario: a few threads that do a few operations on shared memory, and what must hold afterwards, or at every step.
#ifndef ASHLAR_TESTS_INTERLEAVE_SCENARIO_HPP
#define ASHLAR_TESTS_INTERLEAVE_SCENARIO_HPP

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
    bool may_cut = false;     // everybody may stop at once, as in the child of a fork; also between plain stores
    bool watches = false;     // watch() is called at every step
    unsigned children = 0;    // threads of the child of a fork, after a cut

    // Once; what the shared memory holds then is what every run begins with. No thread runs.
    virtual void set_up() = 0;
    // Before each run: resets what the scenario notes outside the shared memory.
    virtual void begin() {}
    virtual void run(unsigned thread) = 0;
    virtual void watch() {}
    // After a cut, if there are `children`: what the child does alone, then what its threads do, scheduled as the others were.
    virtual void begin_child() {}
    virtual void run_child(unsigned) {}
    // After each run, alone. `stopped`: a bit for each thread that did not reach its end.
    virtual void end(unsigned stopped) = 0;
    // After all runs; says what the runs together should have shown, or nothing.
    virtual std::string verdict() { return {}; }
};

// Ends the program with the schedule that led here.
[[noreturn]] void fail(const std::string& what);
inline void require(bool holds, const char* what) {
    if (!holds) fail(what);
}

// The clock of the code under test, in milliseconds. A scenario that moves it on sets it back in begin().
extern std::uint64_t now_ms;

// Whether the system has membarrier, for the code under test.
extern bool has_barriers;
// The number of the thread that runs now; 0 while none does.
[[nodiscard]] unsigned running_thread();

// Shared memory for a scenario's set-up, all zero.
[[nodiscard]] void* shared(std::size_t bytes, std::size_t alignment);
template <class T>
T& shared_object() {
    return *new (shared(sizeof(T), alignof(T) < 64 ? 64 : alignof(T))) T{};
}

// Where the next word that is not zero begins, from `at` on, or `bytes`. A look that the memory model does not hear of.
[[nodiscard]] std::size_t next_not_zero(const void* start, std::size_t at, std::size_t bytes);

struct Entry {
    const char* name;
    std::unique_ptr<Scenario> (*make)();
};
std::vector<Entry>& entries();

template <class S>
struct Enrolled {
    explicit Enrolled(const char* name) {
        entries().push_back({name, []() -> std::unique_ptr<Scenario> { return std::make_unique<S>(); }});
    }
};

}  // namespace interleave

#endif

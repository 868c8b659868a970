// The gate between a manager's collector and the threads that change blocks,
// and the thread numbers that choose their slots.
#include "fixture.hpp"
#include "manager/base/thread_numbers.hpp"
#include "manager/collector/cycle_gate.hpp"

namespace {

using namespace interleave;
using ashlar::manager::CycleGate;
using ashlar::manager::ThreadNumbers;

std::uint32_t number_of[4];  // of the threads of the scenario

}  // namespace

// For the gate: a kept number would be the same in all fibers. So no thread
// keeps one, and each asks for its number first.
constinit thread_local std::uint32_t ashlar::manager::own_number = 0;
std::uint32_t ashlar::manager::first_number() noexcept { return number_of[running_thread()]; }

namespace {

// Thread 0 is the collector: between close() and open() it must see all that
// others changed before the cycle.
class Closes : public Scenario {
  public:
    void set_up() override {
        has_barriers = barriers_;
        for (std::uint32_t t = 0; t < 4; ++t) number_of[t] = t + 1;
        gate_ = &shared_object<CycleGate>();
        ashlar::region::Carver measure(0);
        gate_->layout(measure, true);
        ashlar::region::Carver carver(reinterpret_cast<std::uintptr_t>(shared(measure.used(), 64)));
        gate_->layout(carver, true);
        changed_ = static_cast<unsigned*>(shared(4 * sizeof(unsigned), 64));
        prepare();
    }
    void begin() override { cycle_ = opened_ = false; }
    void run(unsigned thread) override {
        if (thread != 0) {
            for (unsigned i = 0; i < 2; ++i) change(thread);
            return;
        }
        gate_->close();
        cycle_ = true;
        for (unsigned t = 1; t < threads; ++t) ++changed_[t];
        cycle_ = false;
        gate_->open();
        opened_ = true;
        change(0);
    }
    void end(unsigned stopped) override {
        require(stopped == 0, "no thread stops here");
        const CycleGate::MutatorScope pass(*gate_);
        require(!pass.cycle(), "the gate is still closed");
    }

  protected:
    explicit Closes(bool barriers = true) : barriers_(barriers) {}
    virtual void prepare() {}
    void change(unsigned thread) {
        const CycleGate::MutatorScope pass(*gate_);
        if (pass.cycle())
            return require(!opened_, "open() did not wait for a thread that sees the cycle");
        require(!cycle_, "a change that the collector is not told about");
        ++changed_[thread];
        require(!cycle_, "a change that the collector did not wait for");
    }
    CycleGate* gate_ = nullptr;

  private:
    bool barriers_;
    bool cycle_ = false;   // between close() and open()
    bool opened_ = false;  // open() has returned
    unsigned* changed_ = nullptr;
};

// E30 to E32: a thread that owns a slot, from its first visit on.
struct Owner : Closes {
    void prepare() override { const CycleGate::MutatorScope own(*gate_); }
};
const Enrolled<Owner> kOwner{"gate.owner"};

// The same, for a thread that has been there before.
struct OwnerAgain : Closes {
    void prepare() override {
        number_of[0] = number_of[1];
        { const CycleGate::MutatorScope own(*gate_); }
        number_of[0] = 1;
        const CycleGate::MutatorScope own(*gate_);
    }
};
const Enrolled<OwnerAgain> kOwnerAgain{"gate.owner_again"};

// Two guests in the slot of another thread.
struct Guests : Closes {
    Guests() { threads = 3; }
    void prepare() override {
        const CycleGate::MutatorScope own(*gate_);
        number_of[1] = number_of[0] + 64;
        number_of[2] = number_of[0] + 128;
    }
};
const Enrolled<Guests> kGuests{"gate.guests"};

// The system has no membarrier: all threads are guests.
struct NoBarriers : Closes {
    NoBarriers() : Closes(false) {}
};
const Enrolled<NoBarriers> kNoBarriers{"gate.no_barriers"};

// E37: state that is kept by number passes from the thread that had the number
// to the next one.
struct Numbers : Scenario {
    Numbers() { threads = 3; }
    void set_up() override {
        numbers_ = &shared_object<ThreadNumbers>();
        kept_ = static_cast<unsigned*>(shared(8 * sizeof(unsigned), 64));
    }
    void run(unsigned) override {
        const std::uint32_t number = numbers_->take();
        require(number != 0 && number <= threads, "not the lowest free number");
        ++kept_[number];
        numbers_->give(number);
    }
    void end(unsigned stopped) override {
        require(stopped == 0 && numbers_->take() == 1, "a number was lost");
    }
    ThreadNumbers* numbers_ = nullptr;
    unsigned* kept_ = nullptr;
};
const Enrolled<Numbers> kNumbers{"gate.numbers"};

}  // namespace

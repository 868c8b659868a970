// The gate between a manager's collector and those who change blocks, and the numbers by which threads find their slots.
#include "ground.hpp"
#include "manager/gate.hpp"
#include "manager/thread_numbers.hpp"

namespace {

using namespace interleave;
using ashlar::manager::Gate;
using ashlar::manager::ThreadNumbers;

std::uint32_t number_of[4];  // of the threads of the scenario

}  // namespace

// For the gate: a number that is kept would be the same in all fibers. So nobody ever has one, and asks for his first.
constinit thread_local std::uint32_t ashlar::manager::own_number = 0;
std::uint32_t ashlar::manager::first_number() noexcept { return number_of[running_thread()]; }

namespace {

// Thread 0 is the collector: between close() and open() it has what the others change while no cycle runs.
class Closes : public Scenario {
  public:
    void set_up() override {
        has_barriers = barriers_;
        for (std::uint32_t t = 0; t < 4; ++t) number_of[t] = t + 1;
        gate_ = &shared_object<Gate>();
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
        require(stopped == 0, "nobody stops here");
        const Gate::Pass pass(*gate_);
        require(!pass.cycle(), "the gate is still closed");
    }

  protected:
    explicit Closes(bool barriers = true) : barriers_(barriers) {}
    virtual void prepare() {}
    void change(unsigned thread) {
        const Gate::Pass pass(*gate_);
        if (pass.cycle()) return require(!opened_, "open() did not wait for who thinks that a cycle runs");
        require(!cycle_, "a change that the collector does not hear of");
        ++changed_[thread];
        require(!cycle_, "a change that the collector did not wait for");
    }
    Gate* gate_ = nullptr;

  private:
    bool barriers_;
    bool cycle_ = false;   // between close() and open()
    bool opened_ = false;  // open() has returned
    unsigned* changed_ = nullptr;
};

// E30 to E32: an owner of a slot, from the first time on.
struct Owner : Closes {
    void prepare() override { const Gate::Pass own(*gate_); }
};
const Enrolled<Owner> kOwner{"gate.owner"};

// The same, who has been there before.
struct OwnerAgain : Closes {
    void prepare() override {
        number_of[0] = number_of[1];
        { const Gate::Pass own(*gate_); }
        number_of[0] = 1;
        const Gate::Pass own(*gate_);
    }
};
const Enrolled<OwnerAgain> kOwnerAgain{"gate.owner_again"};

// Two guests in a slot of somebody else's.
struct Guests : Closes {
    Guests() { threads = 3; }
    void prepare() override {
        const Gate::Pass own(*gate_);
        number_of[1] = number_of[0] + 64;
        number_of[2] = number_of[0] + 128;
    }
};
const Enrolled<Guests> kGuests{"gate.guests"};

// The system has no barrier: all are guests.
struct NoBarriers : Closes {
    NoBarriers() : Closes(false) {}
};
const Enrolled<NoBarriers> kNoBarriers{"gate.no_barriers"};

// E37: what is kept by number passes from the thread that had it to the next one.
struct Numbers : Scenario {
    Numbers() { threads = 3; }
    void set_up() override {
        numbers_ = &shared_object<ThreadNumbers>();
        kept_ = static_cast<unsigned*>(shared(8 * sizeof(unsigned), 64));
    }
    void run(unsigned) override {
        const std::uint32_t number = numbers_->take();
        require(number != 0 && number <= threads, "not the lowest that nobody has");
        ++kept_[number];
        numbers_->give(number);
    }
    void end(unsigned stopped) override { require(stopped == 0 && numbers_->take() == 1, "a number was lost"); }
    ThreadNumbers* numbers_ = nullptr;
    unsigned* kept_ = nullptr;
};
const Enrolled<Numbers> kNumbers{"gate.numbers"};

}  // namespace

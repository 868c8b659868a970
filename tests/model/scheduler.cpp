#include "scheduler.hpp"

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

// Defined by the linker: the start of the program.
extern "C" const char __executable_start;

namespace interleave {

namespace {
constexpr std::size_t kStack = 256 * 1024;
constexpr std::uint32_t kMostSteps = 30000;  // of one run; a longer one means that a thread waits
constexpr char kFreeze = 'f';
constexpr char kDie = 'd';
constexpr char kThread = 't';
constexpr char kCut = 'c';
constexpr char kOld = 'o';

unsigned lowest(unsigned set) { return static_cast<unsigned>(__builtin_ctz(set)); }
}  // namespace

Scheduler* scheduler = nullptr;
Memory* memory = nullptr;
std::uint64_t now_ms = 0;
bool has_barriers = true;
bool barriers_order_plain = false;
Refusals system_refuses{};
std::size_t system_purges = 0;

bool has_died(unsigned thread) { return scheduler->has_died(thread); }
unsigned running_thread() { return scheduler->running() ? scheduler->thread() : 0; }

std::string to_string(const Schedule& schedule) {
    std::string text;
    for (const Deviation& each : schedule) {
        if (!text.empty()) text += ',';
        text += std::to_string(each.step) + each.kind + std::to_string(each.value);
    }
    return text.empty() ? "none" : text;
}

bool from_string(const std::string& text, Schedule& schedule) {
    schedule.clear();
    if (text == "none") return true;
    for (std::size_t at = 0; at < text.size();) {
        Deviation each{};
        int length = 0;
        if (std::sscanf(text.c_str() + at, "%u%c%u%n", &each.step, &each.kind, &each.value,
                        &length) != 3)
            return false;
        schedule.push_back(each);
        at += static_cast<std::size_t>(length);
        if (at < text.size() && text[at++] != ',') return false;
    }
    return true;
}

namespace {
// A crash of the code under test is a fault with a schedule too. The handler
// has a stack of its own, since the fiber's may be exhausted.
void catch_crashes() {
    static char stack[64 * 1024];
    stack_t alternative{};
    alternative.ss_sp = stack;
    alternative.ss_size = sizeof stack;
    sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_handler = [](int number) {
        scheduler->fail("crashed, by signal " + std::to_string(number));
    };
    action.sa_flags = SA_ONSTACK;
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(number, &action, nullptr);
}
}  // namespace

Scheduler::Scheduler(Memory& shared_memory, Scenario& scenario)
    : memory_(shared_memory), space_(shared_memory), scenario_(scenario) {
    for (Fiber& fiber : fibers_) fiber.stack.resize(kStack);
    scheduler = this;
    memory = &shared_memory;
    space = &space_;
    catch_crashes();
}

void Scheduler::run(Strategy& strategy) {
    strategy_ = &strategy;
    schedule_.clear();
    step_ = 0;
    alone_ = 0;
    frozen_ = dead_ = death_count_ = 0;
    cut_ = child_ = false;
    memory_.begin_run(scenario_.threads);
    space_.begin_run();
    scenario_.begin();
    run_threads(scenario_.threads);
    const unsigned stopped = cut_ ? runnable_ | frozen_ | dead_ : frozen_ | dead_;
    if (cut_ && scenario_.children != 0) {
        memory_.begin_child(scenario_.children);
        space_.begin_child();
        scenario_.begin_child();
        child_ = true;
        ++step_;
        run_threads(scenario_.children);
    }
    scenario_.end(stopped);
    memory_.end_run();
    space_.end_run();
}

void Scheduler::run_threads(unsigned threads) {
    runnable_ = (1U << threads) - 1;
    for (unsigned t = 0; t < threads; ++t) {
        getcontext(&fibers_[t].context);
        fibers_[t].context.uc_stack.ss_sp = fibers_[t].stack.data();
        fibers_[t].context.uc_stack.ss_size = kStack;
        fibers_[t].context.uc_link = nullptr;
        makecontext(&fibers_[t].context, enter, 0);
    }
    const Move first = strategy_->turn({step_, 0, true, false, false, true, false, runnable_});
    if (first.thread != 0) schedule_.push_back({step_, kThread, first.thread});
    current_ = first.thread;
    running_ = true;
    swapcontext(&main_, &fibers_[current_].context);
    running_ = false;
}

void Scheduler::enter() {
    Scheduler& self = *scheduler;
    if (self.child_) {
        self.scenario_.run_child(self.current_);
    } else {
        self.scenario_.run(self.current_);
        self.at_end();
    }
    self.leave();
}

// The current thread is at its end.
void Scheduler::leave() {
    runnable_ &= ~(1U << current_);
    if (runnable_ == 0) setcontext(&main_);
    ++step_;
    decide(true, false);
    std::abort();  // an ended thread never runs again
}

void Scheduler::before_atomic(Memory::Word word, bool writes) {
    if (++step_ > kMostSteps) fail("too many steps: a thread waits for another");
    const bool visible = memory_.note_use(current_, word, writes) || strategy_->everywhere();
    if (scenario_.watches) {
        running_ = false;
        scenario_.watch();
        running_ = true;
    }
    // A death before a load is a death before the thread's next write.
    const bool may_switch = visible || may_cut();
    if (may_switch || (writes && may_die())) decide(false, writes && may_die(), may_switch);
}

// After a cut the child sees plain stores too, in their order.
void Scheduler::before_plain_write() {
    if (!may_cut()) return;
    ++step_;
    decide(false, false);
}

void Scheduler::before_call(bool order) {
    ++step_;
    if (order || may_cut() || scenario_.may_freeze || may_die())
        decide(false, may_die(), order || may_cut() || scenario_.may_freeze);
}

void Scheduler::at_end() {
    if (!may_die()) return;
    ++step_;
    decide(false, true, false);
}

void Scheduler::yield() {
    if (++step_ > kMostSteps) fail("too many steps: a thread waits for another");
    const unsigned others = runnable_ & ~(1U << current_);
    if (others == 0) return;
    const unsigned next =
        strategy_->turn({step_, current_, true, false, false, true, false, others}).thread;
    if (next != lowest(others)) schedule_.push_back({step_, kThread, next});
    switch_to(next);
}

void Scheduler::decide(bool finished, bool may_die, bool may_switch) {
    const unsigned others = runnable_ & ~(1U << current_);
    const bool may_freeze =
        scenario_.may_freeze && !finished && frozen_ == 0 && others != 0 && may_switch;
    if (others == 0 && !may_cut() && !may_die) return;
    const Move move = strategy_->turn({step_, current_, finished, may_freeze, may_die, may_switch,
                                       may_cut() && !finished, runnable_});
    if (move.act == Act::cut) {
        schedule_.push_back({step_, kCut, 0});
        cut_ = true;
        setcontext(&main_);
    }
    if (move.act == Act::die) return die(move.thread);
    if (move.act == Act::freeze) {
        schedule_.push_back({step_, kFreeze, move.thread});
        frozen_ = 1U << current_;
        runnable_ &= ~frozen_;
    } else if (move.thread != (finished ? lowest(runnable_) : current_)) {
        schedule_.push_back({step_, kThread, move.thread});
    }
    if (move.thread != current_) switch_to(move.thread);
}

// The last thread's death ends the run.
void Scheduler::die(unsigned next) {
    schedule_.push_back({step_, kDie, next});
    dead_ |= 1U << current_;
    ++death_count_;
    runnable_ &= ~dead_;
    if (runnable_ == 0) setcontext(&main_);
    switch_to(next);
}

void Scheduler::switch_to(unsigned thread) {
    const unsigned from = current_;
    current_ = thread;
    swapcontext(&fibers_[from].context, &fibers_[thread].context);
}

unsigned Scheduler::choose(unsigned readable) {
    if (readable <= 1) return 0;
    const unsigned age = strategy_->age(step_, readable);
    if (age != 0) schedule_.push_back({step_, kOld, age});
    return age;
}

void Scheduler::print(const char* access, Memory::Word word, int order, std::uint64_t value,
                      const void* caller) const {
    constexpr const char* kOrders[] = {"rlx", "consume", "acq", "rel", "acq_rel", "seq_cst"};
    std::printf("%5u  thread %u  %-5s %-7s word %7zx  = %-16llx from %tx\n", step_, current_,
                access, kOrders[order], static_cast<std::size_t>(word.at - kSharedStart),
                static_cast<unsigned long long>(value),
                static_cast<const char*>(caller) - &__executable_start);
}

// Never returns, because an operation is incomplete. The printed schedule
// replays the fault.
void Scheduler::fail(const std::string& what) {
    std::fflush(stdout);
    std::fprintf(stderr, "FAULT: %s\n  in thread %u at step %u\n  --schedule %s\n", what.c_str(),
                 current_, step_, to_string(schedule_).c_str());
    std::fflush(stderr);
    _exit(1);
}

void fail(const std::string& what) { scheduler->fail(what); }

// The system's calls of a robust mutex are points to stop, and order threads.
bool RobustMutex::try_lock() {
    if (!scheduler->running()) {
        if (holder_ != kNobody && holder_ != kAlone && !scheduler->has_died(holder_)) return false;
        holder_ = kAlone;
        return true;
    }
    scheduler->before_call(true);
    const unsigned me = scheduler->thread();
    const bool died = holder_ < kMaxThreads && scheduler->has_died(holder_);
    if (holder_ != kNobody && !died) return false;
    if (died) {
        memory->receive(me, memory->pass(holder_));
    } else if (passed_ >= 0) {
        memory->receive(me, passed_);
    }
    holder_ = me;
    return true;
}

void RobustMutex::unlock() {
    if (scheduler->running()) {
        scheduler->before_call(true);
        passed_ = memory->pass(scheduler->thread());
    }
    holder_ = kNobody;
}

void* shared(std::size_t bytes, std::size_t alignment) {
    void* start = memory->reserve(bytes, alignment);
    if (start == nullptr) fail("the shared range is too small for this scenario");
    return start;
}

std::vector<Entry>& entries() {
    static std::vector<Entry> all;
    return all;
}

}  // namespace interleave

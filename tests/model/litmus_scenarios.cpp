// The memory model itself, on the usual litmus tests: it must show every
// outcome that C++ allows, and no other.
#include <set>

#include "base/atomic.hpp"
#include "scenario.hpp"

namespace {

using namespace ashlar::base;
using interleave::Scenario;

// Collects the values that the threads read; all runs together must show
// exactly the allowed ones.
class Litmus : public Scenario {
  public:
    explicit Litmus(std::set<std::string> expected) : expected_(std::move(expected)) {}
    void set_up() override {
        for (auto*& word : words_) word = &interleave::shared_object<Atomic<unsigned>>();
        plain_ = &interleave::shared_object<unsigned>();
    }
    void begin() override {
        for (unsigned& each : read_) each = 9;
    }
    void end(unsigned) override {
        std::string outcome;
        for (const unsigned each : read_) {
            if (each != 9) outcome += std::to_string(each);
        }
        seen_.insert(outcome);
    }
    std::string verdict() override {
        if (seen_ == expected_) return {};
        std::string text = "the memory model shows";
        for (const std::string& each : seen_) text += " " + each;
        return text;
    }

  protected:
    Atomic<unsigned>& x() { return *words_[0]; }
    Atomic<unsigned>& y() { return *words_[1]; }
    unsigned& plain() { return *plain_; }
    unsigned read_[6] = {};

  private:
    Atomic<unsigned>* words_[2];
    unsigned* plain_ = nullptr;
    std::set<std::string> expected_;
    std::set<std::string> seen_;
};

template <Order store, Order load>
struct StoreBuffering : Litmus {
    StoreBuffering()
        : Litmus(store == seq_cst && load == seq_cst
                     ? std::set<std::string>{"01", "10", "11"}
                     : std::set<std::string>{"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        (thread == 0 ? x() : y()).store(1, store);
        read_[thread] = (thread == 0 ? y() : x()).load(load);
    }
};
const interleave::Enrolled<StoreBuffering<seq_cst, seq_cst>> kStoreBufferingSc{
    "litmus.store_buffering_sc"};
const interleave::Enrolled<StoreBuffering<rel, acq>> kStoreBufferingAcq{
    "litmus.store_buffering_acq"};
const interleave::Enrolled<StoreBuffering<seq_cst, acq>> kStoreBufferingHalf{
    "litmus.store_buffering_half"};

// Two read-modify-writes instead of the stores: seq_cst still matters for the
// loads.
template <Order order>
struct BufferedExchange : Litmus {
    BufferedExchange()
        : Litmus(order == seq_cst ? std::set<std::string>{"01", "10", "11"}
                                  : std::set<std::string>{"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        (thread == 0 ? x() : y()).exchange(1, order);
        read_[thread] = (thread == 0 ? y() : x()).load(order == seq_cst ? seq_cst : acq);
    }
};
const interleave::Enrolled<BufferedExchange<seq_cst>> kBufferedExchangeSc{
    "litmus.buffered_exchange_sc"};
const interleave::Enrolled<BufferedExchange<acq_rel>> kBufferedExchangeAr{
    "litmus.buffered_exchange_ar"};

// Each thread reads its own weaker store first. Store forwarding to itself
// orders nothing for others.
struct Forwarded : Litmus {
    Forwarded() : Litmus({"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        Atomic<unsigned>& own = thread == 0 ? x() : y();
        own.store(1, rel);
        interleave::require(own.load(seq_cst) == 1, "a thread does not see its own store");
        read_[thread] = (thread == 0 ? y() : x()).load(seq_cst);
    }
};
const interleave::Enrolled<Forwarded> kForwarded{"litmus.forwarded"};

template <Order store, Order load>
struct MessagePassing : Litmus {
    MessagePassing()
        : Litmus(store == rel && load == acq ? std::set<std::string>{"00", "01", "11"}
                                             : std::set<std::string>{"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        if (thread == 0) {
            y().store(1, rlx);
            x().store(1, store);
        } else {
            read_[0] = x().load(load);
            read_[1] = y().load(rlx);
        }
    }
};
const interleave::Enrolled<MessagePassing<rel, acq>> kMessagePassing{"litmus.message_passing"};
const interleave::Enrolled<MessagePassing<rlx, acq>> kMessagePassingNoRelease{
    "litmus.message_passing_no_release"};
const interleave::Enrolled<MessagePassing<rel, rlx>> kMessagePassingNoAcquire{
    "litmus.message_passing_no_acquire"};

// A relaxed read-modify-write of another thread stays in the release sequence.
struct ReleaseSequence : Litmus {
    ReleaseSequence() : Litmus({"0", "1", "20", "21"}) { threads = 3; }
    void begin() override { Litmus::begin(); }
    void run(unsigned thread) override {
        if (thread == 0) {
            y().store(1, rlx);
            x().fetch_or(1, rel);
        } else if (thread == 1) {
            x().fetch_or(2, rlx);
        } else {
            const unsigned seen = x().load(acq);
            read_[0] = seen == 3 ? 1 : seen == 0 ? 0 : 2;
            const unsigned data = y().load(rlx);
            if (seen == 3 && data == 0) interleave::fail("the release sequence is broken");
            if (seen == 2) read_[1] = data;
            if (seen == 1) read_[0] = 1;
        }
    }
};
const interleave::Enrolled<ReleaseSequence> kReleaseSequence{"litmus.release_sequence"};

// Two writers and two readers: the readers must agree on the order of the
// writes, or may disagree.
template <Order order>
struct Independent : Litmus {
    Independent() : Litmus({}) { threads = 4; }
    void run(unsigned thread) override {
        if (thread < 2) return (thread == 0 ? x() : y()).store(1, order == seq_cst ? seq_cst : rel);
        const unsigned at = (thread - 2) * 2;
        read_[at] = (thread == 2 ? x() : y()).load(order);
        read_[at + 1] = (thread == 2 ? y() : x()).load(order);
    }
    void end(unsigned) override {
        if (read_[0] == 1 && read_[1] == 0 && read_[2] == 1 && read_[3] == 0) disagreed_ = true;
    }
    std::string verdict() override {
        if (disagreed_ == (order != seq_cst)) return {};
        return disagreed_ ? "seq_cst readers disagree"
                          : "acquire readers were never seen to disagree";
    }
    bool disagreed_ = false;
};
const interleave::Enrolled<Independent<seq_cst>> kIndependentSc{"litmus.independent_reads_sc"};
const interleave::Enrolled<Independent<acq>> kIndependentAcq{"litmus.independent_reads_acq"};

// Later reads of one word never return an older value.
struct Coherence : Litmus {
    Coherence() : Litmus({"00", "01", "02", "11", "12", "22"}) {}
    void run(unsigned thread) override {
        if (thread == 0) {
            x().store(1, rlx);
            x().store(2, rlx);
        } else {
            read_[0] = x().load(rlx);
            read_[1] = x().load(rlx);
        }
    }
};
const interleave::Enrolled<Coherence> kCoherence{"litmus.coherence"};

// A failed compare-and-swap may have read an old value; a successful one has
// not.
struct StaleFailure : Litmus {
    StaleFailure() : Litmus({"00", "02", "12"}) {}
    void run(unsigned thread) override {
        if (thread == 0) {
            x().store(1, rlx);
            x().store(2, rlx);
        } else {
            unsigned expected = 1;
            read_[0] = x().cas(expected, 7, rlx, rlx) ? 1 : 0;
            read_[1] = read_[0] == 1 ? 2 : expected;
        }
    }
    void end(unsigned) override {
        if (read_[0] == 1 && x().load(rlx) != 7 && x().load(rlx) != 2)
            interleave::fail("a lost update");
        if (read_[0] == 0 && read_[1] == 1) interleave::fail("failed over the expected value");
        Litmus::end(0);
    }
};
const interleave::Enrolled<StaleFailure> kStaleFailure{"litmus.stale_failure"};

// Two read-modify-writes never read the same value.
struct Counter : Litmus {
    Counter() : Litmus({}) { threads = 3; }
    void run(unsigned) override { x().fetch_add(1, rlx); }
    void end(unsigned) override {
        interleave::require(x().load(rlx) == 3, "an increment was lost");
    }
    std::string verdict() override { return {}; }
};
const interleave::Enrolled<Counter> kCounter{"litmus.counter"};

// Plain words are handed over: a race if the model orders them too weakly.
struct HandOver : Litmus {
    HandOver() : Litmus({}) { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 0) {
            plain() = 1;
            x().store(1, rel);
        } else if (x().fetch_or(thread * 2, acq_rel) == 1) {
            ++plain();
        }
    }
    void end(unsigned) override {}
    std::string verdict() override { return {}; }
};
const interleave::Enrolled<HandOver> kHandOver{"litmus.hand_over"};

// Not in ordinary runs: a race that the explorer must find, run by its name.
struct MutationRace : HandOver {
    void run(unsigned thread) override {
        if (thread == 0) {
            plain() = 1;
            x().store(1, rlx);
        } else if (x().fetch_or(thread * 2, acq_rel) == 1) {
            ++plain();
        }
    }
};
const interleave::Enrolled<MutationRace> kMutationRace{"mutation.race"};

}  // namespace

// The memory model itself, on the small programs that books explain it with: what must be seen is seen, what must not is not.
#include <set>

#include "base/atomic.hpp"
#include "scenario.hpp"

namespace {

using namespace ashlar::base;
using interleave::Scenario;

// Collects what the threads read; all runs together must show exactly what the model allows.
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
        : Litmus(store == sc && load == sc ? std::set<std::string>{"01", "10", "11"}
                                           : std::set<std::string>{"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        (thread == 0 ? x() : y()).store(1, store);
        read_[thread] = (thread == 0 ? y() : x()).load(load);
    }
};
const interleave::Enrolled<StoreBuffering<sc, sc>> kStoreBufferingSc{"litmus.store_buffering_sc"};
const interleave::Enrolled<StoreBuffering<rel, acq>> kStoreBufferingAcq{"litmus.store_buffering_acq"};
const interleave::Enrolled<StoreBuffering<sc, acq>> kStoreBufferingHalf{"litmus.store_buffering_half"};

// Two read-modify-writes in place of the stores: seq_cst still matters for the loads alone.
template <Order order>
struct BufferedExchange : Litmus {
    BufferedExchange()
        : Litmus(order == sc ? std::set<std::string>{"01", "10", "11"} : std::set<std::string>{"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        (thread == 0 ? x() : y()).exchange(1, order);
        read_[thread] = (thread == 0 ? y() : x()).load(order == sc ? sc : acq);
    }
};
const interleave::Enrolled<BufferedExchange<sc>> kBufferedExchangeSc{"litmus.buffered_exchange_sc"};
const interleave::Enrolled<BufferedExchange<ar>> kBufferedExchangeAr{"litmus.buffered_exchange_ar"};

// Each reads its own weaker store first: that its processor forwards it to itself orders nothing for others.
struct Forwarded : Litmus {
    Forwarded() : Litmus({"00", "01", "10", "11"}) {}
    void run(unsigned thread) override {
        Atomic<unsigned>& own = thread == 0 ? x() : y();
        own.store(1, rel);
        interleave::require(own.load(sc) == 1, "a thread does not see its own store");
        read_[thread] = (thread == 0 ? y() : x()).load(sc);
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
const interleave::Enrolled<MessagePassing<rlx, acq>> kMessagePassingNoRelease{"litmus.message_passing_no_release"};
const interleave::Enrolled<MessagePassing<rel, rlx>> kMessagePassingNoAcquire{"litmus.message_passing_no_acquire"};

// A read-modify-write of another thread, itself relaxed, stays in the release sequence.
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

// Two writers, two readers: do the readers agree who was first?
template <Order order>
struct Independent : Litmus {
    Independent() : Litmus({}) { threads = 4; }
    void run(unsigned thread) override {
        if (thread < 2) return (thread == 0 ? x() : y()).store(1, order == sc ? sc : rel);
        const unsigned at = (thread - 2) * 2;
        read_[at] = (thread == 2 ? x() : y()).load(order);
        read_[at + 1] = (thread == 2 ? y() : x()).load(order);
    }
    void end(unsigned) override {
        if (read_[0] == 1 && read_[1] == 0 && read_[2] == 1 && read_[3] == 0) disagreed_ = true;
    }
    std::string verdict() override {
        if (disagreed_ == (order != sc)) return {};
        return disagreed_ ? "seq_cst readers disagree" : "acquire readers were never seen to disagree";
    }
    bool disagreed_ = false;
};
const interleave::Enrolled<Independent<sc>> kIndependentSc{"litmus.independent_reads_sc"};
const interleave::Enrolled<Independent<acq>> kIndependentAcq{"litmus.independent_reads_acq"};

// Reads of one word never go back.
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

// A failing compare-and-swap may have read an old value; a successful one not.
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
        if (read_[0] == 1 && x().load(rlx) != 7 && x().load(rlx) != 2) interleave::fail("a lost update");
        if (read_[0] == 0 && read_[1] == 1) interleave::fail("failed over the expected value");
        Litmus::end(0);
    }
};
const interleave::Enrolled<StaleFailure> kStaleFailure{"litmus.stale_failure"};

// Exclusion: read-modify-writes never read the same value.
struct Counter : Litmus {
    Counter() : Litmus({}) { threads = 3; }
    void run(unsigned) override { x().fetch_add(1, rlx); }
    void end(unsigned) override { interleave::require(x().load(rlx) == 3, "an increment was lost"); }
    std::string verdict() override { return {}; }
};
const interleave::Enrolled<Counter> kCounter{"litmus.counter"};

// Plain words handed over: a fault if the model orders them too little.
struct HandOver : Litmus {
    HandOver() : Litmus({}) { threads = 3; }
    void run(unsigned thread) override {
        if (thread == 0) {
            plain() = 1;
            x().store(1, rel);
        } else if (x().fetch_or(thread * 2, ar) == 1) {
            ++plain();
        }
    }
    void end(unsigned) override {}
    std::string verdict() override { return {}; }
};
const interleave::Enrolled<HandOver> kHandOver{"litmus.hand_over"};

// Switched off in ordinary runs: a race that must be found, to be asked for by its name.
struct PlantedRace : HandOver {
    void run(unsigned thread) override {
        if (thread == 0) {
            plain() = 1;
            x().store(1, rlx);
        } else if (x().fetch_or(thread * 2, ar) == 1) {
            ++plain();
        }
    }
};
const interleave::Enrolled<PlantedRace> kPlantedRace{"planted.race"};

}  // namespace

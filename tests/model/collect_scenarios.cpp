// Caches whose owner only hits, or sleeps, while another thread collects from
// them. Every block has one holder, and at the end none is lost.
#include "heap_fixture.hpp"

namespace {

using namespace interleave;

// E54 to E56: thread 1 collects from the cache of thread 0, which pops and
// pushes. Thread 2 takes blocks, and would get one that has two holders.
struct Hits : HeapScenario {
    explicit Hits(unsigned pops = 3) : HeapScenario(12), pops_(pops) { threads = 3; }
    void prepare() override {
        barriers_order_plain = true;
        own_cache(0);
        own_cache(2);
        give(0, kFour, take(0, kFour));  // fills the bin
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            collect();
            return;
        }
        if (thread == 2) {
            void* block = take_hit(2, kFour);
            if (block != nullptr) give_hit(2, kFour, block);
            return;
        }
        void* taken[4];
        for (unsigned i = 0; i < pops_; ++i) taken[i] = take_hit(0, kFour);
        for (unsigned i = 0; i < pops_; ++i) {
            if (taken[i] != nullptr) give_hit(0, kFour, taken[i]);
        }
    }

  protected:
    void collect() { heap().collect_caches(false); }

  private:
    unsigned pops_;
};
const Enrolled<Hits> kHits{"collect.hits"};

// The owner pops down to the mark and pushes up again.
struct Waves : Hits {
    Waves() : Hits(2) { threads = 2; }
    void run(unsigned thread) override {
        if (thread == 1) return collect();
        for (unsigned i = 0; i < 2; ++i) Hits::run(0);
    }
};
const Enrolled<Waves> kWaves{"collect.waves"};

// One cache alone, which has few steps: more switches are explored.
struct Mark : Hits {
    Mark() : Hits(2) { threads = 2; }
    void prepare() override {
        barriers_order_plain = true;
        own_cache(0);
        give(0, kFour, take(0, kFour));
    }
    void run(unsigned thread) override {
        if (thread == 0) return Hits::run(0);
        require(cache_of(0)->collect(false) != Cache::Collected::ended, "it has not ended");
    }
};
const Enrolled<Mark> kMark{"collect.mark"};

// Two collectors at once, and one after the other: the second finds gaps.
struct Collectors : Hits {
    Collectors() : Hits(2) {}
    void run(unsigned thread) override {
        if (thread == 0) return Hits::run(0);
        collect();
        collect();
    }
};
const Enrolled<Collectors> kCollectors{"collect.collectors"};

// The owner ends while a collector works: one of the two gives the cache back.
struct Ends : Hits {
    Ends() : Hits(1) {}
    void run(unsigned thread) override {
        if (thread == 1) return collect();
        Hits::run(thread);
        if (thread == 0) give_cache(0);
    }
};
const Enrolled<Ends> kEnds{"collect.ends"};

// Runs: the owner pops them in scopes, and pushes by hits.
struct CachedRuns : HeapScenario {
    CachedRuns() : HeapScenario(12) {}
    void prepare() override {
        barriers_order_plain = true;
        own_cache(0);
        void* held[2];
        for (void*& block : held) block = take(0, kRun);
        for (void* block : held) give(0, kRun, block);
    }
    void run(unsigned thread) override {
        if (thread == 1) {
            require(cache_of(0)->collect(false) != Cache::Collected::ended, "it has not ended");
            return;
        }
        void* first = take_hit(0, kRun);
        void* second = take_hit(0, kRun);
        if (first != nullptr) give_hit(0, kRun, first);  // the slots change their blocks
        if (second != nullptr) give_hit(0, kRun, second);
    }
};
const Enrolled<CachedRuns> kCachedRuns{"collect.runs"};

}  // namespace

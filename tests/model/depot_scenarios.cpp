// The depot: magazines change hands whole, with what is in them.
#include "malloc/depot/depot.hpp"

#include "fixture.hpp"

namespace {

using namespace interleave;
using ashlar::base::Bin;
using ashlar::depot::Depot;
using ashlar::depot::DepotHandle;

// The magazines of a shard lie on several pages.
constexpr std::size_t kSize = 128;
constexpr Bin kClass = ashlar::base::class_of_size(kSize);
constexpr std::size_t kBudget = std::size_t{64} << 20;

struct DepotAlone {
    void layout(ashlar::region::Carver& carver, const ashlar::region::Region& region) noexcept {
        depot.layout(carver, *region.source);
    }
    Depot depot;
};

// Each thread gives its own blocks and takes from the depot. At the end no
// block is lost or there twice.
class DepotScenario : public Scenario {
  public:
    DepotScenario() { threads = 3; }
    void set_up() override {
        depot_ = &lay<DepotAlone>(1).depot;
        for (void*& block : blocks_) {
            block = shared(kSize, kSize);
            ledger_.take(block, kSize);
        }
        ledger_.remember();
    }
    void begin() override {
        ledger_.begin();
        for (unsigned thread = 0; thread < 3; ++thread) handles_[thread] = DepotHandle(thread / 2);
    }
    void end(unsigned stopped) override {
        std::size_t there = ledger_.count();
        void* out[ashlar::depot::kMagazineBlocks];
        for (std::uint32_t n = depot_->take_any(kClass, out); n != 0;
             n = depot_->take_any(kClass, out)) {
            for (std::uint32_t i = 0; i < n; ++i) ledger_.take(out[i], kSize);
            there += n;
        }
        require(stopped != 0 || there == kBlocks, "blocks were lost");
        for (unsigned i = 0; i < ashlar::depot::magazines_of_class(kClass) && stopped == 0; ++i) {
            require(depot_->give(kClass, blocks_, 1, kBudget, handles_[0]), "a magazine was lost");
        }
    }

  protected:
    // Returns whether the depot had room.
    bool give(unsigned thread, void* const* blocks, std::uint32_t n) {
        for (std::uint32_t i = 0; i < n; ++i) ledger_.give(blocks[i]);
        if (depot_->give(kClass, blocks, n, kBudget, handles_[thread])) return true;
        for (std::uint32_t i = 0; i < n; ++i) ledger_.take(blocks[i], kSize);
        return false;
    }
    std::uint32_t take(unsigned thread, void** out) {
        const std::uint32_t n = depot_->take(kClass, out, handles_[thread]);
        for (std::uint32_t i = 0; i < n; ++i) ledger_.take(out[i], kSize);
        return n;
    }
    void** of(unsigned thread) { return blocks_ + 2 * thread; }
    Depot& depot() { return *depot_; }

  private:
    static constexpr std::size_t kBlocks = 6;
    Depot* depot_ = nullptr;
    DepotHandle handles_[3];  // two threads share a shard
    void* blocks_[kBlocks];
    Ledger ledger_;
};

struct GiveTake : DepotScenario {
    void run(unsigned thread) override {
        void* out[ashlar::depot::kMagazineBlocks];
        if (thread < 2) give(thread, of(thread), 2);
        if (thread > 0) take(thread, out);
    }
};
const Enrolled<GiveTake> kGiveTake{"depot.give_take"};

// Magazines are emptied and filled again at once.
struct Reused : DepotScenario {
    void run(unsigned thread) override {
        void* out[ashlar::depot::kMagazineBlocks];
        give(thread, of(thread), 1 + thread % 2);
        const std::uint32_t n = take(thread, out);
        if (n != 0) give(thread, out, n);
    }
};
const Enrolled<Reused> kReused{"depot.reused"};

// No thread waits for a magazine that a stopped thread has claimed.
struct ReusedStopped : Reused {
    ReusedStopped() {
        threads = 2;
        may_freeze = true;
    }
};
const Enrolled<ReusedStopped> kReusedStopped{"depot.reused_stopped"};

// The pages of empty magazines go back while others are given and taken.
struct PurgeIdle : DepotScenario {
    void run(unsigned thread) override {
        void* out[ashlar::depot::kMagazineBlocks];
        if (thread == 0) {
            depot().purge_idle(kClass);
            return depot().purge_idle(kClass);
        }
        give(thread, of(thread), 1);
        give(thread, of(thread) + 1, 1);
        take(thread, out);
        const std::uint32_t n = take(thread, out);
        if (n != 0) give(thread, out, n);
    }
};
const Enrolled<PurgeIdle> kPurgeIdle{"depot.purge_idle"};

struct PurgeIdleStopped : PurgeIdle {
    PurgeIdleStopped() {
        threads = 2;
        may_freeze = true;
    }
};
const Enrolled<PurgeIdleStopped> kPurgeIdleStopped{"depot.purge_idle_stopped"};

}  // namespace

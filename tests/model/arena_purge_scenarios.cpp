// Pages of free blocks go back, on request and by age.
#include "arena_fixture.hpp"

namespace {

using namespace interleave;

// Pages of free blocks are purged while their slab is used.
struct Purge : ArenaScenario {
    Purge() : ArenaScenario(4) { threads = 3; }
    void prepare() override {
        take_slabs(0, kEight, 1);
        leave(0, kEight);
        give(kEight, blocks(), 3);
    }
    void run(unsigned thread) override {
        if (thread == 0) arena().purge();
        if (thread == 1) take(1, kEight, 2);
        if (thread == 2) give(kEight, blocks()[3]);
    }
};
const Enrolled<Purge> kPurge{"arena.purge"};

// purge() says whether pages went back, also if another thread has the slab.
struct PurgeTold : Purge {
    PurgeTold() { threads = 2; }
    void begin() override {
        Purge::begin();
        system_purges = 0;
    }
    void run(unsigned thread) override {
        if (thread == 1) return Purge::run(1);
        const bool told = arena().purge();
        require(told == (system_purges != 0), "purge() tells of pages that did not go back");
    }
};
const Enrolled<PurgeTold> kPurgeTold{"arena.purge_told"};

// The same by age, and the bits of free units beside it.
struct PurgeIdle : Purge {
    void prepare() override {
        Purge::prepare();
        for (int looks = 0; looks < 3; ++looks) arena().purge_idle();
    }
    void run(unsigned thread) override {
        if (thread == 0) return arena().purge_idle();
        Purge::run(thread);
    }
};
const Enrolled<PurgeIdle> kPurgeIdle{"arena.purge_idle"};

// A thread that stops while it purges keeps no other from its blocks.
struct PurgeIdleStopped : PurgeIdle {
    PurgeIdleStopped() {
        threads = 2;
        may_freeze = true;
    }
};
const Enrolled<PurgeIdleStopped> kPurgeIdleStopped{"arena.purge_idle_stopped"};

}  // namespace

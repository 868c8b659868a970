// A whole heap over a fake source. The library's clock stands at 0.
#ifndef ASHLAR_TESTS_CACHE_CORE_FIXTURE_HPP
#define ASHLAR_TESTS_CACHE_CORE_FIXTURE_HPP

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "../arena/quiet.hpp"
#include "../region/fake_source.hpp"
#include "../spans/fake_clock.hpp"
#include "cache/core.hpp"

class CoreOver : public testing::Test {
  protected:
    using Bin = ashlar::base::Bin;
    using Cache = ashlar::cache::Cache;
    using Core = ashlar::cache::Core;
    using Blocks = std::vector<void*>;

    explicit CoreOver(ashlar::base::UnitId units, std::uint32_t caches = 8)
        : core_(((FakeSource::reset(), fake_now_ms = 0), *Core::create(FakeSource::source, units, caches))) {}
    ~CoreOver() override {
        Core::destroy(&core_);
        EXPECT_EQ(FakeSource::reserved, 0U) << "all that was reserved is released";
    }
    CoreOver(const CoreOver&) = delete;
    CoreOver& operator=(const CoreOver&) = delete;

    static Blocks take(Cache& cache, Bin bin, std::size_t n) {
        Blocks blocks;
        while (blocks.size() < n) {
            void* block = cache.take(bin);
            if (block == nullptr) break;
            blocks.push_back(block);
        }
        return blocks;
    }
    static void give(Cache& cache, Bin bin, const Blocks& blocks) {
        for (void* block : blocks) cache.give(block, bin);
    }
    static std::size_t cached(Cache& cache, Bin bin) {
        std::size_t n = 0;
        cache.visit(bin, [&n](void*) { ++n; });
        return n;
    }
    std::size_t in_depot(Bin c) {
        std::size_t n = 0;
        core_.depot.visit(c, [&n](void*) { ++n; });
        return n;
    }
    // What visit() shows.
    std::set<void*> live() {
        std::set<void*> seen;
        core_.visit(
            [](void* context, void* block, std::size_t) {
                static_cast<std::set<void*>*>(context)->insert(block);
                return true;
            },
            &seen);
        return seen;
    }
    // Nothing is live and no cache holds anything: all units come back.
    void expect_empty() {
        core_.reclaim();
        EXPECT_EQ(Quiet(core_.spans, core_.arena).faults(), "");
        EXPECT_EQ(core_.arena.live_bytes(), 0U);
        EXPECT_EQ(core_.spans.held(), 0U);
    }
    static bool distinct(const Blocks& blocks) { return std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size(); }

    Core& core_;
};

#endif

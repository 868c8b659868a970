// Random sessions with every policy, kind of memory and number of threads,
// against a model that knows all.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "model.hpp"

namespace {

using namespace model;
using Memory = Setting::Memory;

constexpr unsigned kSeeds = ASHLAR_MODEL_SEEDS, kSteps = 1500;

class Model : public testing::TestWithParam<Placement> {
  protected:
    static void run(const Setting& setting) {
        for (std::uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
            SCOPED_TRACE("seed " + std::to_string(seed));
            Session(setting, seed).run(kSteps);
        }
    }
};

TEST_P(Model, SmallBuffer) {
    run({.placement = GetParam(), .mode = Mode::one, .capacity = 5000});
    run({.placement = GetParam(), .mode = Mode::many, .capacity = 5000});
}
TEST_P(Model, TinyBuffer) {
    run({.placement = GetParam(), .mode = Mode::one, .capacity = 37, .most_size = 10});
}
TEST_P(Model, SlabsInAMebibyte) {
    for (const Mode mode : {Mode::one_slabs, Mode::many}) {
        run({.placement = GetParam(), .mode = mode, .capacity = 1 << 20, .most_size = 30000});
    }
}
TEST_P(Model, SlabsThatRunOut) {
    for (const Mode mode : {Mode::one_slabs, Mode::many}) {
        run({.placement = GetParam(),
             .mode = mode,
             .capacity = 9000,
             .limit = 1 << 20,
             .most_size = 300});
    }
}
TEST_P(Model, Granularity) {
    run({.placement = GetParam(),
         .mode = Mode::one,
         .capacity = 64 * 256,
         .granularity = 64,
         .most_size = 1000});
    for (const Mode mode : {Mode::one_slabs, Mode::many}) {
        run({.placement = GetParam(),
             .mode = mode,
             .capacity = 1 << 20,
             .granularity = 16,
             .most_size = 1000});
    }
}
TEST_P(Model, GrowsByItself) {
    run({.placement = GetParam(), .mode = Mode::one, .capacity = 100, .limit = 10000});
    run({.placement = GetParam(),
         .mode = Mode::one,
         .capacity = 100,
         .memory = Memory::none,
         .limit = 10000});
}
TEST_P(Model, GrowsByParts) {
    run({.placement = GetParam(),
         .mode = Mode::one,
         .capacity = 100,
         .memory = Memory::parts,
         .limit = 10000});
    for (const Mode mode : {Mode::one_slabs, Mode::many}) {
        run({.placement = GetParam(),
             .mode = mode,
             .capacity = 100,
             .memory = Memory::parts,
             .limit = 2 << 20});
    }
}
TEST_P(Model, WithoutMemory) {
    run({.placement = GetParam(), .mode = Mode::many, .capacity = 5000, .memory = Memory::none});
    run({.placement = GetParam(),
         .mode = Mode::one_slabs,
         .capacity = 5000,
         .memory = Memory::none,
         .limit = 2 << 20});
}

std::string title(const testing::TestParamInfo<Placement>& about) {
    constexpr std::array names{"Tlsf",           "FirstFit", "NextFit", "BestFit", "WorstFit",
                               "OrderedBestFit", "Buddy",    "Linear",  "Ring"};
    return names.at(static_cast<std::size_t>(about.param));
}
INSTANTIATE_TEST_SUITE_P(Policies, Model,
                         testing::Values(Placement::tlsf, Placement::first_fit, Placement::next_fit,
                                         Placement::best_fit, Placement::worst_fit,
                                         Placement::ordered_best_fit, Placement::buddy,
                                         Placement::linear, Placement::ring),
                         title);

}  // namespace

// Live blocks never overlap, and no call writes into them: a seeded random walk
// over all entry points and sizes up to 4 MiB.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "api.hpp"
#include "pattern.hpp"

namespace {

class LiveSet {
  public:
    explicit LiveSet(std::uint64_t seed) : random_(seed) {}

    void step() {
        const std::size_t slot = random_.below(slots);
        if (blocks_.size() <= slot) blocks_.resize(slot + 1);
        Block& block = blocks_[slot];
        if (block.address == nullptr) {
            allocate(block);
        } else if (random_.below(4) == 0) {
            resize(block);
        } else {
            release(block);
        }
    }

    // Whether no two live blocks share a byte of their usable sizes.
    [[nodiscard]] bool disjoint() const {
        std::vector<Block> sorted;
        std::copy_if(blocks_.begin(), blocks_.end(), std::back_inserter(sorted),
                     [](const Block& b) { return b.address != nullptr; });
        std::sort(sorted.begin(), sorted.end(),
                  [](const Block& a, const Block& b) { return a.address < b.address; });
        for (std::size_t i = 1; i < sorted.size(); ++i) {
            if (sorted[i - 1].address + api.usable_size(sorted[i - 1].address) > sorted[i].address)
                return false;
        }
        return true;
    }

    void release_all() {
        for (Block& block : blocks_) {
            if (block.address != nullptr) release(block);
        }
    }

    [[nodiscard]] std::size_t damaged() const { return damaged_; }

  private:
    static constexpr std::size_t slots = 2000;

    struct Block {
        unsigned char* address = nullptr;
        std::size_t size = 0;
        std::uint64_t seed = 0;
    };

    // One block in 64 may have up to 4 MiB, so that the live set stays near 100
    // MiB.
    std::size_t draw_size() { return random_.size(random_.below(64) == 0 ? 22 : 15); }

    void allocate(Block& block) {
        block.size = draw_size();
        block.seed = random_.next();
        void* address = nullptr;
        switch (random_.below(4)) {
            case 0:
                address = api.calloc(1, block.size);
                if (address != nullptr && !all_zero(address, block.size)) ++damaged_;
                break;
            case 1: {
                const std::size_t alignment = std::size_t{16} << random_.below(10);
                address = api.memalign(alignment, block.size);
                if (!is_aligned(address, alignment)) ++damaged_;
                break;
            }
            default: address = api.malloc(block.size);
        }
        ASSERT_NE(address, nullptr);
        block.address = static_cast<unsigned char*>(address);
        fill(block.address, block.size, block.seed);
    }

    void resize(Block& block) {
        const std::size_t size = draw_size() + 1;
        void* moved = api.realloc(block.address, size);
        ASSERT_NE(moved, nullptr);
        if (!intact(moved, std::min(size, block.size), block.seed)) ++damaged_;
        block = {static_cast<unsigned char*>(moved), size, random_.next()};
        fill(block.address, block.size, block.seed);
    }

    void release(Block& block) {
        if (!intact(block.address, block.size, block.seed)) ++damaged_;
        api.free(block.address);
        block = {};
    }

    Random random_;
    std::vector<Block> blocks_;
    std::size_t damaged_ = 0;
};

TEST(Overlap, LiveBlocksKeepTheirContentUnderRandomCalls) {
    for (std::uint64_t seed : Sizes{11, 12, 13}) {
        LiveSet live(seed);
        for (int step = 0; step < 20'000; ++step) {
            live.step();
            if (step % 1000 == 999) {
                ASSERT_TRUE(live.disjoint()) << "seed " << seed << ", step " << step;
            }
            if (step % 5000 == 4999) api.trim(0);
            ASSERT_EQ(live.damaged(), 0u) << "seed " << seed << ", step " << step;
        }
        live.release_all();
        EXPECT_EQ(live.damaged(), 0u) << "seed " << seed;
        EXPECT_EQ(ash_check(), 0u) << "seed " << seed;
    }
}

}  // namespace

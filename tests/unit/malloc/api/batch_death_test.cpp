// A batch reports misuse as the calls for single blocks do.
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include <ashlar/ashlar.h>

#include "abort_message.hpp"

namespace {

class BatchMisuse : public testing::TestWithParam<std::size_t> {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

    // 100 blocks, each beside one that stays live, so that their slabs stay
    // slabs when they are freed.
    static std::vector<void*> take(std::size_t size) {
        std::vector<void*> all(200);
        if (ash_malloc_batch(size, all.size(), all.data()) != all.size()) std::_Exit(1);
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < all.size(); i += 2) blocks.push_back(all[i]);
        return blocks;
    }
};

TEST_P(BatchMisuse, SameBlockTwiceAborts) {
    const auto misuse = [size = GetParam()] {
        std::vector<void*> blocks = take(size);
        blocks[70] = blocks[20];
        announce(blocks[20], ash_good_size(size));
        ash_free_batch(blocks.data(), blocks.size());
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(BatchMisuse, FreeBlockAborts) {
    const auto misuse = [size = GetParam()] {
        std::vector<void*> blocks = take(size);
        announce(blocks[20], ash_good_size(size));
        ash_free(blocks[20]);
        ash_free_batch(blocks.data(), blocks.size());
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), late_double_free(GetParam()));
}

TEST_P(BatchMisuse, PointerIntoABlockAborts) {
    const auto misuse = [size = GetParam()] {
        std::vector<void*> blocks = take(size);
        blocks[20] = static_cast<char*>(blocks[20]) + 8;
        announce(blocks[20], ash_good_size(size));
        ash_free_batch(blocks.data(), blocks.size());
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), inside());
}

TEST_P(BatchMisuse, ForeignPointerAborts) {
    static char bytes[64];
    const auto misuse = [size = GetParam()] {
        std::vector<void*> blocks = take(size);
        blocks[20] = bytes;
        announce(bytes);
        ash_free_batch(blocks.data(), blocks.size());
        ash_malloc_trim(0);
    };
    EXPECT_ABORT(misuse(), foreign());
}

INSTANTIATE_TEST_SUITE_P(Sizes, BatchMisuse, testing::Values(8, 4096, 262144),
                         [](const auto& instance) {
                             return std::to_string(instance.param) + "Bytes";
                         });

}  // namespace

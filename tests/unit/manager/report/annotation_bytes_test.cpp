// Names and user data in the statistics, and what clear() and trim() give back.
#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <string>
#include <vector>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr Size kWhole = Size{16} << 20;

class AnnotationBytes : public testing::TestWithParam<make::Mode> {
  protected:
    [[nodiscard]] Size metadata() const { return manager_.statistics().metadata; }
    void allocate(unsigned count, Size size) {
        for (unsigned i = 0; i < count; ++i) blocks_.push_back(manager_.allocate(size).value());
    }
    void free_all() {
        for (const Offset block : blocks_) manager_.deallocate(block);
        blocks_.clear();
    }
    MemoryManager manager_ = MemoryManager::without_memory(kWhole, make::options(0, GetParam()));
    std::vector<Offset> blocks_;
};
INSTANTIATE_TEST_SUITE_P(Threads, AnnotationBytes, testing::ValuesIn(make::modes),
                         [](const auto& mode) { return make::name_of(mode.param); });

TEST_P(AnnotationBytes, NamesCountUntilTheirBlocksAreFreed) {
    allocate(1000, 3000);
    const Size before = metadata();
    for (const Offset block : blocks_) manager_.set_name(block, std::string(100, 'x'));
    EXPECT_GE(metadata(), before + 1000 * 150U);
    EXPECT_LE(metadata(), before + 1000 * 250U);
    for (const Offset block : blocks_) manager_.set_name(block, "");
    EXPECT_LE(metadata(), before + 1000 * 150U);
    free_all();
    manager_.trim();
    EXPECT_LE(metadata(), before);
}

// A word for each block that the slabs of the annotated ones may have.
TEST_P(AnnotationBytes, UserDataOfSmallBlocksCountsUntilTrim) {
    if (GetParam() == make::Mode::one) GTEST_SKIP() << "no slabs";
    allocate(10'000, 8);
    const Size before = metadata();
    for (const Offset block : blocks_) manager_.set_user_data(block, 1);
    EXPECT_GE(metadata(), before + 80'000);
    EXPECT_LE(metadata(), before + 200'000);
    for (const Offset block : blocks_) ASSERT_EQ(manager_.user_data(block), 1U);
    free_all();
    manager_.trim();
    EXPECT_LT(metadata(), before);
    allocate(10'000, 8);
    for (const Offset block : blocks_) ASSERT_EQ(manager_.user_data(block), 0U);
}

TEST_P(AnnotationBytes, ClearGivesThemBack) {
    allocate(1000, 3000);
    allocate(1000, 16);
    const Size before = metadata();
    for (const Offset block : blocks_) manager_.set_user_data(block, 1);
    for (const Offset block : blocks_) manager_.set_name(block, std::string(100, 'x'));
    manager_.clear();
    manager_.trim();
    EXPECT_LE(metadata(), before);
}

}  // namespace

// Tables in a reservation without access, of which steps are opened.
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"

namespace {

using namespace ashlar;
using region::StepTables;

class StepTablesTest : public testing::Test {
  protected:
    static constexpr std::uint32_t kMost = 100'000;
    StepTablesTest() {
        carver_.set_open(start());
        words_ = carver_.stepped<std::uint64_t>(kMost);
        bytes_ = carver_.stepped<unsigned char>(kMost);
    }
    ~StepTablesTest() override { region::unmap(memory_, kBytes); }
    [[nodiscard]] std::uintptr_t start() const { return reinterpret_cast<std::uintptr_t>(memory_); }
    // Whether the system lets the process read there.
    [[nodiscard]] static bool is_open(const void* at) {
        int pipes[2];
        if (pipe(pipes) != 0) return false;
        const bool read = write(pipes[1], at, 1) == 1;
        close(pipes[0]);
        close(pipes[1]);
        return read;
    }

    static constexpr std::size_t kBytes = std::size_t{2} << 20;
    void* memory_ = region::reserve_uncharged(kBytes);
    region::Carver carver_{start(), start() + base::kCacheLine};
    std::uint64_t* words_;
    unsigned char* bytes_;
};

TEST_F(StepTablesTest, OpenMakesEntriesOfAllTablesAccessible) {
    StepTables tables(carver_.open_end());
    tables.add(words_, sizeof *words_);
    tables.add(bytes_, sizeof *bytes_);
    EXPECT_FALSE(is_open(words_));
    std::uint32_t opened = 0;
    while (opened < kMost) {
        const std::uint32_t before = opened;
        opened = tables.open(opened, opened + 1, kMost);
        ASSERT_GT(opened, before);
        words_[opened - 1] = words_[before] = 1;
        bytes_[opened - 1] = bytes_[before] = 1;
    }
    EXPECT_EQ(opened, kMost);
    EXPECT_EQ(tables.open(opened, kMost + 1, kMost), kMost) << "there are no more";
}

// At most a quarter and a page beyond what was asked for.
TEST_F(StepTablesTest, OpenLeavesTheRestWithoutAccess) {
    StepTables tables(carver_.open_end());
    tables.add(words_, sizeof *words_);
    const std::uint32_t opened = tables.open(0, 10'000, kMost);
    ASSERT_GE(opened, 10'000U);
    EXPECT_TRUE(is_open(&words_[opened - 1]));
    EXPECT_FALSE(is_open(&words_[opened + region::page_size() / sizeof *words_]));
    EXPECT_LE(tables.open(opened, opened + 1, kMost), opened + opened / 4 + region::page_size());
}

TEST_F(StepTablesTest, AddOpensWhatTheOthersHaveOpen) {
    StepTables tables(carver_.open_end());
    tables.add(words_, sizeof *words_);
    const std::uint32_t opened = tables.open(0, 50'000, kMost);
    ASSERT_TRUE(tables.add(bytes_, sizeof *bytes_, opened));
    EXPECT_TRUE(is_open(&bytes_[opened - 1]));
}

TEST_F(StepTablesTest, OpenReturnsWhatIsOpenWhenTheSystemRefuses) {
    StepTables tables;
    tables.add(reinterpret_cast<void*>(std::uintptr_t{64} << 10), 8);  // nothing is mapped there
    EXPECT_EQ(tables.open(0, 10, kMost), 0U);
    EXPECT_FALSE(tables.add(reinterpret_cast<void*>(std::uintptr_t{64} << 10), 8, 10));
}

}  // namespace

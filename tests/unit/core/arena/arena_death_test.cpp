// A pointer that is not a block in use ends the program, at the latest when it
// reaches its slab.
#include <csignal>
#include <cstdio>

#include "arena_fixture.hpp"

namespace {

using namespace ashlar::base;

class ArenaDeathTest : public ArenaOver {
  protected:
    ArenaDeathTest() : ArenaOver(300) {}
};

// The dying process is a fork of this one: addresses are the same.
std::string message(const std::string& what, const void* block, const std::string& how) {
    char address[32];
    std::snprintf(address, sizeof address, "%p", block);
    return "^ashlar: " + what + " of " + address + " \\(" + how + "\\)\n$";
}

#define EXPECT_FAULT(statement, what, block, how) \
    EXPECT_EXIT(statement, testing::KilledBySignal(SIGABRT), message(what, block, how))

TEST_F(ArenaDeathTest, GiveOfAFreeBlockIsReported) {
    const Blocks blocks = take(4, 10);
    give(4, {blocks[3]});
    EXPECT_FAULT(give(4, {blocks[3]}), "double free", blocks[3], "64-byte block");
    EXPECT_FAULT(give(4, {blocks[1], blocks[3]}), "double free", blocks[3], "64-byte block");
}

TEST_F(ArenaDeathTest, GiveOfOneBlockTwiceInOneCallIsReported) {
    const Blocks blocks = take(4, 300);
    void* const block = blocks[0];
    EXPECT_FAULT(give(4, {block, block}), "double free", block, "64-byte block");
    EXPECT_FAULT(give(4, {block, blocks[1], block}), "double free", block, "64-byte block");
    EXPECT_FAULT(give(4, {block, blocks[299], block}), "double free", block, "64-byte block");
}

TEST_F(ArenaDeathTest, GiveIntoARetiredSlabIsReported) {
    const Blocks blocks = take(30, kGeometry[30].blocks);
    give(30, blocks);
    leave_all();
    arena_.retire_reclaimable();
    EXPECT_FAULT(give(30, {blocks[2]}), "double free", blocks[2],
                 std::to_string(kGeometry[30].size) + "-byte block");
}

TEST_F(ArenaDeathTest, GiveIntoASlabThatChangedItsClassIsReported) {
    const Blocks blocks = take(4, 10);
    give(4, blocks);
    leave_all();
    arena_.retire_reclaimable();
    const Blocks others = take(7, 10);
    ASSERT_EQ(unit_of(others[0]), unit_of(blocks[0]));
    EXPECT_FAULT(give(4, {blocks[2]}), "double free", blocks[2], "64-byte block");
}

TEST_F(ArenaDeathTest, GiveOfAPointerIntoABlockIsReported) {
    for (const Bin c : {Bin{1}, Bin{4}, Bin{9}, kClasses - 2}) {
        const Blocks blocks = take(c, 10);
        const std::string how = "inside a " + std::to_string(kGeometry[c].size) + "-byte block";
        for (const std::size_t offset :
             {std::size_t{1}, std::size_t{8}, std::size_t{kGeometry[c].size} - 1}) {
            void* const inside = static_cast<char*>(blocks[5]) + offset;
            EXPECT_FAULT(give(c, {inside}), "invalid free", inside, how);
        }
    }
}

TEST_F(ArenaDeathTest, GiveOfAPointerBehindTheLastBlockIsReported) {
    Bin c = 1;
    while (std::size_t{kGeometry[c].blocks} * kGeometry[c].size + kGeometry[c].size / 2 >
           kGeometry[c].units * kUnitSize)
        ++c;
    ASSERT_LT(c, kClasses) << "every class fills its slab";
    const Blocks blocks = take(c, 1);
    const std::size_t behind = std::size_t{kGeometry[c].blocks} * kGeometry[c].size;
    void* const wrong =
        reinterpret_cast<void*>(spans_.region().address(currents_[c].load(rlx)) + behind);
    EXPECT_FAULT(give(c, {wrong}), "invalid free", wrong,
                 "inside a " + std::to_string(kGeometry[c].size) + "-byte block");
    EXPECT_EQ(blocks.size(), 1U);
}

TEST_F(ArenaDeathTest, GiveOfAForeignAddressIsReported) {
    int local = 0;
    EXPECT_EXIT(give(4, {&local}), testing::KilledBySignal(SIGABRT),
                "^ashlar: .* free of 0x[0-9a-f]+ ");
    EXPECT_EXIT(arena_.adopt(4, &local), testing::KilledBySignal(SIGABRT),
                "^ashlar: .* free of 0x[0-9a-f]+ ");
}

TEST_F(ArenaDeathTest, LeaveOfASlabNotOwnedIsReportedInDebugBuilds) {
    if constexpr (!kDebug) GTEST_SKIP() << "release builds have no assertions";
    const Blocks blocks = take(4, 1);
    spans_.state_word(currents_[4].load(rlx)).store(0, rlx);
    EXPECT_EXIT(leave_all(), testing::KilledBySignal(SIGABRT), "not owned");
    EXPECT_EQ(blocks.size(), 1U);
}

}  // namespace

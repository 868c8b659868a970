// Limits of control groups, out of trees of files that look like the kernel's.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "malloc/settings/machine.hpp"

namespace {

using namespace ashlar::settings;
namespace fs = std::filesystem;

class MachineTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/ashlar-machine.XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { fs::remove_all(root_); }
    void write(const std::string& path, const std::string& text) const {
        fs::create_directories(fs::path(root_ + path).parent_path());
        std::ofstream(root_ + path) << text;
    }
    [[nodiscard]] std::uint64_t limit(const std::string& groups) const {
        return cgroup_limit(root_.c_str(), groups.c_str());
    }

    std::string root_;
};

TEST_F(MachineTest, LimitOfVersion2IsTheLeastUpToTheRoot) {
    write("/a/b/c/memory.max", "max\n");
    write("/a/b/memory.max", "5000\n");
    write("/a/memory.max", "7000\n");
    write("/ab/memory.max", "10\n");
    EXPECT_EQ(limit("0::/a/b/c\n"), 5000U);
    EXPECT_EQ(limit("0::/a/b"), 5000U);
    EXPECT_EQ(limit("0::/a\n"), 7000U);
    EXPECT_EQ(limit("0::/\n"), kUnlimited);
    write("/memory.max", "3000\n");
    EXPECT_EQ(limit("0::/a/b/c\n"), 3000U);
    EXPECT_EQ(limit("0::/\n"), 3000U);
    EXPECT_EQ(limit("0::/is/not/there\n"), 3000U);
    EXPECT_EQ(limit("0::/" + std::string(5000, 'x') + "\n"), 3000U);
}

TEST_F(MachineTest, LimitOfVersion1IsThatOfTheMemoryController) {
    write("/memory/a/memory.limit_in_bytes", "5000\n");
    write("/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write("/cpu/b/memory.limit_in_bytes", "10\n");
    EXPECT_EQ(limit("7:cpu:/b\n6:memory:/a\n1:name=systemd:/c\n"), 5000U);
    EXPECT_EQ(limit("7:cpu,memory,pids:/a\n"), 5000U);
    EXPECT_EQ(limit("7:memoryx:/a\n6:xmemory:/a\n"), kUnlimited);
}

TEST_F(MachineTest, TextThatIsNoListOfGroupsHasNoLimit) {
    write("/memory.max", "3000\n");
    for (const char* text : {"", "\n", "0", "0:\n", "0:/a\n0", "1::/a\n", "nonsense\n\n"})
        EXPECT_EQ(limit(text), kUnlimited) << text;
}

TEST_F(MachineTest, AvailableMemoryIsAtMostThatOfTheMachine) {
    EXPECT_GE(available_memory(), std::uint64_t{1} << 20);
    EXPECT_LT(available_memory(), kUnlimited);
}

TEST_F(MachineTest, BytesOfAPercentage) {
    EXPECT_EQ(bytes_of({25, true}, 4000), 1000U);
    EXPECT_EQ(bytes_of({100, true}, 4000), 4000U);
    EXPECT_EQ(bytes_of({25, false}, 4000), 25U);
}

}  // namespace

// What a manager takes beside its buffer: bytes that may be written to, bytes
// that mlockall() makes resident, and what happens when the system refuses
// more. Each case runs in a process of its own.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

constexpr int kSkipped = 77;
constexpr Size kKiB = 1024, kMiB = 1024 * kKiB;

// Runs `child`, whose result is 0, the number of the check that failed, or
// kSkipped.
void expect_in_child(const std::function<int()>& child) {
    const pid_t pid = fork();
    if (pid == 0) _exit(child());
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    if (WEXITSTATUS(status) == kSkipped) GTEST_SKIP() << "mlockall() is not permitted";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A line of /proc/self/status, in bytes.
Size status_of(const std::string& name) {
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1)) * kKiB;
    }
    return 0;
}

// Of private mappings, the program's heap included.
Size writable_bytes() {
    Size sum = 0;
    std::ifstream file("/proc/self/maps");
    for (std::string line; std::getline(file, line);) {
        const std::size_t dash = line.find('-'), blank = line.find(' ');
        if (line[blank + 2] != 'w') continue;
        sum += std::stoull(line.substr(dash + 1, blank), nullptr, 16) -
               std::stoull(line.substr(0, dash), nullptr, 16);
    }
    return sum;
}

// A manager of a buffer of the caller's takes at most an eighth of it, and a
// tiny one a few pages. The program's heap grows by up to 132 KiB at once.
Size most_beside(Size buffer) { return std::max(buffer / 8, 24 * kKiB) + 132 * kKiB; }

class Footprint : public testing::TestWithParam<std::tuple<make::Mode, Size>> {
  protected:
    make::Mode mode_ = std::get<0>(GetParam());
    Size size_ = std::get<1>(GetParam());
};
std::string name_of(const testing::TestParamInfo<std::tuple<make::Mode, Size>>& tested) {
    return make::name_of(std::get<0>(tested.param)) +
           std::to_string(std::get<1>(tested.param) / kKiB) + "KiB";
}
INSTANTIATE_TEST_SUITE_P(Buffers, Footprint,
                         testing::Combine(testing::ValuesIn(make::modes),
                                          testing::Values(4 * kKiB, 64 * kKiB, kMiB, 16 * kMiB)),
                         name_of);

TEST_P(Footprint, WritableBytesAreAShareOfTheBuffer) {
    expect_in_child([this] {
        std::vector<std::byte> buffer(size_);
        // What the process takes once.
        static_cast<void>(MemoryManager(buffer, make::options(0, mode_)));
        const Size before = writable_bytes();
        const MemoryManager manager(buffer, make::options(0, mode_));
        return writable_bytes() <= before + most_beside(size_) ? 0 : 1;
    });
}

TEST_P(Footprint, LockedBytesAreAShareOfTheBuffer) {
    expect_in_child([this] {
        std::vector<std::byte> buffer(size_);
        static_cast<void>(MemoryManager(buffer, make::options(0, mode_)));
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return kSkipped;
        const Size before = status_of("VmRSS");
        MemoryManager manager(buffer, make::options(0, mode_));
        if (status_of("VmRSS") > before + most_beside(size_)) return 1;
        return manager.allocate(100) && manager.allocate(2000) ? 0 : 2;
    });
}

// Only what it has grown to, and at most a hundredth of what it may grow to.
TEST(Footprint, LockedBytesOfAnOwnBufferFollowItsCapacity) {
    expect_in_child([] {
        static_cast<void>(MemoryManager(kMiB, make::options()));
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return kSkipped;
        const Size before = status_of("VmRSS");
        ManagerOptions options = make::options(64 * kMiB);
        options.grow_by = grow_fixed(kMiB);
        MemoryManager manager(kMiB, options);
        if (status_of("VmRSS") > before + kMiB + most_beside(0) + 64 * kMiB / 100) return 1;
        const Offset block = manager.allocate(3 * kMiB).value();
        std::memset(manager.data(block), 1, 3 * kMiB);
        return status_of("VmRSS") <= before + 4 * kMiB + most_beside(0) + 64 * kMiB / 100 ? 0 : 2;
    });
}

// Lets the process have no more writable bytes than now.
void refuse_more(bool refuse) {
    rlimit limit{};
    getrlimit(RLIMIT_DATA, &limit);
    limit.rlim_cur = refuse ? status_of("VmData") + 64 * kKiB : limit.rlim_max;
    setrlimit(RLIMIT_DATA, &limit);
}

// Allocates until it is refused, which must come before `most`, and then
// without a limit once more.
template <class Allocate>
int expect_refusal(MemoryManager& manager, unsigned most, Allocate allocate) {
    unsigned count = 0;
    refuse_more(true);
    while (count < most && allocate()) ++count;
    if (count == most || count == 0) return 1;
    if (manager.check() != 0 || manager.statistics().blocks != count) return 2;
    refuse_more(false);
    for (unsigned i = 0; i < count; ++i) {
        if (!allocate()) return 3;
    }
    return manager.check() == 0 && manager.statistics().blocks == 2 * count ? 0 : 4;
}

TEST(FootprintRefused, AllocateFailsWithoutMemoryForRecords) {
    expect_in_child([] {
        MemoryManager manager = MemoryManager::without_memory(1024 * kMiB, make::options());
        return expect_refusal(manager, 1'000'000,
                              [&] { return manager.allocate(100).has_value(); });
    });
}

TEST(FootprintRefused, AllocateMovableFailsWithoutMemoryForHandles) {
    expect_in_child([] {
        MemoryManager manager = MemoryManager::without_memory(1024 * kMiB, make::options());
        return expect_refusal(manager, 1'000'000,
                              [&] { return manager.allocate_movable(100).has_value(); });
    });
}

TEST(FootprintRefused, SmallBlocksFailWithoutMemoryForTables) {
    expect_in_child([] {
        MemoryManager manager =
            MemoryManager::without_memory(1024 * kMiB, make::options(0, make::Mode::many));
        return expect_refusal(manager, 10'000'000,
                              [&] { return manager.allocate(16).has_value(); });
    });
}

TEST(FootprintRefused, OwnBufferDoesNotGrowWithoutMemory) {
    expect_in_child([] {
        ManagerOptions options = make::options(1024 * kMiB);
        options.grow_by = grow_fixed(kMiB);
        MemoryManager manager(kMiB, options);
        return expect_refusal(manager, 1000, [&] { return manager.allocate(kMiB).has_value(); });
    });
}

TEST(FootprintRefused, CollectThrowsWithoutMemoryForItsStack) {
    expect_in_child([] {
        MemoryManager manager(16 * kMiB, make::options());
        if (!manager.allocate(100)) return 1;
        rlimit limit{};
        getrlimit(RLIMIT_DATA, &limit);
        limit.rlim_cur = 1;  // the kernel takes 0 for no limit
        setrlimit(RLIMIT_DATA, &limit);
        try {
            manager.collect({});
            return 2;
        } catch (const std::bad_alloc&) {
        }
        refuse_more(false);
        return manager.check() == 0 && manager.collect({}).freed_blocks == 1 ? 0 : 3;
    });
}

}  // namespace

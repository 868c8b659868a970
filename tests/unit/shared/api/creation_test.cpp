// The creation of a heap: races, and creators that die in the middle.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <gtest/gtest.h>
#include <ashlar/shared_heap.hpp>

#include <cstddef>
#include <cstring>
#include <vector>

#include "shared/segment/format.hpp"
#include "shared/segment/header.hpp"
#include "support/together.hpp"
#include "unit/shared/temporary.hpp"

namespace {

using namespace ashlar;
using Mode = SharedHeapMode;

TEST(SharedHeapCreation, OfManyProcessesOneCreatesAndAllUseIt) {
    for (int round = 0; round < 20; ++round) {
        const TemporaryName name;
        std::vector<pid_t> children;
        for (int i = 0; i < 8; ++i) {
            children.push_back(start_child([&] {
                SharedHeap heap = make_heap(name);
                for (int k = 0; k < 100; ++k) {
                    void* const block = heap.allocate(100);
                    if (block == nullptr) return 1;
                    if (k % 2 == 0) heap.deallocate(block);
                }
                return 0;
            }));
        }
        for (const pid_t child : children) ASSERT_EQ(end_of(child), 0);
        SharedHeap heap = make_heap(name);
        EXPECT_EQ(heap.recover(), 0U);
        EXPECT_EQ(heap.statistics().blocks, 8U * 50U);
        EXPECT_EQ(heap.check(), 0U);
    }
}

TEST(SharedHeapCreation, CreateOnlySucceedsForOneOfManyProcesses) {
    for (int round = 0; round < 20; ++round) {
        const TemporaryName name;
        std::vector<pid_t> children;
        for (int i = 0; i < 6; ++i) {
            children.push_back(start_child([&] {
                try {
                    const SharedHeap heap(Mode::create_only, name, small_heap());
                    return 1;
                } catch (const SharedHeapError& error) {
                    return error.fault() == SharedHeapFault::exists ? 0 : 2;
                }
            }));
        }
        int created = 0;
        for (const pid_t child : children) {
            const int status = WEXITSTATUS(end_of(child));
            EXPECT_NE(status, 2);
            created += status;
        }
        EXPECT_EQ(created, 1);
    }
}

TEST(SharedHeapCreation, ThreadsOfOneProcessRaceThroughOneDescriptor) {
    for (int round = 0; round < 20; ++round) {
        const int descriptor = memfd_create("ashlar-test", MFD_CLOEXEC);
        together(4, [&](unsigned) {
            SharedHeap heap = SharedHeap::descriptor(descriptor, small_heap());
            EXPECT_NE(heap.allocate(100), nullptr);
        });
        SharedHeap heap = SharedHeap::descriptor(descriptor, small_heap());
        EXPECT_EQ(heap.statistics().blocks, 4U);
        close(descriptor);
    }
}

// The state that a creator leaves if it dies after its first write.
TEST(SharedHeapCreation, AnotherProcessFinishesWhatADeadCreatorBegan) {
    for (const Mode mode : {Mode::open_or_create, Mode::create_only}) {
        const TemporaryName name;
        const int file = shm_open(name.text().c_str(), O_RDWR | O_CREAT, 0600);
        const shared::Format format = shared::format_of_this_build();
        ASSERT_EQ(pwrite(file, &format, sizeof format, 0), static_cast<ssize_t>(sizeof format));
        close(file);
        SharedHeap heap(mode, name, small_heap());
        EXPECT_NE(heap.allocate(8), nullptr);
        EXPECT_EQ(heap.check(), 0U);
    }
}

// And if it dies later: words of a header that is not ready.
TEST(SharedHeapCreation, AnotherProcessUsesNothingOfADeadCreatorsHeader) {
    const TemporaryName name;
    std::vector<char> left(sizeof(shared::Header), 0x55);
    const shared::Format format = shared::format_of_this_build();
    std::memcpy(left.data(), &format, sizeof format);
    std::memset(left.data() + offsetof(shared::Header, ready), 0, sizeof(std::uint32_t));
    const int file = shm_open(name.text().c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(pwrite(file, left.data(), left.size(), 0), static_cast<ssize_t>(left.size()));
    close(file);
    SharedHeap heap(Mode::open_or_create, name, small_heap());
    EXPECT_NE(heap.allocate(8), nullptr);
    EXPECT_EQ(heap.check(), 0U);
    EXPECT_EQ(heap.statistics().doubts, 0U);
}

TEST(SharedHeapCreation, CreatorsThatAreKilledAtAnyTimeBreakNothing) {
    for (useconds_t delay = 0; delay < 4000; delay += 40) {
        const TemporaryName name;
        const pid_t child = start_child([&] {
            for (;;) {
                const SharedHeap heap = make_heap(name);
                SharedHeap::remove(name);
            }
            return 0;
        });
        usleep(delay);
        kill(child, SIGKILL);
        EXPECT_TRUE(was_killed(end_of(child)));
        SharedHeap heap = make_heap(name);
        heap.recover();
        EXPECT_NE(heap.allocate(100), nullptr);
        EXPECT_EQ(heap.check(), 0U);
    }
}

TEST(SharedHeapCreation, ACreatorThatIsStoppedIsReported) {
    const TemporaryName name;
    const int file = shm_open(name.text().c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(flock(file, LOCK_EX), 0);
    for (const Mode mode : {Mode::open_or_create, Mode::open_only}) {
        try {
            const SharedHeap heap(mode, name, small_heap());
            ADD_FAILURE() << "opened";
        } catch (const SharedHeapError& error) {
            EXPECT_EQ(error.fault(), SharedHeapFault::being_created) << error.what();
        }
    }
    close(file);
}

}  // namespace

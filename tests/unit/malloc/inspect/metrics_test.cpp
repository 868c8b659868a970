// The metrics of this process: what they count, and that no counter goes down.
#include <ashlar/ashlar.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ashlar/heap.hpp>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "malloc/inspect/heap_reader.hpp"
#include "malloc/process/process.hpp"

namespace {

using namespace ashlar::inspect;

constexpr std::size_t mib = std::size_t{1} << 20;

std::string metrics() {
    const int file = memfd_create("metrics", 0);
    EXPECT_EQ(ash_metrics(file), 0);
    std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    close(file);
    return text;
}

void fill(std::vector<void*>& blocks, std::size_t count, std::size_t size) {
    for (std::size_t i = 0; i < count; ++i) {
        blocks.push_back(ash_malloc(size));
        std::memset(blocks.back(), 1, size);
    }
}

void give_all(std::vector<void*>& blocks) {
    for (void* block : blocks) ash_free(block);
    blocks.clear();
}

// The value of a sample without labels of its own.
double sample(const std::string& text, const std::string& name) {
    const auto at = text.find('\n' + name + ' ');
    if (at == std::string::npos) {
        ADD_FAILURE() << name;
        return -1;
    }
    return std::stod(text.substr(at + name.size() + 2));
}

TEST(Metrics, EndAndCountWhatTheProgramHolds) {
    std::vector<void*> blocks;
    const std::string before = metrics();
    fill(blocks, 10'000, 100);
    const std::string after = metrics();
    EXPECT_EQ(after.substr(after.size() - 6), "# EOF\n");
    EXPECT_EQ(after.find("pid="), std::string::npos);
    EXPECT_EQ(sample(after, "ashlar_live_blocks") - sample(before, "ashlar_live_blocks"), 10'000);
    const std::string live = "ashlar_heap_bytes{part=\"live\"}";
    EXPECT_EQ(sample(after, live) - sample(before, live), 10'000 * 112);
    const std::string blocks_of_class = "ashlar_class_blocks{size=\"112\",state=\"live\"}";
    EXPECT_GE(sample(after, blocks_of_class), 10'000);
    give_all(blocks);
}

TEST(Metrics, CountersDoNotGoDownWithAPrivateHeap) {
    const std::string refills = "ashlar_cache_misses_total{kind=\"refill\"}";
    const double before = sample(metrics(), refills);
    double during = 0;
    {
        ashlar::Heap heap(64 * mib);
        for (std::size_t size = 16; size < 30'000; size += 16)
            static_cast<void>(heap.allocate(size));
        during = sample(metrics(), refills);
    }
    const double after = sample(metrics(), refills);
    EXPECT_LE(before, during);
    EXPECT_LE(during, after);
}

// The memory of this process, in which a thread ends just before its counters
// would be read for the second time.
struct EndingThread {
    ProcessMemory source;
    Memory memory;
    std::uint64_t past;
    std::thread* thread;
    std::atomic<bool>* end;

    static bool read(const void* context, std::uint64_t address, void* to,
                     std::size_t bytes) noexcept {
        auto* self = static_cast<EndingThread*>(const_cast<void*>(context));
        if (address == self->past && ++self->reads == 2) {
            *self->end = true;
            self->thread->join();
        }
        return self->memory.copy(address, to, bytes);
    }
    unsigned reads = 0;
};

TEST(Metrics, CountMissesOfAThreadThatEndsMeanwhileOnce) {
    std::atomic<bool> ready{false};
    std::atomic<bool> end{false};
    std::thread thread([&] {
        std::vector<void*> blocks;
        for (int i = 0; i < 1000; ++i) fill(blocks, 100, 3000);
        give_all(blocks);
        ready = true;
        while (!end) std::this_thread::yield();
    });
    while (!ready) std::this_thread::yield();
    HeapLayout layout;
    EndingThread ending{{}, {}, 0, &thread, &end};
    ending.source.open(getpid());
    ending.memory = ending.source.view();
    ASSERT_TRUE(read_layout(
        ending.memory, reinterpret_cast<std::uintptr_t>(&ashlar::cache::process()->description()),
        layout));
    ending.past = layout.cache.past;
    const auto reader = std::make_unique<HeapReader>();
    const Memory memory{EndingThread::read, &ending, true};
    reader->open(memory, nullptr, nullptr);
    HeapCounts during{};
    reader->count(layout, during);
    EXPECT_GE(ending.reads, 2U);
    HeapCounts after{};
    reader->count(layout, after);
    EXPECT_GT(during.misses[0], 100U);
    // This thread may miss as well.
    EXPECT_LE(during.misses[0], after.misses[0]);
    EXPECT_LE(after.misses[0], during.misses[0] + 100);
    ending.source.close();
}

TEST(Metrics, AreComparableWhileThreadsEnd) {
    const std::string refills = "ashlar_cache_misses_total{kind=\"refill\"}";
    std::atomic<bool> stop{false};
    std::thread starter([&stop] {
        while (!stop) {
            std::thread([] {
                std::vector<void*> blocks;
                for (std::size_t size = 16; size < 2000; size += 64) fill(blocks, 1, size);
                give_all(blocks);
            }).join();
        }
    });
    double last = 0;
    for (int i = 0; i < 300; ++i) {
        const double now = sample(metrics(), refills);
        EXPECT_GE(now, last);
        last = now;
    }
    stop = true;
    starter.join();
}

TEST(Metrics, SayWhenTheyCannotBeWritten) { EXPECT_EQ(ash_metrics(-1), -1); }

}  // namespace

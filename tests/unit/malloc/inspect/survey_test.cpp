// The report about this process: its lines add up to what the kernel says.
#include <ashlar/ashlar.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/heap.hpp>

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "malloc/inspect/report.hpp"
#include "malloc/inspect/waterfall.hpp"
#include "malloc/process/process.hpp"

namespace {

using namespace ashlar::inspect;

constexpr std::size_t mib = std::size_t{1} << 20;

// A sanitizer's shadow grows while the report is made, and makes it slow.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr double kTolerance = kSanitized ? 0.15 : 0.03;

struct Destroy {
    void operator()(Survey* survey) const { Survey::destroy(survey); }
};
using Owned = std::unique_ptr<Survey, Destroy>;

std::uint64_t own_heap() {
    return reinterpret_cast<std::uintptr_t>(&ashlar::cache::process()->description());
}

Owned survey() {
    Owned made(Survey::make(getpid()));
    made->take(own_heap());
    return made;
}

Waterfall waterfall(const Survey& taken) {
    return waterfall_of(taken.result(), sums_of(taken.result().counts));
}

std::int64_t line(const Waterfall& w, const std::string& key) {
    for (const WaterfallLine& each : w.lines) {
        if (each.key == key) return each.bytes;
    }
    ADD_FAILURE() << key;
    return 0;
}

void expect_adds_up(const Survey& taken) {
    const Waterfall w = waterfall(taken);
    EXPECT_GT(w.rss, 0);
    EXPECT_LT(std::abs(static_cast<double>(w.rss - w.sum)), kTolerance * static_cast<double>(w.rss))
        << w.sum << " of " << w.rss;
    for (const WaterfallLine& each : w.lines) {
        if (std::string(each.key) == "untouched") {
            EXPECT_LE(each.bytes, 0);
        } else {
            EXPECT_GE(each.bytes, 0) << each.key;
        }
    }
    EXPECT_EQ(taken.result().counts.unreadable, 0U);
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

TEST(Survey, AddsUpToTheKernelsCount) {
    std::vector<void*> blocks;
    fill(blocks, 50'000, 200);
    fill(blocks, 500, 20'000);
    fill(blocks, 20, 500'000);
    fill(blocks, 1, 33 * mib);
    const Owned taken = survey();
    expect_adds_up(*taken);
    const Waterfall w = waterfall(*taken);
    EXPECT_NEAR(static_cast<double>(line(w, "asked")), 30e6, 3e6);
    EXPECT_GE(line(w, "mapped"), std::int64_t{33} << 20);
    give_all(blocks);
}

TEST(Survey, FreeBlocksOnTouchedPagesAreALineOfTheirOwn) {
    std::vector<void*> blocks;
    fill(blocks, 100'000, 100);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 8 == 0) continue;
        ash_free(blocks[i]);
        blocks[i] = nullptr;
    }
    const Owned taken = survey();
    expect_adds_up(*taken);
    const Waterfall w = waterfall(*taken);
    EXPECT_GT(line(w, "free_in_slabs") + line(w, "depot") + line(w, "cached"),
              100'000 / 8 * 7 * 112 * 9 / 10);
    give_all(blocks);
}

TEST(Survey, PagesThatWereNeverTouchedAreANegativeStep) {
    const Waterfall before = waterfall(*survey());
    void* small_run = ash_calloc(1, 8 * mib);
    void* mapped = ash_calloc(1, 64 * mib);
    // Read, but not written: the system's page of zeros is not counted in RSS.
    std::size_t sum = 0;
    for (std::size_t i = 0; i < 64 * mib; i += 4096) sum += static_cast<unsigned char*>(mapped)[i];
    EXPECT_EQ(sum, 0U);
    const Owned taken = survey();
    expect_adds_up(*taken);
    const Waterfall during = waterfall(*taken);
    EXPECT_LE(line(during, "untouched"),
              line(before, "untouched") - static_cast<std::int64_t>(71 * mib));
    ash_free(small_run);
    ash_free(mapped);
}

TEST(Survey, FreedRunsAreDirtyUntilTheyAreTrimmed) {
    std::vector<void*> blocks;
    fill(blocks, 1, 20 * mib);
    give_all(blocks);
    const Owned dirty = survey();
    expect_adds_up(*dirty);
    const auto is_dirty = line(waterfall(*dirty), "dirty");
    static_cast<void>(ash_malloc_trim(0));
    const Owned clean = survey();
    expect_adds_up(*clean);
    EXPECT_EQ(line(waterfall(*clean), "dirty"), 0);
    EXPECT_GE(is_dirty, 0);
}

TEST(Survey, CountsPrivateHeapsAndForeignMappings) {
    const Waterfall before = waterfall(*survey());
    ashlar::Heap heap(64 * mib);
    void* block = heap.allocate(10 * mib);
    std::memset(block, 1, 10 * mib);
    void* foreign =
        mmap(nullptr, 7 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(foreign, 1, 7 * mib);
    const Owned taken = survey();
    expect_adds_up(*taken);
    EXPECT_EQ(taken->result().private_heaps, 1U);
    const Waterfall during = waterfall(*taken);
    EXPECT_GE(line(during, "asked") - line(before, "asked"), std::int64_t{9} << 20);
    EXPECT_GE(line(during, "anonymous") - line(before, "anonymous"), std::int64_t{7} << 20);
    munmap(foreign, 7 * mib);
}

// The kernel shows neighbours with the same rights as one mapping.
TEST(Survey, DividesMappingsThatTheKernelHasJoined) {
    auto* block = static_cast<char*>(ash_malloc(64 * mib));
    std::memset(block, 1, 20 * mib);
    const Waterfall before = waterfall(*survey());
    void* foreign = mmap(block - 8 * mib, 8 * mib, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (foreign != block - 8 * mib) GTEST_SKIP() << "something else is there";
    std::memset(foreign, 1, 5 * mib);
    const Owned taken = survey();
    expect_adds_up(*taken);
    const Waterfall during = waterfall(*taken);
    const auto grew = [&](const char* key) { return line(during, key) - line(before, key); };
    EXPECT_GE(grew("anonymous"), static_cast<std::int64_t>(5 * mib));
    if (!kSanitized) {
        EXPECT_LE(grew("anonymous"), static_cast<std::int64_t>(11 * mib / 2));
    }
    EXPECT_NEAR(static_cast<double>(grew("untouched")), 0, 0.5 * mib);
    munmap(foreign, 8 * mib);
    ash_free(block);
}

TEST(Survey, AddsUpWhileThreadsWork) {
    std::atomic<bool> stop{false};
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&stop, &ready, t] {
            std::vector<void*> blocks(10'000);
            unsigned random = t;
            for (unsigned n = 0; !stop; ++n) {
                random = random * 1103515245 + 12345;
                void*& block = blocks[(random >> 4) % blocks.size()];
                ash_free(block);
                const std::size_t size = (random >> 16) % 2000;
                block = ash_malloc(size);
                std::memset(block, 1, size);
                if (n == 200'000) ++ready;  // by then the heap hardly grows any more
            }
            for (void* block : blocks) ash_free(block);
        });
    }
    while (ready != 4) std::this_thread::yield();
    for (int i = 0; i < 10; ++i) expect_adds_up(*survey());
    stop = true;
    for (std::thread& thread : threads) thread.join();
}

// Pages that parent and child share count in both.
TEST(Survey, AddsUpInTheChildOfAFork) {
    std::vector<void*> blocks;
    fill(blocks, 50'000, 200);
    const pid_t child = fork();
    if (child == 0) {
        expect_adds_up(*survey());
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    give_all(blocks);
}

TEST(Survey, FindsTheHeapOfAnotherProcess) {
    std::vector<void*> blocks;
    fill(blocks, 1000, 1000);
    const pid_t child = fork();
    if (child == 0) {
        for (;;) raise(SIGSTOP);
    }
    int status = 0;  // stopped: its pages do not change while they are counted
    ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(WIFSTOPPED(status));
    {
        const Owned taken(Survey::make(child));
        std::uint64_t heap = 0;
        ASSERT_EQ(taken->find_heap(heap), Found::heap);
        EXPECT_EQ(heap, own_heap());
        taken->take(heap);
        expect_adds_up(*taken);
        EXPECT_GE(sums_of(taken->result().counts).blocks, 1000U);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::uint64_t heap = 0;
    EXPECT_EQ(Owned(Survey::make(child))->find_heap(heap), Found::no_process);
    give_all(blocks);
}

// Sums over the calls of a visitor.
struct Seen {
    std::uint64_t end = 0, units = 0, slabs = 0, in_use = 0, faults = 0;
    static void visit(void* context, const UnitRecord& record) noexcept {
        auto& seen = *static_cast<Seen*>(context);
        if (seen.end != 0 && record.address != seen.end) ++seen.faults;
        if (record.used.resident > record.resident) ++seen.faults;
        if (record.resident > record.units << ashlar::base::kUnitShift) ++seen.faults;
        seen.end = record.address + (record.units << ashlar::base::kUnitShift);
        seen.units += record.units;
        if (record.kind == UnitKind::slab) ++seen.slabs;
        seen.in_use += record.in_use;
    }
};

TEST(HeapReader, VisitsEachUnitOnceInTheOrderOfAddresses) {
    std::vector<void*> blocks;
    fill(blocks, 5000, 3000);
    fill(blocks, 20, 300'000);
    fill(blocks, 2, 5 * mib);
    for (std::size_t i = 0; i < blocks.size(); i += 3) ash_free(std::exchange(blocks[i], nullptr));
    ProcessMemory source;
    source.open(getpid());
    const Memory memory = source.view();
    Residency pages;
    pages.open(getpid());
    Seen seen;
    const UnitVisitor visitor{Seen::visit, &seen};
    const auto reader = std::make_unique<HeapReader>();
    reader->open(memory, &pages, &visitor);
    HeapLayout layout;
    ASSERT_TRUE(read_layout(memory, own_heap(), layout));
    HeapCounts counts{};
    reader->count(layout, counts);
    std::uint64_t slabs = 0, in_use = 0;
    for (ashlar::base::Bin bin = 0; bin < ashlar::base::kBins; ++bin) {
        in_use += counts.bins[bin].in_use;
        if (bin != 0 && !ashlar::base::is_run(bin)) slabs += counts.bins[bin].slabs;
    }
    EXPECT_EQ(seen.faults, 0U);
    EXPECT_EQ(seen.units, ashlar::cache::process()->spans.committed() - 1);
    EXPECT_EQ(seen.slabs, slabs);
    EXPECT_EQ(seen.in_use, in_use);
    EXPECT_GT(slabs, 10U);
    pages.close();
    source.close();
    give_all(blocks);
}

// The answer of find_heap() about a child that has called `change`.
Found found_in_child(void (*change)(HeapLayout& own)) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        change(ashlar::cache::process()->description());
        static_cast<void>(!write(ends[1], "", 1));
        for (;;) pause();
    }
    char ready;
    EXPECT_EQ(read(ends[0], &ready, 1), 1);
    std::uint64_t heap = 0;
    const Found found = Owned(Survey::make(child))->find_heap(heap);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
    return found;
}

TEST(FindHeap, TellsWhatItFinds) {
    EXPECT_EQ(found_in_child([](HeapLayout&) {}), Found::heap);
    EXPECT_EQ(found_in_child([](HeapLayout& own) { own.magic[0] = 'A'; }), Found::none);
    EXPECT_EQ(found_in_child([](HeapLayout& own) { own.is_process = 0; }), Found::none);
    EXPECT_EQ(found_in_child([](HeapLayout& own) { ++own.version; }), Found::other_version);
}

// A mapping right before the heap's, which the kernel joins with it.
TEST(FindHeap, SearchesMappingsThatBeginElsewhere) {
    constexpr std::size_t page = 65536;
    void* before = reinterpret_cast<void*>(own_heap() - page);
    void* joined = mmap(before, page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (joined != before) GTEST_SKIP() << "something else is there";
    std::uint64_t heap = 0;
    EXPECT_EQ(Owned(Survey::make(getpid()))->find_heap(heap), Found::heap);
    EXPECT_EQ(heap, own_heap());
    munmap(joined, page);
}

std::string text_of(const std::function<int(int)>& write) {
    const int file = memfd_create("report", 0);
    EXPECT_EQ(write(file), 0);
    std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    close(file);
    return text;
}

TEST(Report, WritesTextAndJson) {
    ash_free(ash_malloc(100));
    const std::string text = text_of(ash_report);
    EXPECT_NE(text.find("asked for by the program"), std::string::npos) << text;
    EXPECT_NE(text.find("RSS of the process"), std::string::npos) << text;
    const std::string json = text_of(ash_report_json);
    EXPECT_EQ(json.front(), '{');
    EXPECT_EQ(json.substr(json.size() - 2), "}\n");
}

TEST(Report, SaysWhenItCannotBeWritten) {
    EXPECT_EQ(ash_report(-1), -1);
    EXPECT_EQ(ash_report_json(-1), -1);
}

}  // namespace

// The reader of a heap trusts nothing: wrong numbers in the description and in
// the tables lead to wrong sums at most.
#include <ashlar/ashlar.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "malloc/inspect/heap_reader.hpp"
#include "malloc/inspect/proc_file.hpp"
#include "malloc/process/process.hpp"

namespace {

using namespace ashlar::inspect;

// Memory of which the bytes [0, 64 MiB) can be read, and have any content: a
// layout at 0, then noise.
struct Noise {
    HeapLayout layout;
    std::uint64_t seed;
    std::uint64_t reads = 0;

    static constexpr std::uint64_t kSize = std::uint64_t{64} << 20;
    static bool read(const void* context, std::uint64_t address, void* to,
                     std::size_t bytes) noexcept {
        auto* self = const_cast<Noise*>(static_cast<const Noise*>(context));
        ++self->reads;
        if (address >= kSize || bytes > kSize - address) return false;
        auto* out = static_cast<unsigned char*>(to);
        for (std::size_t i = 0; i < bytes; ++i) {
            const std::uint64_t at = address + i;
            const std::uint64_t mixed = (at + self->seed) * 0x9e3779b97f4a7c15U;
            out[i] = mixed >> 32 & 3 ? static_cast<unsigned char>(mixed >> 56) : 0;
        }
        if (address == 4096 && bytes == sizeof self->layout)
            std::memcpy(to, &self->layout, sizeof self->layout);
        return true;
    }
    [[nodiscard]] Memory memory() const { return {read, this, true}; }
};

void expect_sound(const HeapCounts& counts) {
    for (const ClassCounts& each : counts.bins) {
        EXPECT_LE(each.cached + each.in_depot, each.in_use);
        EXPECT_LE(each.in_use, each.blocks);
    }
    const Sums sums = sums_of(counts);
    EXPECT_LE(sums.asked, sums.live.bytes);
    EXPECT_LE(sums.live.bytes, sums.held);
}

HeapLayout real_layout() { return ashlar::cache::process()->description(); }

// The addresses of a layout, moved into the noise.
void move_into_noise(HeapLayout& layout, std::mt19937_64& random) {
    const auto anywhere = [&] { return random() % (Noise::kSize + Noise::kSize / 8); };
    auto* words = reinterpret_cast<std::uint64_t*>(&layout.unit);
    for (std::size_t i = 0; i < sizeof layout.unit / sizeof *words; ++i) words[i] = anywhere();
    layout.unit.recent_count = random() % 20;
    for (Address* each : {&layout.cache.caches, &layout.cache.shared, &layout.cache.created,
                          &layout.cache.shared_ready, &layout.cache.past, &layout.depot.classes})
        *each = anywhere();
    for (Address& each : layout.depot.magazines) each = anywhere();
    layout.self = 4096;
    layout.base = Noise::kSize;
    layout.units = 1 + random() % 4096;
}

TEST(HostileMemory, NoiseInTheTablesGivesConsistentCounts) {
    std::mt19937_64 random(1);
    const auto reader = std::make_unique<HeapReader>();
    for (int round = 0; round < 150; ++round) {
        Noise noise{real_layout(), random()};
        move_into_noise(noise.layout, random);
        HeapLayout layout;
        ASSERT_TRUE(read_layout(noise.memory(), 4096, layout));
        HeapCounts counts{};
        const Memory memory = noise.memory();
        reader->open(memory, nullptr, nullptr);
        reader->count(layout, counts);
        expect_sound(counts);
    }
}

TEST(HostileMemory, AnyByteOfTheDescriptionMayBeWrong) {
    std::mt19937_64 random(2);
    const auto reader = std::make_unique<HeapReader>();
    int read = 0;
    for (int round = 0; round < 800; ++round) {
        Noise noise{real_layout(), random()};
        move_into_noise(noise.layout, random);
        auto* bytes = reinterpret_cast<unsigned char*>(&noise.layout);
        for (int i = 0; i < 1 + round % 8; ++i)
            bytes[random() % sizeof noise.layout] = static_cast<unsigned char>(random());
        HeapLayout layout;
        const Memory memory = noise.memory();
        if (!read_layout(memory, 4096, layout)) continue;
        ++read;
        HeapCounts counts{};
        reader->open(memory, nullptr, nullptr);
        reader->count(layout, counts);
        expect_sound(counts);
        EXPECT_LT(noise.reads, 3'000'000U) << "it gives up soon";
    }
    EXPECT_GT(read, 130);
}

TEST(HostileMemory, ADescriptionOfAnotherVersionIsRefused) {
    Noise noise{real_layout(), 1};
    noise.layout.self = 4096;
    HeapLayout layout;
    EXPECT_TRUE(read_layout(noise.memory(), 4096, layout));
    EXPECT_FALSE(read_layout(noise.memory(), 8192, layout));
    ++noise.layout.version;
    EXPECT_FALSE(read_layout(noise.memory(), 4096, layout));
    noise.layout = real_layout();
    EXPECT_FALSE(read_layout(noise.memory(), 4096, layout)) << "a copy elsewhere";
}

TEST(HostileMemory, UnmappedTablesAreCountedAsUnreadable) {
    ProcessMemory source;
    source.open(getpid());
    const Memory memory = source.view();
    const auto reader = std::make_unique<HeapReader>();
    void* kept = ash_malloc(100);
    ash_free(ash_malloc(3 << 20));  // some units are free
    for (Address UnitTables::*table :
         {&UnitTables::state, &UnitTables::free, &UnitTables::frontier, &UnitTables::committed,
          &UnitTables::reach, &UnitTables::bits}) {
        HeapLayout layout = real_layout();
        layout.unit.*table = 0;
        reader->open(memory, nullptr, nullptr);
        HeapCounts counts{};
        reader->count(layout, counts);
        EXPECT_GT(counts.unreadable, 0U);
        expect_sound(counts);
    }
    ash_free(kept);
    source.close();
}

TEST(HostileMemory, ATopOutsideItsBinCountsAsEmpty) {
    ash_free(ash_malloc(100));
    ProcessMemory source;
    source.open(getpid());
    const Memory memory = source.view();
    const auto reader = std::make_unique<HeapReader>();
    const auto cached = [&](const HeapLayout& layout) {
        reader->open(memory, nullptr, nullptr);
        HeapCounts counts{};
        reader->count(layout, counts);
        return sums_of(counts).cached.bytes;
    };
    HeapLayout layout = real_layout();
    EXPECT_GT(cached(layout), 0U);
    layout.cache.slots += 1U << 20;
    EXPECT_EQ(cached(layout), 0U);
    source.close();
}

TEST(ProcFile, ReadsLines) {
    ProcFile file;
    ASSERT_TRUE(file.open(getpid(), "maps"));
    unsigned lines = 0;
    while (const char* line = file.line()) {
        const char* at = line;
        EXPECT_NE(read_number(at, 16), 0U) << line;
        EXPECT_EQ(*at, '-');
        ++lines;
    }
    file.close();
    EXPECT_GT(lines, 5U);
    EXPECT_FALSE(file.open(getpid(), "no such file"));
}

// The lines of /proc/PID/cmdline of a program with these arguments.
std::vector<std::string> lines_of(const std::string& argument) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", "echo; kill -STOP $$", argument.c_str(), nullptr);
        _exit(1);
    }
    char ready;
    EXPECT_EQ(read(ends[0], &ready, 1), 1);
    std::vector<std::string> lines;
    ProcFile file;
    EXPECT_TRUE(file.open(child, "cmdline"));
    while (const char* line = file.line()) lines.emplace_back(line);
    file.close();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
    return lines;
}

TEST(ProcFile, DropsTheRestOfALongLine) {
    EXPECT_EQ(lines_of("short").size(), 1U) << "its end is missing";
    const std::vector<std::string> lines = lines_of(std::string(50'000, 'x') + "\nlast");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines.back(), "last");
    EXPECT_EQ(lines_of(std::string(50'000, 'x')).size(), 1U);
}

}  // namespace

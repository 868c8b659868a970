// Writes and frees a burst of memory, then goes on and allocates only a little.
// Measures the memory that the burst leaves behind.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include <pthread.h>

#include "commands.hpp"

namespace commands {

using measure::figure;
using measure::require;

namespace {

struct Sizes {
    const char* name;
    std::size_t least;
    std::size_t most;
};
constexpr Sizes all_sizes[] = {
    {"small", 16, 512},
    {"mixed", 16, 256 * measure::kib},
    {"large", 64 * measure::kib, measure::mib},
    {"huge", 2 * measure::mib, 8 * measure::mib},
};

/// Between `least` and `most`; each power of two as likely as any other.
std::size_t pick(measure::Random& random, const Sizes& sizes) {
    std::size_t steps = 0;
    while (sizes.least << (steps + 1) <= sizes.most) ++steps;
    const std::size_t base = sizes.least << random.below(steps);
    return base + random.below(base + 1);
}

void order(void** blocks, std::size_t count, const Arguments& arguments, measure::Random& random) {
    if (arguments.is(2, "reverse")) std::reverse(blocks, blocks + count);
    if (arguments.is(2, "random")) {
        for (std::size_t i = count; i > 1; --i) std::swap(blocks[i - 1], blocks[random.below(i)]);
    }
}

/// One thread's part of the burst: all allocated and written, then all freed.
void burst_of(std::size_t bytes, const Sizes& sizes, const Arguments& arguments, unsigned seed) {
    measure::Random random(seed);
    const std::size_t table = bytes / sizes.least * sizeof(void*) + sizeof(void*);
    auto** const blocks = static_cast<void**>(measure::map(table));
    std::size_t count = 0;
    for (std::size_t got = 0; got < bytes;) {
        const std::size_t size = pick(random, sizes);
        blocks[count] = std::malloc(size);
        require(blocks[count] != nullptr, "malloc");
        std::memset(blocks[count++], 1, size);
        got += size;
    }
    order(blocks, count, arguments, random);
    for (std::size_t i = 0; i < count; ++i) std::free(blocks[i]);
    measure::unmap(blocks, table);
}

/// Threads that burst and then either end or sleep until the process ends.
void burst_in_threads(std::size_t bytes, const Sizes& sizes, const Arguments& arguments) {
    constexpr unsigned count = 4;
    static pthread_barrier_t done;
    pthread_barrier_init(&done, nullptr, count + 1);
    const bool stay = arguments.is(1, "staying");
    std::thread threads[count];
    for (unsigned i = 0; i < count; ++i) {
        threads[i] = std::thread([=, &sizes, &arguments] {
            burst_of(bytes / count, sizes, arguments, i + 1);
            pthread_barrier_wait(&done);
            while (stay) measure::rest_ms(1000);
        });
    }
    pthread_barrier_wait(&done);
    for (auto& thread : threads) {
        if (stay) {
            thread.detach();
        } else {
            thread.join();
        }
    }
}

/// Every 10 ms up to 200 blocks of mixed sizes, freed again but for the last
/// 64: as a server that has little to do.
void go_on(std::size_t milliseconds) {
    constexpr Sizes little{"", 16, 16 * measure::kib};
    constexpr std::size_t most = 256;
    static void* live[most];
    static std::size_t count = 0;
    measure::Random random(9);
    const std::uint64_t end = measure::now_ns() + milliseconds * 1'000'000;
    for (; measure::now_ns() < end; measure::rest_ms(10)) {
        for (std::size_t wanted = random.below(192); wanted > 0; --wanted) {
            const std::size_t size = pick(random, little);
            live[count] = std::malloc(size);
            require(live[count] != nullptr, "malloc");
            std::memset(live[count++], 1, size);
        }
        for (; count > 64; --count) std::free(live[count - 1]);
    }
}

}  // namespace

void burst(Arguments arguments) {
    const Sizes* sizes = nullptr;
    for (const Sizes& one : all_sizes) {
        if (arguments.is(0, one.name)) sizes = &one;
    }
    require(sizes != nullptr, "no such sizes");
    const std::size_t bytes = arguments.number(3) * measure::mib;
    go_on(50);
    const std::size_t before = measure::anonymous_kib();
    if (arguments.is(1, "one")) {
        burst_of(bytes, *sizes, arguments, 1);
    } else {
        burst_in_threads(bytes, *sizes, arguments);
    }
    go_on(1000);
    figure("after_1s_mib", measure::grown_mib(before, measure::anonymous_kib()));
    go_on(arguments.number(4) * 1000 - 1000);
    figure("left_mib", measure::grown_mib(before, measure::anonymous_kib()));
    figure("peak_mib", measure::in_mib(measure::status_kib("VmHWM:")));
}

}  // namespace commands

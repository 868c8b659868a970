// The other entry points: zeroed blocks, aligned blocks.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

constexpr std::uint32_t live = 32;

void* make_zeroed(std::size_t size) noexcept {
    auto* block =
        static_cast<unsigned char*>(take_by(size, [size] { return std::calloc(1, size); }));
    unsigned char seen = block[size - 1];
    for (std::size_t at = 0; at < size; at += page) seen |= block[at];
    if (seen != 0) fail("calloc gave a block that is not zero");
    stamp(block, size);
    return block;
}

void zeroed(Measure& measure) {
    using Sizes = LogUniform<4096, 6>;
    const std::uint64_t rounds = measure.scaled(60'000);
    Table<void*> blocks(live);
    Random random(12);
    for (void*& block : blocks) block = make_zeroed(Sizes::draw(random));
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        void*& block = blocks[random.below(live)];
        sum += drop(block);
        block = make_zeroed(Sizes::draw(random));
    }
    measure.stop();
    measure.add(rounds, sum + drop_all(blocks));
}

void* make_aligned(Random& random) noexcept {
    const std::size_t alignment = std::size_t{16} << random.below(9);
    // Never a multiple of the alignment: mimalloc 2.0.9 misaligns some of
    // those, and would have no result here.
    const std::size_t size = Uniform<16, 2048>::draw(random) | 8;
    void* block = take_by(size, [=] {
        void* place = nullptr;
        return posix_memalign(&place, alignment, size) == 0 ? place : nullptr;
    });
    if (reinterpret_cast<std::uintptr_t>(block) % alignment != 0) fail("a block is not aligned");
    stamp(block, size);
    return block;
}

void aligned(Measure& measure) {
    constexpr std::uint32_t count = 1'000;
    const std::uint64_t rounds = measure.scaled(4'000'000);
    Table<void*> blocks(count);
    Random random(13);
    for (void*& block : blocks) block = make_aligned(random);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        void*& block = blocks[random.below(count)];
        sum += drop(block);
        block = make_aligned(random);
    }
    measure.stop();
    measure.add(rounds, sum + drop_all(blocks));
}

constexpr Workload workloads[] = {
    {"calloc-4k-256k", "calloc", 1, zeroed,
     "random ones of 32 zeroed blocks replaced, 4 to 256 KiB, a byte of each page read"},
    {"memalign-16-4096", "memalign", 1, aligned,
     "random ones of 1,000 blocks replaced, aligned to 16 to 4096 bytes"},
};

}  // namespace

Theme special() noexcept { return theme(workloads); }

}  // namespace bench

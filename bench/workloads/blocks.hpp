// Blocks as the workloads use them: stamped when allocated, verified when
// freed. The first word holds the size, mixed with the address; the last byte
// repeats the size; and every page is written. Two blocks that overlap damage
// each other's stamps.
#ifndef ASHLAR_BENCH_BLOCKS_HPP
#define ASHLAR_BENCH_BLOCKS_HPP

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "watch.hpp"

namespace bench {

inline constexpr std::size_t smallest_block = 16;
inline constexpr std::size_t largest_block = std::size_t{1} << 26;
inline constexpr std::size_t page = 4096;

/// One line on stderr, then exit(1): a benchmark of an allocator that loses
/// data has no result.
[[noreturn]] void fail(const char* what) noexcept;

/// xorshift64*, so that every run of every allocator sees the same sizes in the
/// same order.
class Random {
  public:
    explicit constexpr Random(std::uint64_t seed) noexcept
        : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
    constexpr std::uint32_t next() noexcept {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::uint32_t>((state_ * 0x2545f4914f6cdd1du) >> 32);
    }
    constexpr std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>((std::uint64_t{next()} * bound) >> 32);
    }

  private:
    std::uint64_t state_;
};

template <std::size_t Size>
struct Fixed {
    static std::size_t draw(Random&) noexcept { return Size; }
};

template <std::uint32_t Least, std::uint32_t Most>
struct Uniform {
    static std::size_t draw(Random& random) noexcept {
        return Least + random.below(Most - Least + 1);
    }
};

/// From Least on, each size twice as big half as frequent, so every order of
/// magnitude fills the same share of memory.
template <std::uint32_t Least, unsigned Doublings>
struct PowerLaw {
    static std::size_t draw(Random& random) noexcept {
        const auto doublings =
            static_cast<unsigned>(__builtin_ctz(random.next() | 1u << (Doublings - 1)));
        const std::uint32_t base = Least << doublings;
        return base + random.below(base + 1);
    }
};

/// Every doubling from Least on equally frequent.
template <std::uint32_t Least, unsigned Doublings>
struct LogUniform {
    static std::size_t draw(Random& random) noexcept {
        const std::uint32_t base = Least << random.below(Doublings);
        return base + random.below(base + 1);
    }
};

/// Makes the compiler believe that the block is used, so that it can neither
/// drop the allocation nor foresee its content.
inline void escape(void* block) noexcept { asm volatile("" : : "r"(block) : "memory"); }

inline std::uint64_t mixed(const void* block) noexcept {
    return reinterpret_cast<std::uintptr_t>(block) * 0x9e3779b97f4a7c15u;
}

inline void touch_pages(void* block, std::size_t from, std::size_t size) noexcept {
    auto* bytes = static_cast<unsigned char*>(block);
    for (std::size_t at = from; at < size; at += page)
        bytes[at] = static_cast<unsigned char>(at / page);
}

inline void stamp(void* block, std::size_t size) noexcept {
    if (size > page) touch_pages(block, page, size);
    const std::uint64_t word = size ^ mixed(block);
    std::memcpy(block, &word, sizeof word);
    static_cast<unsigned char*>(block)[size - 1] = static_cast<unsigned char>(size ^ 0x5a);
    escape(block);
}

/// Verifies the stamp and returns the size in it.
inline std::size_t verify(const void* block) noexcept {
    std::uint64_t word;
    std::memcpy(&word, block, sizeof word);
    const std::size_t size = word ^ mixed(block);
    if (size - smallest_block > largest_block - smallest_block) fail("a block lost its first word");
    if (static_cast<const unsigned char*>(block)[size - 1] !=
        static_cast<unsigned char>(size ^ 0x5a)) {
        fail("a block lost its last byte");
    }
    return size;
}

/// What `way` returns, which allocates so many bytes; every way but realloc
/// goes through here. Not stamped yet.
template <class Way>
void* take_by(std::size_t size, Way way) noexcept {
    void* block = watch::on() ? watch::take(size, way) : way();
    if (block == nullptr) fail("out of memory");
    return block;
}

inline void* make(std::size_t size) noexcept {
    void* block = take_by(size, [size] { return std::malloc(size); });
    stamp(block, size);
    return block;
}

/// Verifies and frees; returns the size for the checksum.
inline std::uint64_t drop(void* block) noexcept {
    const std::size_t size = verify(block);
    if (watch::on()) {
        watch::give(block, size);
    } else {
        std::free(block);
    }
    return size;
}

/// The workload's own bookkeeping: zeroed memory from the system, resident from
/// the start, so that it costs every allocator the same.
template <class T>
class Table {
  public:
    explicit Table(std::size_t count) noexcept : count_(count) {
        void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED) fail("no memory for the bookkeeping");
        items_ = static_cast<T*>(memory);
    }
    ~Table() { munmap(items_, bytes()); }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    T& operator[](std::size_t i) noexcept { return items_[i]; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] T* begin() noexcept { return items_; }
    [[nodiscard]] T* end() noexcept { return items_ + count_; }

  private:
    [[nodiscard]] std::size_t bytes() const noexcept { return count_ * sizeof(T); }

    std::size_t count_;
    T* items_ = nullptr;
};

/// Allocates a block for each place; returns their bytes.
template <class Sizes>
std::uint64_t fill(Table<void*>& blocks, Random& random) noexcept {
    std::uint64_t bytes = 0;
    for (void*& block : blocks) {
        const std::size_t size = Sizes::draw(random);
        block = make(size);
        bytes += size;
    }
    return bytes;
}

inline std::uint64_t drop_all(Table<void*>& blocks) noexcept {
    std::uint64_t sum = 0;
    for (void*& block : blocks) {
        if (block != nullptr) sum += drop(block);
        block = nullptr;
    }
    return sum;
}

}  // namespace bench

#endif

// realloc: one buffer that grows to several megabytes, and many strings that
// grow side by side.
#include "blocks.hpp"
#include "measure.hpp"

namespace bench {
namespace {

/// Resizes a stamped block: verifies that the old content was copied, and
/// writes the new part.
void* regrow(void* block, std::size_t old_size, std::size_t size) noexcept {
    const std::uint64_t word = old_size ^ mixed(block);
    void* grown = std::realloc(block, size);
    if (grown == nullptr) fail("out of memory");
    std::uint64_t kept;
    std::memcpy(&kept, grown, sizeof kept);
    const auto last = static_cast<unsigned char>(old_size ^ 0x5a);
    if (kept != word || static_cast<unsigned char*>(grown)[old_size - 1] != last)
        fail("realloc lost the content");
    touch_pages(grown, old_size, size);
    const std::uint64_t next = size ^ mixed(grown);
    std::memcpy(grown, &next, sizeof next);
    static_cast<unsigned char*>(grown)[size - 1] = static_cast<unsigned char>(size ^ 0x5a);
    escape(grown);
    if (watch::on()) watch::resized(old_size, size);
    return grown;
}

template <std::size_t Multiplier, std::size_t Divisor, std::size_t Step, std::size_t Limit>
void grow_buffer(Measure& measure, std::uint64_t base) {
    const std::uint64_t rounds = measure.scaled(base);
    std::uint64_t operations = 0;
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < rounds; ++i) {
        std::size_t size = 64;
        void* buffer = make(size);
        while (size < Limit) {
            const std::size_t next = size * Multiplier / Divisor + Step;
            buffer = regrow(buffer, size, next);
            size = next;
            ++operations;
        }
        sum += drop(buffer);
    }
    measure.stop();
    measure.add(operations, sum);
}

void grow_by_half(Measure& measure) { grow_buffer<3, 2, 0, 8u << 20>(measure, 200); }
void grow_by_step(Measure& measure) { grow_buffer<1, 1, 40'000, 4u << 20>(measure, 400); }

/// Strings grow at random; one that passes 4 KiB is freed and starts again.
void grow_strings(Measure& measure) {
    constexpr std::uint32_t strings = 1'000;
    const std::uint64_t appends = measure.scaled(8'000'000);
    Table<void*> texts(strings);
    Random random(10);
    fill<Fixed<16>>(texts, random);
    std::uint64_t sum = 0;
    measure.start();
    for (std::uint64_t i = 0; i < appends; ++i) {
        void*& text = texts[random.below(strings)];
        const std::size_t size = verify(text);
        if (size > 4096) {
            sum += drop(text);
            text = make(16);
        } else {
            text = regrow(text, size, size + 8 + random.below(56));
        }
    }
    measure.stop();
    measure.add(appends, sum + drop_all(texts));
}

/// Vectors of words that double when they are full, by a new block, a copy, and
/// the old block's release, as in C++. The words lie between the parts of the
/// stamp.
class Vectors {
  public:
    explicit Vectors(std::uint32_t count) noexcept
        : blocks_(count), sizes_(count), capacities_(count) {
        for (std::uint32_t i = 0; i < count; ++i) begin(i);
    }
    void push(std::uint32_t i, std::uint64_t word) noexcept {
        if (sizes_[i] == capacities_[i]) grow(i);
        words(i)[sizes_[i]++] = word + i;
    }
    [[nodiscard]] std::uint32_t size(std::uint32_t i) noexcept { return sizes_[i]; }
    [[nodiscard]] std::uint64_t back(std::uint32_t i) noexcept {
        return words(i)[sizes_[i] - 1] - i;
    }

    /// Frees a vector after it checked that its words increase, and starts it
    /// again.
    void restart(std::uint32_t i) noexcept {
        for (std::uint32_t j = 1; j < sizes_[i]; ++j) {
            if (words(i)[j - 1] >= words(i)[j]) fail("a vector lost its content");
        }
        sum_ += back(i);
        sum_ += drop(blocks_[i]);
        begin(i);
    }
    std::uint64_t empty() noexcept { return sum_ + drop_all(blocks_); }
    [[nodiscard]] std::uint64_t moves() const noexcept { return moves_; }

  private:
    static constexpr std::uint32_t least = 2;

    static std::size_t bytes(std::uint32_t capacity) noexcept {
        return 8 + std::size_t{capacity} * 8 + 8;
    }
    std::uint64_t* words(std::uint32_t i) noexcept {
        return static_cast<std::uint64_t*>(blocks_[i]) + 1;
    }
    void begin(std::uint32_t i) noexcept {
        blocks_[i] = make(bytes(least));
        capacities_[i] = least;
        sizes_[i] = 0;
        ++moves_;
    }
    void grow(std::uint32_t i) noexcept {
        void* grown = make(bytes(capacities_[i] * 2));
        std::memcpy(static_cast<std::uint64_t*>(grown) + 1, words(i), std::size_t{sizes_[i]} * 8);
        sum_ += drop(blocks_[i]);
        blocks_[i] = grown;
        capacities_[i] *= 2;
        ++moves_;
    }

    Table<void*> blocks_;
    Table<std::uint32_t> sizes_;
    Table<std::uint32_t> capacities_;
    std::uint64_t sum_ = 0;
    std::uint64_t moves_ = 0;
};

void grow_vectors(Measure& measure) {
    constexpr std::uint32_t vectors = 1'000;
    constexpr std::uint32_t longest = 8'192;
    const std::uint64_t runs = measure.scaled(14'000'000);
    Random random(17);
    Vectors some(vectors);
    std::uint64_t word = 0;
    measure.start();
    for (std::uint64_t i = 0; i < runs; ++i) {
        const std::uint32_t one = random.below(vectors);
        for (std::uint32_t more = 1 + random.below(16); more > 0; --more) some.push(one, ++word);
        // seven of eight stay short
        if (some.size(one) > longest || (one % 8 != 0 && random.below(16) == 0)) some.restart(one);
    }
    measure.stop();
    measure.add(some.moves(), some.empty());
}

constexpr Workload workloads[] = {
    {"grow-by-half", "grow", 1, grow_by_half,
     "realloc of one buffer to 8 MiB, by half of its size each time"},
    {"grow-by-step", "grow", 1, grow_by_step,
     "realloc of one buffer to 4 MiB, by 40,000 bytes each time"},
    {"grow-strings", "grow", 1, grow_strings,
     "1,000 strings of up to 4 KiB appended to at random by realloc"},
    {"grow-vectors", "grow", 1, grow_vectors,
     "1,000 vectors that double when full, by copying to a new block; up to 64 KiB"},
};

}  // namespace

Theme growth() noexcept { return theme(workloads); }

}  // namespace bench

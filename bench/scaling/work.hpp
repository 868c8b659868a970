// The kinds of allocation work of ashlar_counters, the same for any number of
// threads.
#ifndef ASHLAR_BENCH_WORK_HPP
#define ASHLAR_BENCH_WORK_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

namespace bench {

class Work {
  public:
    Work() = default;
    virtual ~Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    /// Not counted: the thread prepares its data.
    virtual void prepare(unsigned) {}
    /// Counted. Returns the operations: allocated blocks, each of which some
    /// thread frees.
    virtual std::uint64_t run(unsigned self) = 0;
    /// Not counted; runs after all threads.
    virtual void finish(unsigned) {}
};

struct Kind {
    const char* name;
    const char* what;
    unsigned least_threads;
    unsigned generations;  // over 1: so often new threads do run(), and their start and end count
    // Operations: of each thread.
    std::unique_ptr<Work> (*make)(unsigned threads, std::uint64_t operations);
};

struct Kinds {
    const Kind* first;
    std::size_t count;
    [[nodiscard]] const Kind* begin() const noexcept { return first; }
    [[nodiscard]] const Kind* end() const noexcept { return first + count; }
};
Kinds kinds_alone() noexcept;   // every thread frees what it allocates
Kinds kinds_across() noexcept;  // blocks pass from thread to thread

/// Ends the program, with a line on stderr.
[[noreturn]] void fail(const char* what) noexcept;

/// A block of Ashlar with a stamp, which its free checks.
void* make(std::size_t size) noexcept;
void drop(void* block) noexcept;

/// xorshift64*
class Random {
  public:
    explicit constexpr Random(std::uint64_t seed) noexcept
        : state_((seed + 1) * 0x9e3779b97f4a7c15u) {}
    constexpr std::uint32_t below(std::uint32_t bound) noexcept {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::uint32_t>((((state_ * 0x2545f4914f6cdd1du) >> 32) * bound) >> 32);
    }
    /// least .. most, both included
    constexpr std::size_t between(std::uint32_t least, std::uint32_t most) noexcept {
        return least + below(most - least + 1);
    }

  private:
    std::uint64_t state_;
};

}  // namespace bench

#endif

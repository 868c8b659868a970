// The stacks of the last allocations and frees (ASHLAR_STACKS), for reports.
// A ring of records that are mapped at the start. While it is on, each thread's
// cache is hidden from the hit paths, so that every call passes here.
// Lock-free, any thread, except start().
#ifndef ASHLAR_MALLOC_PROCESS_RECORDED_STACKS_HPP
#define ASHLAR_MALLOC_PROCESS_RECORDED_STACKS_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::cache {

enum class BlockCall : unsigned { allocation = 1, free };

class RecordedStacks {
  public:
    static constexpr unsigned kMostFrames = 16;

    // Called before the program has more than one thread. Without memory
    // nothing is recorded.
    void start(std::uint32_t records) noexcept;
    // Relaxed: as start() says.
    [[nodiscard]] bool on() const noexcept { return records_.load(base::rlx) != nullptr; }
    // The calling thread allocates or frees a block. O(frames).
    void add(BlockCall call, const void* block) noexcept;

    struct Found {
        std::uint64_t number;  // of the call, from 1
        std::uint64_t age;     // calls since
        std::uint32_t thread;
        unsigned count;  // 0: none is found
        std::uintptr_t frames[kMostFrames];
    };
    // The latest call of this kind for a block that is still recorded, of those
    // with a number below `before`. O(N).
    [[nodiscard]] Found find(BlockCall call, const void* block,
                             std::uint64_t before = ~std::uint64_t{0}) const noexcept;

  private:
    // A writer that is overtaken by the whole ring leaves a mixture of two
    // records. `check` is wrong then, and readers skip it.
    struct Record {
        base::Atomic<std::uint64_t> number;  // of the call, from 1
        base::Atomic<std::uint64_t> block;
        base::Atomic<std::uint64_t> call_thread;  // the thread in the low half
        base::Atomic<std::uint64_t> check;
        base::Atomic<std::uintptr_t> frames[kMostFrames];  // 0 ends them
    };

    base::Atomic<Record*> records_;
    std::uint32_t size_;
    base::Atomic<std::uint64_t> calls_;
};

extern RecordedStacks recorded_stacks;

}  // namespace ashlar::cache

#endif

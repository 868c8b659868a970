// The record of a guarded page: its state, its block, and the calls that
// allocated and freed it. A report copies it while other threads go on, so that
// all of it is atomic; the state tells whether the copy is whole.
#ifndef ASHLAR_MALLOC_GUARDS_GUARD_RECORD_HPP
#define ASHLAR_MALLOC_GUARDS_GUARD_RECORD_HPP

#include <cstddef>
#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::guards {

// A thread's calls, the innermost first.
struct Calls {
    static constexpr unsigned kMost = 16;
    std::uint32_t thread;  // its number in the system; 0: there are none
    std::uint32_t count;
    std::uintptr_t frames[kMost];

    // Of the calling thread.
    [[gnu::noinline]] static Calls now() noexcept;
    // Of the calling thread, where a signal has interrupted it.
    [[nodiscard]] static Calls at_signal(const void* context) noexcept;
};

enum class PageState : unsigned { free, taken, live, freeing };

// The state of a guarded page in a word: its kind, and a number that each take
// and each free raises. The free page with the least number is reused first.
//
//   free -> taken -> live -> freeing -> free
struct PageWord {
    std::uint64_t word;
    static constexpr PageWord of(std::uint64_t stamp, PageState kind) noexcept {
        return {stamp << 2 | static_cast<unsigned>(kind)};
    }
    [[nodiscard]] constexpr PageState kind() const noexcept {
        return static_cast<PageState>(word & 3);
    }
    [[nodiscard]] constexpr PageWord as(PageState kind) const noexcept {
        return of(word >> 2, kind);
    }
    [[nodiscard]] constexpr bool used() const noexcept { return word >> 2 != 0; }
};

class alignas(base::kCacheLine) Record {
  public:
    struct Copy {
        PageWord state;
        std::uintptr_t block;  // 0: there was none
        std::size_t size;
        Calls taken, freed;
        bool whole;    // false: the page was reused meanwhile
        bool on_page;  // set by GuardedBlocks::nearest()

        [[nodiscard]] bool live() const noexcept { return state.kind() == PageState::live; }
    };

    // Relaxed: a guess, which change() tests.
    [[nodiscard]] PageWord guess() const noexcept { return {state_.load(base::rlx)}; }
    // [E60] acquire, pairs with the release below: the block of the state.
    [[nodiscard]] PageWord state() const noexcept { return {state_.load(base::acq)}; }
    // [E60] acq_rel: of two takes, or two frees, only one succeeds; the next
    // holder of the page is ordered after the last one's system calls.
    [[nodiscard]] bool change(PageWord& from, PageWord to) noexcept {
        return state_.cas(from.word, to.word, base::acq_rel, base::acq);
    }
    // By the thread that changed it to taken or freeing. [E60] release.
    void finish(PageWord to) noexcept { state_.store(to.word, base::rel); }

    void set_block(std::uintptr_t block, std::size_t size, const Calls& calls) noexcept;
    void set_freed(const Calls& calls) noexcept { freed_.set(calls); }
    // Relaxed, both: the caller has loaded a state that has the block.
    [[nodiscard]] std::uintptr_t block() const noexcept { return block_.load(base::rlx); }
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(base::rlx); }
    // Tries a few times to get a whole copy.
    [[nodiscard]] Copy copy() const noexcept;

  private:
    struct AtomicCalls {
        base::Atomic<std::uint32_t> thread, count;
        base::Atomic<std::uintptr_t> frames[Calls::kMost];

        void set(const Calls& from) noexcept;
        [[nodiscard]] Calls get() const noexcept;
    };

    base::Atomic<std::uint64_t> state_;
    base::Atomic<std::uintptr_t> block_;
    base::Atomic<std::size_t> size_;
    AtomicCalls taken_, freed_;
};

}  // namespace ashlar::guards

#endif

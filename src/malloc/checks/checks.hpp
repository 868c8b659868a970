// The checks of a heap of level `full` on its blocks. handed_out() and
// taken_back() are the two hooks: every block passes the first on its way to
// the program and the second on its way back. Between them its state is live,
// a canary lies behind the bytes that were asked for, and in between two lives
// its first bytes have a pattern. Lock-free, any thread. A heap of a lower
// level calls none of these but on().
#ifndef ASHLAR_MALLOC_CHECKS_CHECKS_HPP
#define ASHLAR_MALLOC_CHECKS_CHECKS_HPP

#include <cstddef>
#include <cstdint>

#include "core/arena/arena.hpp"
#include "core/spans/spans.hpp"
#include "malloc/settings/check_level.hpp"

namespace ashlar::checks {

using settings::CheckLevel;

class Checks {
  public:
    // Once, before the heap is published.
    void start(CheckLevel level, const spans::Spans& spans, const arena::Arena& arena) noexcept;
    [[nodiscard]] CheckLevel level() const noexcept { return level_; }
    [[nodiscard]] bool on() const noexcept { return level_ >= CheckLevel::full; }
    [[nodiscard]] bool paranoid() const noexcept { return level_ == CheckLevel::paranoid; }

    struct Sizes {
        std::size_t asked;   // what the program has asked for
        std::size_t usable;  // 0: the pointer is not the start of a live block
    };
    [[nodiscard]] Sizes sizes(const void* block) const noexcept;
    // Compares what the hooks below would, of all blocks in slabs and of live
    // runs. Ends the program as they do. Only while no other thread uses the
    // heap. O(blocks), and paranoid heaps read the free ones.
    void compare_all() const noexcept;

    // The heap gives a block of a bin to the program, which asked for `size`
    // bytes. Bin 0: a long run. `zero`: the block is known to read as zero.
    // Ends the program if the block was written to while it was free.
    void handed_out(void* block, base::Bin bin, std::size_t size, bool zero) const noexcept;
    // The program gives back what may be a block of a unit with that bin. Ends
    // the program if the block was not live, has not the size that the program
    // names, or if bytes behind it were written to. False: the pointer is not
    // the start of a block, and nothing has changed.
    [[nodiscard]] bool taken_back(void* block, base::Bin bin,
                                  std::size_t size = kAnySize) const noexcept;
    static constexpr std::size_t kAnySize = ~std::size_t{0};
    // The program has `size` bytes of a live block from now on, in place. Ends
    // the program as taken_back(). False: it does not fit.
    [[nodiscard]] bool resized(void* block, std::size_t size) const noexcept;

    // The two hooks for a block of a slab, inline (checks_inline.hpp).
    // handed_out_of_class(): nothing is known about the bytes of the block.
    // taken_back_of_class() calls refuse() if it is no live block; that ends
    // the program.
    template <bool is_paranoid>
    void handed_out_of_class(void* block, base::Bin bin, std::size_t size) const noexcept;
    template <bool is_paranoid, class F>
    void taken_back_of_class(void* block, base::Bin bin, std::size_t size, F refuse) const noexcept;
    // False: no block begins there. Ends the program if a free one does.
    [[nodiscard]] bool refused(void* block, base::Bin bin) const noexcept;

  private:
    enum class Width : std::uint8_t { narrow, half, wide };
    struct Spot {
        std::uintptr_t offset;  // in the region
        std::size_t usable;     // 0: no block starts there
        Width width;            // of its entry
    };
    [[nodiscard]] std::uintptr_t offset_of(const void* block) const noexcept {
        return reinterpret_cast<std::uintptr_t>(block) - base_;
    }
    [[nodiscard]] Spot find(const void* block) const noexcept;
    [[nodiscard]] Spot find(const void* block, base::Bin bin) const noexcept;
    [[nodiscard]] Spot find_run(std::uintptr_t address) const noexcept;
    template <class F>
    auto with_entry(const Spot& spot, F f) const noexcept;
    template <bool is_paranoid, class Entry>
    void hand_out(Entry& entry, void* block, std::size_t usable, std::size_t slack) const noexcept;
    template <bool is_paranoid>
    void take_back(void* block, std::size_t usable, std::size_t slack,
                   std::size_t size) const noexcept;
    [[nodiscard]] std::uint64_t canary(const void* block) const noexcept;
    void put_canary(void* block, std::size_t usable, std::size_t slack) const noexcept;
    void check_canary(const void* block, std::size_t usable, std::size_t slack) const noexcept;

    CheckLevel level_;
    std::uintptr_t base_;  // of the region
    const spans::Spans* spans_;
    const arena::Arena* arena_;
    arena::BlockStates states_;
    std::uint64_t secret_;  // of this heap's canaries
};

}  // namespace ashlar::checks

#endif

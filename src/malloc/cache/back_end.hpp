// The back end of a heap: spans, arena and depot, and the policy between them.
// `Heap` derives from it. A cache includes only this header, so that the cache
// layer stays below the heap layer. Lock-free, any thread.
#ifndef ASHLAR_MALLOC_CACHE_BACK_END_HPP
#define ASHLAR_MALLOC_CACHE_BACK_END_HPP

#include <cstddef>
#include <cstdint>

#include "core/arena/arena.hpp"
#include "core/spans/spans.hpp"
#include "malloc/cache/request.hpp"
#include "malloc/depot/depot.hpp"

namespace ashlar::cache {

class BackEnd {
  public:
    [[nodiscard]] const region::Region& region() const noexcept { return spans.region(); }

    // Bytes of free blocks that the depot may keep from their slabs: an eighth
    // of what is in use, or 8 MiB if that is more.
    [[nodiscard]] std::size_t depot_budget() const noexcept {
        constexpr std::size_t kLeast = std::size_t{8} << 20;
        const std::size_t share = spans.held() << (base::kUnitShift - 3);
        return share > kLeast ? share : kLeast;
    }
    // Gives the blocks in the depot's magazines of a class back to their slabs,
    // of at most so many magazines.
    void flush_depot(base::Bin c, std::uint32_t most = ~0U) noexcept;

    // As Arena::take() and Arena::take_first(). The frontier rises only when
    // nothing fits and few complete slabs are left to retire.
    [[nodiscard]] std::uint32_t take_blocks(base::Bin c, base::Atomic<base::UnitId>& cur,
                                            void** out, std::uint32_t want, bool& fresh) noexcept {
        const std::uint32_t n = arena.take(c, cur, out, want, fresh, may_grow());
        return n != 0 ? n : take_blocks_again(c, cur, out, want, fresh);
    }
    [[nodiscard]] std::uint32_t take_first(base::Bin c, base::Atomic<base::UnitId>& cur,
                                           void** out) noexcept {
        return arena.take_first(c, cur, out, may_grow());
    }
    // A large run, as Spans::take_large(), by the same rule.
    [[nodiscard]] Allocation take_run(std::uint32_t units, std::uint32_t align) noexcept;
    // Frees a run. Any pointer that is not the start of a live run ends the
    // program.
    void give_run(void* block) noexcept;

    // Closes a run of a guarded heap, which give_closed_run() frees later.
    void close_run(void* block, base::Bin bin) noexcept {
        spans.close(region().unit(reinterpret_cast<std::uintptr_t>(block)),
                    base::units_of_run(bin));
    }
    void give_closed_run(void* block) noexcept;

    [[nodiscard]] bool give_large(std::uintptr_t address, bool closed = false) noexcept;

    // Ends the program over a pointer that is not the start of a live block.
    [[noreturn]] void report(const void* pointer) const noexcept;

    // Once a second: purges aged units and retires complete slabs. Cheap
    // otherwise. For callers on slow paths.
    void tick() noexcept;
    // A further task of each tick(), free of a run, and end of a thread; null:
    // none. Set before the heap is published.
    void (*also_tick)() noexcept;

    // Looks at a block of a class that leaves a quarantine. Set before the heap
    // is published, if its caches have quarantines.
    void (*leaves_quarantine)(const void* block, base::Bin c) noexcept;

    spans::Spans spans;
    arena::Arena arena;
    depot::Depot depot;

  private:
    // Complete slabs that are kept for their classes. In a guarded heap two
    // system calls make one of another class.
    static constexpr std::int32_t kSparedReclaimable = 8;
    static constexpr std::int32_t kSparedGuarded = 64;

    [[nodiscard]] bool may_grow() const noexcept {
        return arena.reclaimable() <= (spans.guarded() ? kSparedGuarded : kSparedReclaimable);
    }
    template <class Take>
    [[nodiscard]] auto retire_and_take(Take take) noexcept;
    [[nodiscard]] std::uint32_t take_blocks_again(base::Bin c, base::Atomic<base::UnitId>& cur,
                                                  void** out, std::uint32_t want,
                                                  bool& fresh) noexcept;
};

}  // namespace ashlar::cache

#endif

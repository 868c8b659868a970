// A heap: region, spans, arena, depot and caches, all in one mapping. The process heap is one, every ashlar::Heap is one.
// Lock-free, any thread, except create() and destroy(), which nobody else may see.
#ifndef ASHLAR_CACHE_CORE_HPP
#define ASHLAR_CACHE_CORE_HPP

#include <cstddef>
#include <cstdint>

#include "arena/arena.hpp"
#include "base/index.hpp"
#include "cache/cache.hpp"
#include "depot/depot.hpp"
#include "spans/spans.hpp"

namespace ashlar::cache {

class Core {
  public:
    // A heap of `units` units with room for `caches` thread caches; nullptr where the source refuses.
    [[nodiscard]] static Core* create(const region::Source& source, base::UnitId units, std::uint32_t caches) noexcept;
    static void destroy(Core* core) noexcept;

    [[nodiscard]] const region::Region& region() const noexcept { return spans.region(); }
    [[nodiscard]] std::size_t mapped() const noexcept { return bytes_; }

    // A cache for the calling thread, empty or not; nullptr: all are in use.
    [[nodiscard]] Cache* take_cache() noexcept;
    // Flushed by the caller.
    void give_cache(Cache* cache) noexcept;

    // Without a cache of one's own: through one of the shared caches; through the slabs where all of those are busy.
    [[nodiscard]] void* take(base::Bin bin) noexcept;
    void give(void* block, base::Bin bin) noexcept;

    // Bytes that the depot may keep from the slabs: an eighth of the heap, or 8 MiB.
    [[nodiscard]] std::size_t depot_budget() const noexcept {
        constexpr std::size_t kLeast = std::size_t{8} << 20;
        const std::size_t share = spans.held() << (base::kUnitShift - 3);
        return share > kLeast ? share : kLeast;
    }

    struct Size {
        base::Bin bin;      // 0: a large run without a bin
        std::size_t bytes;  // 0: the pointer is not the start of a block
    };
    // Of a block that the program holds; what is not one has 0 bytes.
    [[nodiscard]] Size size_of(const void* block) const noexcept;
    // Ends the program over a pointer that is not the start of a block of this heap.
    [[noreturn]] void report(const void* pointer) const noexcept;
    // A block without a bin: a large run, or a fault.
    void give_large(void* block) noexcept;
    // A large run, as Spans::take_large().
    [[nodiscard]] spans::Run take_run(std::uint32_t units, std::uint32_t align) noexcept;
    // At least `bytes`, aligned to a multiple of `alignment` over a unit; nullptr: out of memory. `zero`: known to be zero.
    [[nodiscard]] void* take_large(std::size_t bytes, std::size_t alignment, bool& zero) noexcept;
    // Grows or shrinks a large block of `from` bytes to hold `to`, in place; false: nothing changed.
    [[nodiscard]] bool resize(void* block, std::size_t from, std::size_t to) noexcept;

    // Gives back what the depot keeps of a class.
    void flush_depot(base::Bin c) noexcept;
    // Brings what caches, depot and complete slabs keep back to the units, as far as nobody is using it.
    void reclaim() noexcept;
    // reclaim(), and gives all free pages to the system. Returns whether there were any.
    bool trim() noexcept;
    // Nobody else may use the heap meanwhile. False: the visitor stopped it.
    bool visit(arena::BlockVisitor visitor, void* context) noexcept;
    [[nodiscard]] std::size_t check() const noexcept;

    // In the child of a fork; `own` is the cache of the only thread there is. Caches of others are taken over at the next miss.
    void adopt_fork(const Cache* own) noexcept;
    // Flushes caches of threads that a fork left behind, if there are any.
    void adopt_orphans() noexcept {
        if (left_behind_.load(base::rlx) != 0) [[unlikely]]
            adopt_some();
    }

    spans::Spans spans;
    arena::Arena arena;
    depot::Depot depot;
    bool single;  // made for one large block; written before anybody else knows of it

  private:
    static constexpr std::uint32_t kShared = 16;

    void layout(region::Carver& carver, const region::Region& region, std::uint32_t caches) noexcept;
    template <class F>
    bool with_shared(F f) noexcept;
    void adopt_some() noexcept;
    void flush_shared() noexcept;
    static void hide_cached(void* core, base::Bin c, std::uintptr_t slab, base::Word* live) noexcept;

    void* mapping_;
    std::size_t bytes_;
    Cache* shared_;
    Cache* caches_;
    std::uint32_t most_caches_;
    base::Index idle_;                         // thread caches that nobody has, empty
    base::Index orphaned_;                     // thread caches whose thread a fork left behind
    base::Atomic<std::uint32_t> born_;         // caches [0, born) have been handed out at least once
    base::Atomic<std::uint32_t> left_behind_;  // 1: what a fork left behind is still to be taken over; a hint
};

}  // namespace ashlar::cache

#endif

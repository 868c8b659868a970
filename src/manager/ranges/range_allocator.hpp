// Ranges of offsets: the coalescing range allocator of a MemoryManager. Every
// byte of the buffer belongs to one range, a hole or a block; the ranges are a
// list by address, holes never touch (unless the policy keeps pieces), and the
// policy says which hole is cut. Sequential code: the caller holds the
// manager's lock. Nothing here reads or writes the buffer.
//
//   | block | hole      | block | block | hole |          ranges_[id].below / above: the neighbours
//   by address, a ring through record 0
//
// Blocks are found by their start through the directory, in O(1).
#ifndef ASHLAR_MANAGER_RANGES_RANGE_ALLOCATOR_HPP
#define ASHLAR_MANAGER_RANGES_RANGE_ALLOCATOR_HPP

#include <ashlar/policy.hpp>
#include <cstdint>

#include "base/bits.hpp"
#include "core/region/region.hpp"
#include "core/region/step_tables.hpp"
#include "manager/ranges/directory.hpp"
#include "manager/ranges/hole_index.hpp"
#include "manager/ranges/kind.hpp"

namespace ashlar::ranges {

class RangeAllocator {
  public:
    // `most` ranges at a time (at most 2^32 - 2), holes and fences included,
    // over at most `limit` bytes. Attaches the policy when the carver places.
    // If the memory is not fresh, continues with the state that is in it.
    void layout(region::Carver& carver, Policy& policy, Size limit, std::uint32_t most) noexcept;

    // Appends `size` bytes of free space behind the end; `contiguous`: blocks
    // may lie across the old end. False: no record left, or the limit is
    // passed; nothing changed.
    [[nodiscard]] bool grow(Size size, bool contiguous) noexcept;
    // Takes up to `most` free bytes off the end; returns how many. Fences with
    // nothing behind them go too.
    Size shrink(Size most) noexcept;

    // A new block; no_range: nothing fits, or no record is left; nothing
    // changed. size >= 1, alignment a power of two. O(1) beside the policy.
    [[nodiscard]] RangeId take(Size size, Size alignment) noexcept;
    // The same by a strategy. O(log n) expected, once prepared.
    [[nodiscard]] RangeId take_by(Strategy strategy, Size size, Size alignment) noexcept;
    // Builds the tree of holes that a strategy needs, if it does, over at most
    // `steps` ranges. True: it is there. Else take_by() would build the rest.
    [[nodiscard]] bool prepare(Strategy strategy, std::uint32_t steps) noexcept;
    // Forgets that tree, until the next request that needs it.
    void drop_index() noexcept;
    // Exactly these bytes, if all are free; size >= 1. O(log n) expected: see
    // Directory::last_up_to.
    [[nodiscard]] RangeId take_at(Offset start, Size size) noexcept {
        return take_at(start, size, size);
    }
    // The same for a block of which only `asked` bytes were asked for: one that
    // moves keeps its shape.
    [[nodiscard]] RangeId take_at(Offset start, Size size, Size asked) noexcept;
    // The same above all blocks, in O(1) beside the policy.
    [[nodiscard]] RangeId append(Offset start, Size size, Size asked) noexcept;
    // Frees a block, and coalesces it with both neighbours. Never needs a
    // record.
    void give(RangeId block) noexcept;
    // The same for callers that include range_allocator_inline.hpp: the whole
    // call is inlined, for the two most frequent calls. link_to(): the link to
    // the block that starts there; *link is no_range if there is none. Valid
    // until the next change.
    [[nodiscard, gnu::always_inline]] RangeId take_inline(Size size, Size alignment) noexcept;
    [[gnu::always_inline]] void give_inline(RangeId* link) noexcept;
    [[nodiscard]] RangeId* link_to(Offset start) const noexcept {
        return directory_.link_to(start);
    }
    // Frees all blocks. Fences stay. Never needs a record. O(records that were
    // ever in use), beside the policy's erase().
    void clear() noexcept;
    // In place, up or down, to the size that the policy makes of it; false:
    // nothing changed.
    [[nodiscard]] bool resize(RangeId block, Size size) noexcept;

    // The block that starts there; no_range: none does. O(1) expected.
    [[nodiscard]] RangeId at(Offset start) const noexcept { return directory_.find(start); }
    // The block with that byte, or no_range. O(log n) expected: see Directory.
    [[nodiscard]] RangeId covering(Offset offset) noexcept;
    // The highest block that starts at or below it, or no_range; likewise.
    [[nodiscard]] RangeId block_up_to(Offset offset) noexcept {
        return directory_.last_up_to(offset);
    }

    // All ranges by address.
    [[nodiscard]] RangeId first() const noexcept { return ranges_[no_range].above; }
    [[nodiscard]] RangeId last() const noexcept { return ranges_[no_range].below; }
    [[nodiscard]] Ranges ranges() const noexcept { return ranges_; }
    [[nodiscard]] Range& operator[](RangeId id) const noexcept { return ranges_[id]; }

    struct Totals {
        // Bytes; `used` in blocks, as the policy rounded them; peak of used.
        Size capacity, used, peak;
        Size rounding;  // the part of `used` beyond the sizes asked for
        std::uint64_t blocks, holes;
        bool operator==(const Totals&) const noexcept = default;
    };
    [[nodiscard]] const Totals& totals() const noexcept { return state_->totals; }
    void reset_peak() noexcept { state_->totals.peak = state_->totals.used; }
    [[nodiscard]] Size largest() const noexcept { return policy_->largest(); }
    [[nodiscard]] Policy& policy() const noexcept { return *policy_; }
    // Records that are left for further ranges, if the system opens them.
    [[nodiscard]] std::uint32_t spare() const noexcept {
        return state_->spare + (most_ + 1 - state_->opened);
    }
    // Whether so many further ranges have records, which are opened if need be.
    [[nodiscard]] bool has_spare(std::uint32_t records) noexcept {
        return state_->spare >= records || open_records(records);
    }
    // From now on a table by RangeId, carved by Carver::stepped(), is open
    // wherever records are. False: the system refuses.
    [[nodiscard]] bool open_with_records(const void* table, std::size_t entry_bytes) noexcept {
        return steps_.add(table, entry_bytes, state_->opened);
    }

    // Bytes of records and tables in use.
    [[nodiscard]] Size metadata() const noexcept;
    // Gives back parts of the directory, in O(most). True: there may be more.
    bool trim_directory(std::uint32_t most) noexcept { return directory_.trim_groups(most); }
    // Gives back pages of records of which none is in use, if a quarter of all
    // records is unused. O(records).
    void trim_records() noexcept;

    // The number of broken invariants, each told to `tell(context, line)`.
    // O(n).
    using Tell = void (*)(void* context, const char* line);
    [[nodiscard]] std::size_t check(Tell tell, void* context) const noexcept;

  private:
    struct State {
        Totals totals;
        Size limit;
        std::uint32_t created;  // records [1, created] were in use at some time
        // Those that are not any more, a list through `chain`; others are on
        // clean pages.
        RangeId unused;
        std::uint32_t opened;  // records [0, opened) are accessible
        std::uint32_t spare;   // of them, those that may still be taken
        Size refused_size;     // no hole has room for so much at that alignment; ~0: not known
        Size refused_alignment;
        std::uint32_t lead;   // records before the first whole page
        std::uint32_t clean;  // pages that clean_ has a bit for
    };
    class Inspection;

    [[nodiscard]] static bool is_hole(const Range& range) noexcept {
        return kind(range) == Kind::hole;
    }
    [[nodiscard]] static Offset aligned(Offset start, Size alignment) noexcept {
        return (start + alignment - 1) & ~(alignment - 1);
    }
    [[nodiscard]] static Offset end_of(const Range& range) noexcept {
        return range.start + range.size;
    }

    // Records and the list.
    [[nodiscard]] RangeId fresh(RangeId below, Offset start, Size size) noexcept;
    void recycle(RangeId range) noexcept;
    [[gnu::noinline]] [[nodiscard]] RangeId reuse_page() noexcept;
    [[nodiscard]] bool open_index() noexcept;
    [[gnu::noinline]] [[nodiscard]] bool open_records(std::uint32_t spare) noexcept;
    [[gnu::noinline]] [[nodiscard]] RangeId take_opened(Size size, Size alignment) noexcept;
    [[nodiscard]] static std::uint32_t records_of_page() noexcept {
        return static_cast<std::uint32_t>(region::page_size() / sizeof(Range));
    }
    [[nodiscard]] std::uint32_t records_before_page() const noexcept;
    [[nodiscard]] bool all_unused(RangeId from, RangeId to) const noexcept;
    [[nodiscard]] bool is_clean(std::uint32_t page) const noexcept {
        return (clean_[page / base::kWordBits] & base::bit(page % base::kWordBits)) != 0;
    }
    [[nodiscard]] bool on_clean_page(RangeId id) const noexcept {
        return state_->clean != 0 && id >= state_->lead &&
               is_clean((id - state_->lead) / records_of_page());
    }
    // The policy is not asked again for a request that it refused, until a hole
    // comes or grows that has room for it. Holes that shrink change nothing.
    [[nodiscard]] bool refused(Size size, Size alignment) const noexcept {
        return size >= state_->refused_size && alignment >= state_->refused_alignment;
    }
    [[nodiscard]] RangeId refuse(Size size, Size alignment) noexcept {
        state_->refused_size = size;
        state_->refused_alignment = alignment;
        return no_range;
    }
    void gained(Offset start, Size size) noexcept {
        if (size < state_->refused_size) [[likely]]
            return;
        const Offset at = aligned(start, state_->refused_alignment);
        if (at >= start && start + size - at >= state_->refused_size && at < start + size)
            state_->refused_size = ~Size{0};
    }
    // The policy's holes. P: the policy's own type, or Policy.
    template <class P>
    void become_hole(P& policy, RangeId range) noexcept;
    template <class P>
    void absorb(P& policy, RangeId hole) noexcept;
    template <class P>
    [[nodiscard, gnu::always_inline]] RangeId take_from(P& policy, Size size,
                                                        Size alignment) noexcept;
    template <class P>
    [[gnu::always_inline]] void give_to(P& policy, RangeId block) noexcept;
    void become_hole(RangeId range) noexcept;
    void absorb(RangeId hole) noexcept;
    // Of that many bytes, all of them asked for.
    void become_block(RangeId range, Size size) noexcept;

    [[gnu::noinline]] [[nodiscard]] RangeId take_by_policy(Size size, Size alignment) noexcept;
    [[gnu::noinline]] void give_by_policy(RangeId block) noexcept;
    [[nodiscard]] RangeId take_padded(RangeId hole, Offset at, Size size) noexcept;
    [[nodiscard]] RangeId take_front(RangeId hole, Size size) noexcept;
    [[nodiscard]] RangeId take_top(RangeId hole, Offset at, Size size) noexcept;
    // Free ranges in the policy's shapes.
    [[nodiscard]] Size piece(Offset start, Size size) const noexcept;
    [[nodiscard]] std::uint32_t pieces(Offset start, Size size) const noexcept;
    // Records that giving a block of that shape will need beside its own: set
    // aside while it lives.
    [[nodiscard]] std::uint32_t debt(Offset start, Size size) const noexcept {
        return size == 0 ? 0 : pieces(start, size) - 1;
    }
    RangeId fill(RangeId below, Offset start, Size size) noexcept;
    void settle(RangeId range) noexcept;
    [[nodiscard]] bool merges(const Range& low, const Range& high) const noexcept;
    [[nodiscard]] RangeId take_shaped(Size size, Size alignment) noexcept;
    void give_shaped(RangeId block) noexcept;
    void keep_fence(RangeId fence) noexcept;
    [[nodiscard]] RangeId hole_with(Offset offset) noexcept;
    [[nodiscard]] RangeId last_hole_to(RangeId hole, Offset end,
                                       std::uint32_t& count) const noexcept;
    [[nodiscard]] RangeId carve(RangeId hole, Offset start, Size size, Size asked) noexcept;
    void absorb_above(RangeId below, std::uint32_t count) noexcept;
    [[nodiscard]] bool extend(RangeId block, Size size) noexcept;
    [[nodiscard]] bool reduce(RangeId block, Size size) noexcept;

    Policy* policy_ = nullptr;      // own_policy_, or index_ before it
    Policy* own_policy_ = nullptr;  // of the manager
    HoleIndex index_;
    bool index_open_ = false;  // its links
    Ranges ranges_;
    region::StepTables steps_;  // records, and what opens with them
    Directory directory_;
    static constexpr std::uint32_t kLeastPage = 64;  // records

    State* state_ = nullptr;
    base::Word* clean_ = nullptr;  // by page of records: given back, in no list
    std::uint32_t most_ = 0;
    std::size_t policy_bytes_ = 0;
    bool shaped_ = false;
};

}  // namespace ashlar::ranges

#endif

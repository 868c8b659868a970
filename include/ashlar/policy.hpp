/// \file
/// Placement policies of ashlar::MemoryManager: they choose the free range that
/// a block is cut from. A program may add its own by deriving from Policy.
#ifndef ASHLAR_POLICY_HPP
#define ASHLAR_POLICY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

#ifndef ASHLAR_API
/// Marks a symbol that the library exports.
#define ASHLAR_API __attribute__((visibility("default")))
#endif

namespace ashlar {

namespace ranges {
class HoleIndex;
class RangeAllocator;
class Tlsf;
}  // namespace ranges

/// A position in the buffer of a manager, in bytes from its beginning.
using Offset = std::uint64_t;
/// A length in bytes.
using Size = std::uint64_t;

/// Index of a range in its manager's table.
using RangeId = std::uint32_t;
/// The index that no range has. It ends lists of ranges.
inline constexpr RangeId no_range = 0;

/// Record of one range of the buffer: a hole, which is free, or a block.
///
/// The manager owns the records and writes them under its lock. They lie
/// outside the buffer. They hold no pointers, so that several processes may map
/// them at different addresses.
struct alignas(64) Range {
    /// First byte of the range.
    Offset start;
    /// Length in bytes, including what the policy added by rounding.
    Size size;
    /// The neighbour at the lower address; no_range at the beginning.
    RangeId below;
    /// The neighbour at the higher address; no_range at the end.
    RangeId above;
    /// For the policy's use while the range is a hole. Zero when
    /// Policy::insert() is called.
    std::uint32_t link[4];
    /// For the manager's use: chains records of one bucket.
    std::uint32_t chain;
    /// For the manager's use: the kind of the range and its marks.
    std::uint32_t state;
    /// For the manager's use: the requested bytes of a block.
    Size asked;
    /// For the manager's use: the user data of a block, or its handle.
    std::uint64_t user;
};
static_assert(sizeof(Range) == 64);

/// A policy's view of the table of all ranges. Indices stay valid and records
/// stay in place as long as the manager lives.
class Ranges {
  public:
    /// Creates a view of the records 0 to `last`. O(1).
    constexpr explicit Ranges(Range* table = nullptr, RangeId last = no_range) noexcept
        : table_(table), last_(last) {}
    /// Returns the record of a range, without a check. O(1).
    [[nodiscard]] Range& operator[](RangeId id) const noexcept { return table_[id]; }
    /// Returns the highest index. Policy::check() must not follow a link beyond
    /// it, since the record may be broken. O(1).
    [[nodiscard]] RangeId last() const noexcept { return last_; }

  private:
    Range* table_;
    RangeId last_;
};

/// Where one block is to be placed, beside what the policy does; see
/// BlockRequest::strategy.
enum class Strategy : std::uint8_t {
    /// Where the policy places it.
    by_policy,
    /// At the lowest offset that fits.
    lowest,
    /// At the highest offset that fits. With Placement::linear and
    /// Placement::ring, at the upper end of the space that the policy takes
    /// from, if it fits there.
    upper_end,
    /// In the smallest hole that fits.
    tight
};

/// A placement policy over the holes of one manager.
///
/// To write a policy, derive from this class and keep the holes in an order
/// that suits the search. The manager coalesces holes, cuts blocks and
/// validates arguments.
///
/// Thread safety: the manager calls one member at a time, under its lock. A
/// member must not throw and must not call the manager. Complexity: the cost of
/// each call adds to the manager's. The built-in policies keep all state in the
/// memory that attach() passes, as indices.
class ASHLAR_API Policy {
  public:
    /// Destroys the policy. The manager calls it when it ends.
    virtual ~Policy() = default;

    /// Returns the policy's name for reports, a string that outlives the
    /// policy.
    [[nodiscard]] virtual const char* name() const noexcept = 0;

    /// Returns how many bytes of state attach() is to pass, for a buffer that
    /// may grow to `limit` bytes. The default is 0.
    [[nodiscard]] virtual std::size_t state_bytes(Size limit) const noexcept {
        static_cast<void>(limit);
        return 0;
    }
    /// Connects the policy to its manager. Called once, before the members
    /// below. `state` is memory of state_bytes() bytes, aligned to 64 bytes. It
    /// is zero if `fresh`; otherwise another process has used it before.
    /// `ranges` and `state` stay valid as long as the manager lives.
    virtual void attach(Ranges ranges, void* state, bool fresh) noexcept = 0;

    /// Adds a hole. Its `start` and `size` are set.
    virtual void insert(RangeId hole) noexcept = 0;
    /// Removes a hole. It is unchanged since insert() or move().
    virtual void erase(RangeId hole) noexcept = 0;
    /// Gives a hole new bounds and sets them in its record. The hole lost or
    /// won bytes at its ends; its order among the holes by address is the same.
    /// The default calls erase() and insert(). Override it if there is a
    /// cheaper way.
    virtual void move(RangeId hole, Offset start, Size size) noexcept;

    /// Returns the hole to cut `size` bytes from, at a multiple of `alignment`.
    /// `size` is at least 1, `alignment` a power of two. The hole has room by
    /// fits(). Returns no_range only if no hole has room: the manager does not
    /// ask again for as much until a hole that has room comes.
    [[nodiscard]] virtual RangeId find(Size size, Size alignment) noexcept = 0;
    /// Returns whether find_by() follows a strategy. Strategy::by_policy is
    /// never asked for. Where the answer is false for Strategy::lowest or
    /// Strategy::upper_end, the manager keeps a tree of all holes by address
    /// from the first such request on. If the policy knows both, but not
    /// Strategy::tight, that tree is by size. Otherwise find() serves
    /// Strategy::tight. The answer never changes. The default is false.
    [[nodiscard]] virtual bool knows(Strategy strategy) const noexcept {
        static_cast<void>(strategy);
        return false;
    }
    /// Returns the hole for a request with a strategy, by the rules of find().
    /// A block of Strategy::upper_end is cut from the end of the hole. Called
    /// only if knows(strategy). The default is find().
    [[nodiscard]] virtual RangeId find_by(Strategy strategy, Size size, Size alignment) noexcept {
        static_cast<void>(strategy);
        return find(size, alignment);
    }
    /// Returns the size of the largest hole in bytes, 0 without holes. A policy
    /// that does not know it exactly may return up to 1/16 less.
    [[nodiscard]] virtual Size largest() const noexcept = 0;

    /// Returns the bytes that a request is rounded up to; 0 if it can never
    /// fit. Called only if shaped(). The default is `size`.
    [[nodiscard]] virtual Size rounded(Size size, Size alignment) const noexcept {
        static_cast<void>(alignment);
        return size;
    }
    /// Returns the length of the first piece of a free range of `size` bytes at
    /// `start`. The manager turns each piece into a hole of its own. Called
    /// only if shaped(). The default is the whole range.
    [[nodiscard]] virtual Size piece(Offset start, Size size) const noexcept {
        static_cast<void>(start);
        return size;
    }
    /// Returns whether the policy keeps holes in fixed shapes, as a buddy
    /// system does. Only then are rounded(), piece() and merges() called.
    /// Called once, after attach(). The default is false.
    [[nodiscard]] virtual bool shaped() const noexcept { return false; }
    /// Returns whether two adjacent holes are to become one. Called only if
    /// shaped(). The default is true.
    [[nodiscard]] virtual bool merges(const Range& low, const Range& high) const noexcept {
        static_cast<void>(low);
        static_cast<void>(high);
        return true;
    }

    /// Returns whether the policy's state is intact and has exactly `holes`
    /// holes. It must end even if the state is broken. May take O(holes). The
    /// default is true.
    [[nodiscard]] virtual bool check(std::uint64_t holes) const noexcept {
        static_cast<void>(holes);
        return true;
    }

  protected:
    /// Returns where a block is cut from a hole that begins at `start`: the
    /// first multiple of `alignment`, a power of two. O(1).
    [[nodiscard]] static Offset aligned(Offset start, Size alignment) noexcept {
        return (start + alignment - 1) & ~(alignment - 1);
    }
    /// Returns whether an aligned block of `size` bytes can be cut from the
    /// hole. O(1).
    [[nodiscard]] static bool fits(const Range& hole, Size size, Size alignment) noexcept {
        const Size pad = aligned(hole.start, alignment) - hole.start;
        return pad <= hole.size && hole.size - pad >= size;
    }

    /// The table of ranges. attach() must set it if move() is not overridden.
    Ranges ranges_;

  private:
    friend class ranges::RangeAllocator;
    friend class ranges::HoleIndex;
    friend class ranges::Tlsf;
    bool is_tlsf_ = false;  // called without virtual dispatch then
};

/// The built-in policies. In their complexity, n is the number of holes; O(log
/// n) is an expected cost. With an alignment above 1, a search looks at up to
/// 64 holes that are long enough but do not fit once aligned. Then it takes a
/// hole that has room for any padding, by the same order. Only if there is none
/// it looks at all that are long enough; so do tlsf and buddy.
enum class Placement {
    /// Two-level segregated fit: a hole of the next larger class, of 32 classes
    /// for each power of two. O(1). If all larger classes are empty, find()
    /// searches the holes of the request's own class, so that it fails only
    /// when nothing fits. It ends where no hole behind is large enough: O(1),
    /// or O(holes of the class) once after a large one has gone. Masmano et
    /// al., TLSF (ECRTS 2004).
    tlsf,
    /// The lowest hole that fits. O(log n): a tree by address with the largest
    /// size below each node. Knuth, TAOCP 1, 2.5; Stephenson, Fast Fits (SOSP
    /// 1983); Brent (TOPLAS 11, 1989).
    first_fit,
    /// The lowest hole that fits and ends after the previous block; if there is
    /// none, the lowest of all. O(log n), as first_fit. Knuth, TAOCP 1, 2.5.
    next_fit,
    /// The smallest hole that fits; among equals the one that changed last.
    /// O(log n): a tree by size. Knuth, TAOCP 1, 2.5.
    best_fit,
    /// The largest hole; among equals the lowest. O(log n): a tree by size.
    /// Knuth, TAOCP 1, 2.5.
    worst_fit,
    /// The smallest hole that fits; among equals the lowest. O(log n): a tree
    /// by size. Wilson et al., Dynamic Storage Allocation (1995).
    ordered_best_fit,
    /// Powers of two, split and merged in pairs. Each block is rounded up to a
    /// power of two. O(log(limit)). Knowlton (CACM 8, 1965).
    buddy,
    /// One block behind the other: each begins where the last one ends. A block
    /// that is freed at that end is used again at once, so that this is a stack
    /// too. With Strategy::upper_end a second stack grows down from the other
    /// end of the same space. A block that does not fit there goes where tlsf
    /// places it. O(1), as tlsf. VMA's linear algorithm.
    linear,
    /// As linear, for blocks that are freed in the order in which they were
    /// allocated. A block that does not fit behind the last one goes to the
    /// beginning of the buffer, if it fits there, and else where tlsf places
    /// it. The next blocks follow it. O(1), as tlsf. VMA's linear algorithm as
    /// a ring buffer.
    ring
};

/// Creates a built-in policy. Never returns null. Throws std::bad_alloc without
/// memory. Thread-safe. O(1).
[[nodiscard]] ASHLAR_API std::unique_ptr<Policy> make_policy(Placement placement);

}  // namespace ashlar

#endif

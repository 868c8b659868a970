// Placement policies of ashlar::MemoryManager: which free range an allocation is cut from.
#ifndef ASHLAR_POLICY_HPP
#define ASHLAR_POLICY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>

#ifndef ASHLAR_API
#define ASHLAR_API __attribute__((visibility("default")))
#endif

namespace ashlar {

namespace ranges {
class Heap;
class Tlsf;
}  // namespace ranges

/// A position in the buffer of a manager, and a length, in bytes.
using Offset = std::uint64_t;
using Size = std::uint64_t;

/// Number of a range within its manager. 0 is no range.
using RangeId = std::uint32_t;
inline constexpr RangeId no_range = 0;

/// One range of the buffer: a hole (free) or a block. The manager owns the records; 64 bytes each, outside the buffer, and free
/// of pointers, so that all of it can lie in memory that several processes map at different addresses.
struct alignas(64) Range {
    Offset start;
    Size size;
    RangeId below, above;   ///< neighbours by address; no_range at the ends
    std::uint32_t link[4];  ///< while the range is a hole: the policy's own, zero when insert() is called
    std::uint32_t chain;    ///< the manager's own, as all that follows
    std::uint32_t state;
    Size asked;  ///< of a block: what was asked for; `size` is what the policy made of it
    std::uint64_t user;
};
static_assert(sizeof(Range) == 64);

/// The table of all ranges, as a policy sees it. Ids stay valid and records stay in place as long as the manager lives.
class Ranges {
  public:
    /// Records 0 to `last`.
    constexpr explicit Ranges(Range* table = nullptr, RangeId last = no_range) noexcept : table_(table), last_(last) {}
    [[nodiscard]] Range& operator[](RangeId id) const noexcept { return table_[id]; }
    /// For a policy's check(), which must not follow a broken record's link beyond it.
    [[nodiscard]] RangeId last() const noexcept { return last_; }

  private:
    Range* table_;
    RangeId last_;
};

/// A placement policy over the holes of one manager. To write one, derive from it and keep the holes in whatever order suits
/// the search; the manager coalesces, cuts and validates. Called under the manager's lock, one call at a time; must not throw,
/// and must not call the manager. Built-in policies keep their state in what attach() gets, in indices.
class ASHLAR_API Policy {
  public:
    virtual ~Policy() = default;

    [[nodiscard]] virtual const char* name() const noexcept = 0;

    /// Bytes of zeroed memory (64-byte aligned) that attach() is to get, for a buffer that may grow to `limit` bytes.
    [[nodiscard]] virtual std::size_t state_bytes(Size limit) const noexcept {
        static_cast<void>(limit);
        return 0;
    }
    /// Called once, before anything else. `fresh`: false where the state was in use by another process before.
    virtual void attach(Ranges ranges, void* state, bool fresh) noexcept = 0;

    /// The range has become a hole; start and size are set.
    virtual void insert(RangeId hole) noexcept = 0;
    /// The hole, unchanged since it was inserted or moved, is one no more.
    virtual void erase(RangeId hole) noexcept = 0;
    /// The hole lies elsewhere from now on: it lost or won bytes at one end or both, and no other hole passed it. Sets start
    /// and size of its record. Override it where that is cheaper than this.
    virtual void move(RangeId hole, Offset start, Size size) noexcept;

    /// The hole that `size` bytes (at least 1) at a multiple of `alignment` (a power of two) are to be taken from; no_range
    /// only if there is no hole with room for them (fits()).
    [[nodiscard]] virtual RangeId find(Size size, Size alignment) noexcept = 0;
    /// The size of a largest hole, 0 without holes; a policy that would have to search may return up to 1/16 less.
    [[nodiscard]] virtual Size largest() const noexcept = 0;

    /// For policies that cut in fixed shapes (buddy). What a request is rounded up to; 0: never fits.
    [[nodiscard]] virtual Size rounded(Size size, Size alignment) const noexcept {
        static_cast<void>(alignment);
        return size;
    }
    /// The length of the first piece that a free range is kept in: all of it by default.
    [[nodiscard]] virtual Size piece(Offset start, Size size) const noexcept {
        static_cast<void>(start);
        return size;
    }
    /// Whether pieces are the policy's own at all: rounded(), piece() and merges() are called only where this is true. Asked
    /// once, after attach().
    [[nodiscard]] virtual bool shaped() const noexcept { return false; }
    /// Whether two holes that touch are to become one.
    [[nodiscard]] virtual bool merges(const Range& low, const Range& high) const noexcept {
        static_cast<void>(low);
        static_cast<void>(high);
        return true;
    }

    /// Whether the policy's own records are whole and hold just so many holes. For the manager's check(), which may take O(n).
    [[nodiscard]] virtual bool check(std::uint64_t holes) const noexcept {
        static_cast<void>(holes);
        return true;
    }

  protected:
    /// Where a block is cut from a hole that starts there: the first multiple of the alignment.
    [[nodiscard]] static Offset aligned(Offset start, Size alignment) noexcept {
        return (start + alignment - 1) & ~(alignment - 1);
    }
    /// Whether an aligned block of that size can be cut from the hole.
    [[nodiscard]] static bool fits(const Range& hole, Size size, Size alignment) noexcept {
        const Size pad = aligned(hole.start, alignment) - hole.start;
        return pad <= hole.size && hole.size - pad >= size;
    }

    Ranges ranges_;

  private:
    friend class ranges::Heap;
    friend class ranges::Tlsf;
    bool is_tlsf_ = false;  // the default, which a manager calls without asking the table of virtual functions
};

/// The policies that come with the library: what each takes, the cost of find, insert and erase, n being the number of holes,
/// and its source.
///
/// - `first_fit`: the lowest hole that fits. O(log n): a tree by address with the largest size below each node (Stephenson
///   1983, Brent 1989). Knuth, TAOCP 1, 2.5.
/// - `next_fit`: the first that fits from where the last search ended. O(log n). Knuth, TAOCP 1, 2.5.
/// - `best_fit`: the smallest that fits, of equals the one freed last. O(log n). Knuth, TAOCP 1, 2.5.
/// - `worst_fit`: the largest, of equals the lowest. O(log n). Knuth, TAOCP 1, 2.5.
/// - `ordered_best_fit`: the smallest that fits, of equals the lowest. O(log n). Wilson et al., Dynamic Storage Allocation
///   (1995).
/// - `buddy`: powers of two, split and merged in pairs. O(log(limit)). Knowlton, CACM 8 (1965).
/// - `tlsf`: a hole of the next class up, of 32 classes per power of two. O(1) where there is one; else the holes of the
///   request's own class are looked through, O(those), so that it fails only when nothing fits. Masmano et al., TLSF (ECRTS
///   2004).
///
/// With an alignment over 1 add the number of holes that are long enough but do not fit once aligned.
enum class Placement { tlsf, first_fit, next_fit, best_fit, worst_fit, ordered_best_fit, buddy };

/// Never null; throws std::bad_alloc.
[[nodiscard]] ASHLAR_API std::unique_ptr<Policy> make_policy(Placement placement);

}  // namespace ashlar

#endif

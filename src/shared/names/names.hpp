// Objects with names. A bucket is a list of entries that grows at its head.
//
//   absent --begin()--> constructing(slot) --commit()--> ready
//     ^ ^--cancel(), recovery----'                         |
//     '---end_destroy(), recovery--- destroying(slot) <----' begin_destroy()
//
// Lock-free; find() and visit() never wait. Any thread with a slot.
#ifndef ASHLAR_SHARED_NAMES_NAMES_HPP
#define ASHLAR_SHARED_NAMES_NAMES_HPP

#include <string_view>

#include "shared/blocks/blocks.hpp"
#include "shared/names/entry.hpp"

namespace ashlar::shared {

inline constexpr std::size_t kMaxName = 4096;

// What an object must be. `alignment`: at most a unit.
struct NamedType {
    Word hash, size, alignment;
};

enum class NameAnswer {
    done,
    exists,      // begin(): the name is ready
    absent,      // nothing has the name
    busy,        // another thread constructs or destroys the object
    other_type,  // the object's type or size differs
    no_room,
};

struct Named {
    NameAnswer answer;
    Entry* entry;     // nullptr: the name has none
    NameState state;  // as the caller saw or made it
    Offset object;    // if done, or exists with the right type
    Word size;        // of the object that was found
};

// A ready name, as visit() shows it.
struct NameView {
    std::string_view name;
    Offset object;
    Word size, type;
};
using NameVisitor = bool (*)(void* context, const NameView& view);

class Names {
  public:
    explicit Names(Blocks& blocks) noexcept : blocks_(blocks), segment_(blocks.segment()) {}

    // The name belongs to `me`, and has a block: construct the object there,
    // then commit() or cancel(). exists: `object` is set if it has this type.
    // `name` has 1 to kMaxName bytes.
    [[nodiscard]] Named begin(Owner me, std::string_view name, const NamedType& type) noexcept;
    void commit(const Named& mine) noexcept;
    void cancel(Owner me, const Named& mine) noexcept { end(me, mine); }
    [[nodiscard]] Named find(std::string_view name, const NamedType& type) const noexcept;
    // The name belongs to `me`: destroy the object, then end_destroy().
    [[nodiscard]] Named begin_destroy(Owner me, std::string_view name,
                                      const NamedType& type) noexcept;
    void end_destroy(Owner me, const Named& mine) noexcept { end(me, mine); }
    // Ready names; those that become ready meanwhile may be missing.
    bool visit(NameVisitor visitor, void* context) const noexcept;

    // For recovery: whether an entry is in its bucket.
    [[nodiscard]] bool is_linked(Offset entry) const noexcept;
    // Calls f(entry, its offset) for each entry of a bucket until it returns
    // false. Ends at a damaged entry, and at a cycle. False: f returned false.
    template <class F>
    bool each_entry(std::uint32_t bucket, F f) const noexcept {
        return each_from(segment_.header().buckets[bucket].load(base::acq), 0, f);  // [E49]
    }

  private:
    struct Snapshot {
        NameState state;
        Offset object;
        Word size, type;
    };
    // `last`: the list is known from there on.
    template <class F>
    bool each_from(Offset at, Offset last, F f) const noexcept {
        Offset mark = at;
        for (std::size_t steps = 1, limit = 2; at != last; ++steps) {
            Entry* const entry = entry_at(at);
            if (entry == nullptr) return true;
            if (!f(*entry, at)) return false;
            // Relaxed: the bucket's acquire orders all entries behind it.
            at = entry->next.load(base::rlx);
            if (at == mark) return true;  // a cycle, in a damaged segment
            if (steps == limit) {
                mark = at;
                limit *= 2;
            }
        }
        return true;
    }
    [[nodiscard]] Entry* entry_at(Offset at) const noexcept;
    [[nodiscard]] Entry* search(std::string_view name, Word hash, Offset from,
                                Offset last) const noexcept;
    [[nodiscard]] Entry* insert(Owner me, std::string_view name, Word hash) noexcept;
    [[nodiscard]] Entry* make(Owner me, std::string_view name, Word hash) noexcept;
    // A live block of at least `size` bytes begins at `object`.
    [[nodiscard]] bool holds(Offset object, Word size) const noexcept;
    [[nodiscard]] bool snapshot(const Entry& entry, Snapshot& seen) const noexcept;
    [[nodiscard]] Named look(Entry* entry, const NamedType& type) const noexcept;
    void end(Owner me, const Named& mine) noexcept;
    template <class T>
    [[nodiscard]] Offset offset_of(const T& place) const noexcept {
        return segment_.offset(reinterpret_cast<std::uintptr_t>(&place));
    }

    Blocks& blocks_;
    Segment& segment_;
};

}  // namespace ashlar::shared

#endif

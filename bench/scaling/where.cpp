#include "where.hpp"

#include <cstdint>
#include <vector>

#include "malloc/process/process.hpp"

namespace bench {
namespace {

using namespace ashlar;
using base::Atomic;
using base::BitmapIndex;
using base::Word;

/// An explicit instantiation may name private members.
template <class Tag, typename Tag::Type member>
struct PrivateMember {
    friend typename Tag::Type member_of(Tag) { return member; }
};
struct FreeTag {
    using Type = BitmapIndex spans::Spans::*;
    friend Type member_of(FreeTag);
};
struct LookTag {
    using Type = BitmapIndex spans::Spans::*;
    friend Type member_of(LookTag);
};
struct LockTag {
    using Type = base::TryLock spans::Spans::*;
    friend Type member_of(LockTag);
};
struct SlabsTag {
    using Type = BitmapIndex (arena::Arena::*)[base::kClasses];
    friend Type member_of(SlabsTag);
};
struct BitsTag {
    using Type = Atomic<Word>* arena::Arena::*;
    friend Type member_of(BitsTag);
};
struct LevelsTag {
    using Type = Atomic<Word>* (BitmapIndex::*)[BitmapIndex::kMaxLevels];
    friend Type member_of(LevelsTag);
};
template struct PrivateMember<FreeTag, &spans::Spans::free_>;
template struct PrivateMember<LookTag, &spans::Spans::pending_words_>;
template struct PrivateMember<LockTag, &spans::Spans::lock_>;
template struct PrivateMember<SlabsTag, &arena::Arena::index_>;
template struct PrivateMember<BitsTag, &arena::Arena::bits_>;
template struct PrivateMember<LevelsTag, &BitmapIndex::level_>;

struct Part {
    std::string name;
    const void* start;
    std::size_t bytes;
};

/// All levels of `count` indexes of so many ids, whose words lie side by side.
void add_index(std::vector<Part>& parts, const std::string& name, const BitmapIndex& first,
               std::uint32_t ids, std::size_t count) {
    for (std::uint32_t level = 0; level < BitmapIndex::levels(ids); ++level) {
        parts.push_back({name + ", level " + std::to_string(level),
                         (first.*member_of(LevelsTag{}))[level],
                         BitmapIndex::words_of_level(ids, level) * count * sizeof(Word)});
    }
}

std::vector<Part> parts_of(cache::Heap& heap) {
    const std::uint32_t units = heap.region().end;
    const auto* lock = &(heap.spans.*member_of(LockTag{}));
    std::vector<Part> parts{
        {"frontier and span lock", lock, sizeof *lock},
        {"spans", &heap.spans, sizeof heap.spans},
        {"spares and arena", &heap.arena, sizeof heap.arena},
        {"depot", &heap.depot, sizeof heap.depot},
        {"unit states", &heap.spans.state_word(0), units * sizeof(std::uint32_t)},
        {"page map", heap.spans.page_map(), units},
        {"slab bits", heap.arena.*member_of(BitsTag{}),
         units * base::kMaxSlabWords * sizeof(Word)}};
    add_index(parts, "free units", heap.spans.*member_of(FreeTag{}), units, 1);
    add_index(parts, "words to look at", heap.spans.*member_of(LookTag{}),
              BitmapIndex::words_of_level(units, 0), 1);
    add_index(parts, "slabs by class", (heap.arena.*member_of(SlabsTag{}))[0], units,
              base::kClasses);
    return parts;
}

}  // namespace

std::string where_is(const void* address) {
    cache::Heap* heap = cache::existing_process();
    if (heap == nullptr) return "";
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (const Part& part : parts_of(*heap)) {
        const auto start = reinterpret_cast<std::uintptr_t>(part.start);
        if (at + 64 <= start || at >= start + part.bytes) continue;
        return part.name + (at > start ? " +" + std::to_string(at - start) : "");
    }
    return "elsewhere";
}

}  // namespace bench

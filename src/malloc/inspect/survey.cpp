#include "malloc/inspect/survey.hpp"

#include <sys/mman.h>
#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace ashlar::inspect {

Survey* Survey::make(int process, const Memory& core) noexcept {
    Survey* const survey = make(process);
    if (survey == nullptr) return nullptr;
    survey->source_.close();
    survey->memory_ = core;
    survey->result_.core = true;
    return survey;
}

Survey* Survey::make(int process) noexcept {
    const int saved = errno;
    void* at = mmap(nullptr, sizeof(Survey), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    if (at == MAP_FAILED) return nullptr;
    auto* survey = new (at) Survey;  // the rest is zero, as the pages
    survey->process_ = survey->result_.process = process;
    survey->source_.open(process);
    survey->memory_ = survey->source_.view();
    return survey;
}

void Survey::destroy(Survey* survey) noexcept {
    if (survey == nullptr) return;
    survey->source_.close();
    const int saved = errno;
    munmap(survey, sizeof(Survey));
    errno = saved;
}

// ----------------------------------------------------------------------- heaps

void Survey::add_range(const Range& range) noexcept {
    if (ranges_ < kMostRanges && range.start < range.end) range_list_[ranges_++] = range;
}

void Survey::read_process() noexcept {
    has_root_ = layout_.is_process == 1;
    if (has_root_) root_ = layout_.process;
}

// The heaps but the process heap.
void Survey::read_registry() noexcept {
    std::uint32_t used = 0;
    if (!memory_.get(root_.places_used, used)) return;
    const std::uint64_t most =
        std::min({std::uint64_t{used}, root_.most_places, std::uint64_t{kMostPlaces}});
    for (std::uint64_t i = 0; i < most && heaps_ < kMostHeaps; ++i) {
        const std::uint64_t place = root_.places + i * root_.place_bytes;
        std::uint64_t ticket = 0;
        std::uint64_t heap = 0;
        if (!memory_.get(place + root_.place_ticket, ticket) ||
            !memory_.get(place + root_.place_heap, heap)) {
            return;
        }
        if (ticket < 2 || !read_layout(memory_, heap - root_.heap_offset, layout_)) continue;
        heap_list_[heaps_++] = layout_.self;
        add_range({layout_.self, end_of(layout_), layout_.base});
        ++result_.private_heaps;
    }
    for (std::uint64_t i = 0; i < root_.grown_count && i < kMostHeaps; ++i) {
        std::uint64_t heap = 0;
        if (!memory_.get(root_.grown + i * sizeof heap, heap) || heap == 0) break;
        ++result_.grown;
        std::uint64_t* const end = heap_list_ + heaps_;
        std::uint64_t* const at = std::find(heap_list_ + lasting_, end, heap - root_.heap_offset);
        if (at != end) std::swap(*at, heap_list_[lasting_++]);
    }
    result_.private_heaps -= std::min(result_.grown, result_.private_heaps);
}

void Survey::read_mapped() noexcept {
    const std::uint64_t places = std::min<std::uint64_t>(root_.mapped_count, kMostMapped);
    if (!memory_.copy(root_.mapped, mapped_list_, places * sizeof(MappedPlace))) return;
    for (std::uint64_t i = 0; i < places; ++i) {
        const MappedPlace place = mapped_list_[i];
        if (place.start <= 1 || place.bytes > std::uint64_t{1} << 56) continue;
        mapped_list_[mapped_++] = place;
        add_range({place.start, place.start + place.bytes, kMappedBlock});
    }
    if (!memory_.get(root_.mapped_peak, result_.mapped_peak)) result_.mapped_peak = 0;
}

void Survey::read_guarded() noexcept {
    MappedPlace found{};
    if (!memory_.get(root_.guarded, found) || found.start == 0) return;
    if (found.bytes > std::uint64_t{1} << 32) return;
    guarded_ = found;
    add_range({found.start, found.start + found.bytes, kGuarded});
}

void Survey::count_layout(std::uint64_t layout) noexcept {
    if (!read_layout(memory_, layout, layout_)) {
        ++result_.counts.unreadable;
        return;
    }
    reader_.count(layout_, result_.counts);
}

void Survey::keep_lasting() noexcept {
    const HeapCounts& counts = result_.counts;
    std::copy(counts.misses, counts.misses + kMisses, result_.lasting.misses);
    result_.lasting.lock_taken = counts.lock_taken;
    result_.lasting.lock_refused = counts.lock_refused;
}

void Survey::count_mapped() noexcept {
    result_.mapped_blocks = mapped_;
    for (std::uint32_t i = 0; i < mapped_; ++i) result_.mapped.bytes += mapped_list_[i].bytes;
    result_.counts.reserved += result_.mapped.bytes;
}

void Survey::count_calls() noexcept {
    if (!memory_.get(root_.calls, result_.calls)) result_.calls[0] = 0;
}

void Survey::count_heap(std::uint64_t heap) noexcept {
    reader_.open(memory_, nullptr, nullptr);
    count_layout(heap);
}

void Survey::count_process(std::uint64_t heap) noexcept {
    reader_.open(memory_, nullptr, nullptr);
    if (heap == 0 || !read_layout(memory_, heap, layout_)) return;
    read_process();
    count_layout(heap);
    if (!has_root_) return;
    read_mapped();
    count_mapped();
    count_calls();
    for (std::uint64_t i = 0; i < root_.grown_count && i < kMostHeaps; ++i) {
        std::uint64_t grown = 0;
        if (!memory_.get(root_.grown + i * sizeof grown, grown) || grown == 0) break;
        ++result_.grown;
        count_layout(grown - root_.heap_offset);
    }
}

// ------------------------------------------------------------------ everything

void Survey::open_heaps(std::uint64_t heap) noexcept {
    if (heap != 0 && read_layout(memory_, heap, layout_)) {
        result_.process_heap = heap;
        heap_list_[heaps_++] = heap;
        lasting_ = 1;
        add_range({heap, end_of(layout_), layout_.base});
        read_process();
    }
    if (has_root_) {
        read_registry();
        read_mapped();
        read_guarded();
    }
    std::sort(range_list_, range_list_ + ranges_,
              [](const Range& a, const Range& b) noexcept { return a.start < b.start; });
}

// The visitor, besides the list of the worst slabs.
void Survey::count_heaps(const UnitVisitor* visitor) noexcept {
    struct Both {
        WorstSlabs* worst;
        const UnitVisitor* visitor;
    } both{&result_.worst, visitor};
    const UnitVisitor each{[](void* context, const UnitRecord& record) noexcept {
                               const auto& to = *static_cast<const Both*>(context);
                               WorstSlabs::visit(to.worst, record);
                               if (to.visitor != nullptr)
                                   to.visitor->visit(to.visitor->context, record);
                           },
                           &both};
    reader_.open(memory_, pages_.opened() ? &pages_ : nullptr, &each);
    for (std::uint32_t i = 0; i < heaps_; ++i) {
        count_layout(heap_list_[i]);
        if (i + 1 == lasting_) keep_lasting();
    }
    count_mapped();
    if (has_root_) count_calls();
    pages_.close();
}

void Survey::take_heaps(std::uint64_t heap, const UnitVisitor& visitor) noexcept {
    open_heaps(heap);
    count_heaps(&visitor);
}

void Survey::take(std::uint64_t heap, const UnitVisitor* visitor) noexcept {
    open_heaps(heap);
    pages_.open(process_);
    result_.pages_known = pages_.opened();
    read_maps();
    // Pages that two processes share cannot be told from those that were only
    // read.
    pages_.count_shared(shared_pages_);
    count_heaps(visitor);
    // The process goes on meanwhile.
    const std::uint64_t rss_after = kernels_rss();
    result_.rss = rss_after == 0 ? result_.rss : (result_.rss + rss_after) / 2;
}

void Survey::take(std::uint64_t heap, const CoreMapping* list, std::size_t count,
                  const UnitVisitor* visitor) noexcept {
    open_heaps(heap);
    pages_.open(memory_);
    result_.pages_known = true;
    read_core(list, count);
    count_heaps(visitor);
}

}  // namespace ashlar::inspect

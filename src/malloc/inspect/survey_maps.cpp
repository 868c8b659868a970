// Survey: the mappings of the process, by /proc/PID/smaps. Finds the process
// heap among them, and adds up what is resident outside of all heaps.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "malloc/inspect/survey.hpp"

namespace ashlar::inspect {

namespace {

using Header = base::Mapping;
using base::parse_mapping;

Other kind_of(const Header& header) noexcept {
    const char* at = header.name;
    if (header.permissions[3] == 's') return Other::shared;
    if (skip(at, "[stack")) return Other::stack;
    if (skip(at, "[heap]")) return Other::brk;
    if (skip(at, "[anon")) return Other::anonymous;
    if (*at == '[') return Other::system;
    return header.inode != 0 ? Other::file : Other::anonymous;
}

// The bytes of a field in kB.
std::uint64_t kilobytes(const char* text) noexcept {
    while (*text == ' ') ++text;
    return read_number(text, 10) << 10;
}

}  // namespace

Found Survey::look_for_heap(std::uint64_t address) noexcept {
    struct {
        char magic[sizeof HeapLayout::magic];
        std::uint32_t version, bytes;
        Address self;
    } begin;
    static_assert(offsetof(HeapLayout, self) == sizeof begin - sizeof begin.self);
    if (!memory_.get(address, begin)) return errno == EPERM ? Found::refused : Found::none;
    if (std::memcmp(begin.magic, kHeapMagic, sizeof begin.magic) != 0 || begin.self != address)
        return Found::none;
    if (!read_layout(memory_, address, layout_)) return Found::other_version;
    return layout_.is_process == 1 ? Found::heap : Found::none;
}

// Looks at each page of a mapping.
Found Survey::search(std::uint64_t from, std::uint64_t to, std::uint64_t& heap) noexcept {
    constexpr std::uint64_t kStep = 4096;
    constexpr std::uint64_t kMostSearched = std::uint64_t{256} << 20;
    if (to - from > kMostSearched) return Found::none;
    for (heap = from; heap < to; heap += kStep) {
        const Found found = look_for_heap(heap);
        if (found != Found::none) return found;
    }
    return Found::none;
}

// First looks where mappings begin, then at each page of those that are not too
// long: the kernel may have joined a heap's mapping with the one before it.
Found Survey::find_heap(std::uint64_t& heap, bool thorough) noexcept {
    for (const bool within : {false, true}) {
        if (within && !thorough) break;
        if (!file_.open(process_, "maps")) return Found::no_process;
        Found found = Found::none;
        while (const char* text = found == Found::none ? file_.line() : nullptr) {
            Header header;
            if (!parse_mapping(text, header) || header.inode != 0) continue;
            if (std::memcmp(header.permissions, "rw-p", 4) != 0) continue;
            heap = header.start;
            found = within ? search(header.start, header.end, heap) : look_for_heap(heap);
        }
        file_.close();
        if (found != Found::none) return found;
    }
    return Found::none;
}

Found Survey::find_heap(const CoreMapping* list, std::size_t count, std::uint64_t& heap) noexcept {
    for (const bool thorough : {false, true}) {
        for (std::size_t i = 0; i < count; ++i) {
            heap = list[i].start;
            const Found found =
                thorough ? search(list[i].start, list[i].end, heap) : look_for_heap(list[i].start);
            if (found != Found::none) return found;
        }
    }
    return Found::none;
}

// The first range of ours that ends behind an address.
const Survey::Range* Survey::range_behind(std::uint64_t at) const noexcept {
    return std::upper_bound(
        range_list_, range_list_ + ranges_, at,
        [](std::uint64_t address, const Range& range) noexcept { return address < range.end; });
}

// Calls f(from, to, sum) for each part of the mapping that belongs to something
// else. `sum` is null for the units of a heap, which are counted one by one.
template <class F>
void Survey::each_part(F f) noexcept {
    const Range* const end = range_list_ + ranges_;
    const Range* range = range_behind(mapping_.start);
    for (std::uint64_t from = mapping_.start; from < mapping_.end;) {
        while (range != end && range->end <= from) ++range;
        const bool ours = range != end && range->start <= from;
        std::uint64_t to = range == end ? mapping_.end : ours ? range->end : range->start;
        std::uint64_t* sum = &result_.others[static_cast<unsigned>(mapping_.kind)];
        if (ours && range->units == 0) {
            sum = &result_.mapped.resident;
        } else if (ours && from < range->units) {
            sum = &result_.metadata_resident;
            to = std::min(to, range->units);
        } else if (ours) {
            sum = nullptr;
        }
        to = std::min(to, mapping_.end);
        f(from, to, sum);
        from = to;
    }
}

// The kernel may have joined mappings of different owners. The resident pages
// of all parts but the longest are read; the rest belongs to the longest.
void Survey::count_mapping() noexcept {
    std::uint64_t longest = 0;
    std::uint64_t most = 0;
    each_part([&](std::uint64_t from, std::uint64_t to, const std::uint64_t*) noexcept {
        if (to - from <= most) return;
        longest = from;
        most = to - from;
    });
    std::uint64_t rest = mapping_.resident;
    std::uint64_t* owner = nullptr;
    each_part([&](std::uint64_t from, std::uint64_t to, std::uint64_t* sum) noexcept {
        if (from == longest) {
            owner = sum;
            return;
        }
        const std::uint64_t pages = std::min(rest, pages_.bytes(from, to));
        rest -= pages;
        if (sum != nullptr) *sum += pages;
    });
    if (owner != nullptr) *owner += rest;
}

void Survey::end_mapping() noexcept {
    pages_.count_shared(shared_pages_);
    if (mapping_.resident != 0) count_mapping();
    result_.rss += mapping_.resident;
    mapping_.resident = 0;
}

bool Survey::read_maps() noexcept {
    if (!file_.open(process_, "smaps")) return false;
    bool ours = false;
    while (const char* text = file_.line()) {
        Header header;
        if (text[0] < 'A' || text[0] > 'Z') {
            if (!parse_mapping(text, header)) continue;
            end_mapping();
            mapping_ = {header.start, header.end, 0, kind_of(header)};
            const Range* const range = range_behind(header.start);
            ours = range != range_list_ + ranges_ && range->start < header.end;
            continue;
        }
        if (skip(text, "Rss:")) mapping_.resident = kilobytes(text);
        if (skip(text, "Swap:")) result_.swapped += kilobytes(text);
        if (ours && (skip(text, "Shared_Clean:") || skip(text, "Shared_Dirty:")) &&
            kilobytes(text) != 0) {
            shared_pages_ = true;
        }
    }
    end_mapping();
    file_.close();
    return true;
}

// The sum over all mappings stands for RSS.
void Survey::read_core(const CoreMapping* list, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        const CoreMapping& each = list[i];
        mapping_ = {each.start, each.end, pages_.bytes(each.start, each.end), each.kind};
        end_mapping();
    }
}

std::uint64_t Survey::kernels_rss() noexcept {
    std::uint64_t found = 0;
    if (!file_.open(process_, "smaps_rollup")) return 0;
    while (const char* text = file_.line()) {
        if (skip(text, "Rss:")) found = kilobytes(text);
    }
    file_.close();
    return found;
}

}  // namespace ashlar::inspect

#include "malloc/guards/guarded_blocks.hpp"

#include <sys/auxv.h>
#include <cstring>

#include "base/bits.hpp"
#include "core/region/region.hpp"
#include "malloc/guards/guard_report.hpp"

namespace ashlar::guards {

using base::rlx;

constinit GuardedBlocks guarded_blocks{};

namespace {

// The rest of a page is filled with it while its block is live. No byte that
// programs often write.
constexpr unsigned char kFilling = 0xb7;

void* at(std::uintptr_t address) noexcept { return reinterpret_cast<void*>(address); }

// A thread's misses until its next sample. Random distances: a program that
// allocates in a fixed pattern would always show the same blocks otherwise.
struct Sampler {
    std::uint32_t left;
    std::uint32_t random;  // 0: not begun

    std::uint32_t next() noexcept {  // Marsaglia's xorshift, 2003
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        return random;
    }
    // From the address of the sampler, and from the system's random bytes.
    void begin() noexcept {
        const void* bytes = at(getauxval(AT_RANDOM));
        std::uint64_t seed = 0;
        if (bytes != nullptr) std::memcpy(&seed, bytes, sizeof seed);
        seed = (seed ^ reinterpret_cast<std::uintptr_t>(this)) * 0x9e3779b97f4a7c15U;
        random = static_cast<std::uint32_t>(seed >> 32) | 1;
    }
    // True once in `every` calls, on average.
    bool counts_to(std::uint32_t every) noexcept {
        if (random == 0) begin();
        if (left == 0) left = 1 + next() % (2 * every - 1);
        return --left == 0;
    }
};

constinit thread_local Sampler sampler [[gnu::tls_model("initial-exec")]]{};

}  // namespace

bool GuardedBlocks::start(std::uint32_t every) noexcept {
    const std::size_t page = region::page_size();
    const std::size_t fits = kMostBytes / page;
    pages_ = fits > kMostPages    ? kMostPages
             : fits < kLeastPages ? kLeastPages
                                  : static_cast<std::uint32_t>(fits);
    page_bytes_ = page;
    every_ = every;
    bytes_ = (2 * std::size_t{pages_} + 1) * page;
    const std::size_t records = base::round_up(pages_ * sizeof(Record), page);
    range_.bytes = bytes_ + records;
    void* start = region::reserve_uncharged(range_.bytes);
    if (start == nullptr) return false;
    records_ = reinterpret_cast<Record*>(reinterpret_cast<std::uintptr_t>(start) + bytes_);
    if (!region::kSystem.commit(records_, records)) {
        region::unmap(start, range_.bytes);
        return false;
    }
    // [E60] release, pairs with pool().
    range_.start.store(reinterpret_cast<std::uintptr_t>(start), base::rel);
    return true;
}

// ---------------------------------------------------------------------- taking

void* GuardedBlocks::sample(std::size_t size, std::size_t alignment) noexcept {
    if (size > page_bytes_ || !sampler.counts_to(every_)) return nullptr;
    return take(size, alignment);
}

// The page that was freed first, or never used. All of them are looked at: this
// is rare, and costs less than the system call after it.
std::uint32_t GuardedBlocks::claim() noexcept {
    constexpr unsigned kTries = 4;
    for (unsigned i = 0; i < kTries; ++i) {
        std::uint32_t best = kNone;
        PageWord least{~std::uint64_t{0}};
        for (std::uint32_t page = 0; page < pages_; ++page) {
            const PageWord found = records_[page].guess();
            if (found.kind() != PageState::free || found.word >= least.word) continue;
            best = page;
            least = found;
        }
        if (best == kNone) return kNone;
        const std::uint64_t stamp = clock_.fetch_add(1, rlx) + 1;  // relaxed: only numbers
        if (records_[best].change(least, PageWord::of(stamp, PageState::taken))) return best;
    }
    return kNone;
}

// At the end of the page, or at its beginning.
std::uintptr_t GuardedBlocks::place(std::uint32_t index, std::size_t size,
                                    std::size_t alignment) noexcept {
    const std::uintptr_t start = page(index);
    if (sampler.random == 0) sampler.begin();
    const bool at_end = (sampler.next() >> 16 & 1) != 0;
    return at_end ? start + page_bytes_ - base::round_up(size, alignment) : start;
}

void* GuardedBlocks::take(std::size_t size, std::size_t alignment) noexcept {
    if (size == 0) size = 1;
    if (alignment < base::kMinAlignment) alignment = base::kMinAlignment;
    if (size > page_bytes_ || alignment > page_bytes_) return nullptr;
    // Relaxed, as all of live_ and held_: the bound holds for the sum.
    if (live_.fetch_add(1, rlx) >= pages_ / 4 * 3) {
        live_.fetch_sub(1, rlx);
        return nullptr;
    }
    const std::uint32_t index = claim();
    if (index == kNone || !region::kSystem.commit(at(page(index)), page_bytes_)) {
        if (index != kNone) release(index);
        live_.fetch_sub(1, rlx);
        return nullptr;
    }
    Record& record = records_[index];
    const std::uintptr_t block = place(index, size, alignment);
    std::memset(at(page(index)), kFilling, block - page(index));
    std::memset(at(block + size), kFilling, page(index) + page_bytes_ - block - size);
    record.set_block(block, size, Calls::now());
    record.finish(record.guess().as(PageState::live));
    held_.fetch_add(size, rlx);
    return at(block);
}

// ---------------------------------------------------------------------- giving

std::uint32_t GuardedBlocks::index_of(std::uintptr_t address) const noexcept {
    const std::uintptr_t number = (address - pool()) / page_bytes_;
    return number % 2 == 0 ? kNone : static_cast<std::uint32_t>(number / 2);
}

// A page that the caller has taken or frees becomes the last to be reused.
void GuardedBlocks::release(std::uint32_t index) noexcept {
    const std::uint64_t stamp = clock_.fetch_add(1, rlx) + 1;  // relaxed: only numbers
    records_[index].finish(PageWord::of(stamp, PageState::free));
}

// The distances are those of the bytes next to the block.
void GuardedBlocks::check_rest(std::uint32_t index, std::uintptr_t block,
                               std::size_t size) const noexcept {
    const std::uintptr_t start = page(index);
    const std::uintptr_t end = start + page_bytes_;
    const auto is_intact = [](std::uintptr_t byte) noexcept {
        return *static_cast<const unsigned char*>(at(byte)) == kFilling;
    };
    for (std::uintptr_t byte = block + size; byte < end; ++byte) {
        if (!is_intact(byte)) report_overwritten(records_[index].copy(), byte);
    }
    for (std::uintptr_t byte = block; byte-- > start;) {
        if (!is_intact(byte)) report_overwritten(records_[index].copy(), byte);
    }
}

bool GuardedBlocks::give(void* block) noexcept {
    if (!contains(block)) return false;
    const auto start = reinterpret_cast<std::uintptr_t>(block);
    const std::uint32_t index = index_of(start);
    if (index == kNone) report_misuse(nearest(start), start, Call::free);
    Record& record = records_[index];
    PageWord seen = record.state();
    if (seen.kind() != PageState::live || record.block() != start ||
        !record.change(seen, seen.as(PageState::freeing))) {
        report_misuse(record.copy(), start, Call::free);
    }
    const std::size_t size = record.size();
    record.set_freed(Calls::now());
    check_rest(index, start, size);
    static_cast<void>(region::close(at(page(index)), page_bytes_));
    held_.fetch_sub(size, rlx);  // relaxed, both: as in take()
    release(index);
    live_.fetch_sub(1, rlx);
    return true;
}

std::size_t GuardedBlocks::size_of(const void* block) const noexcept {
    if (!contains(block)) return 0;
    const auto start = reinterpret_cast<std::uintptr_t>(block);
    const std::uint32_t index = index_of(start);
    if (index == kNone) report_misuse(nearest(start), start, Call::size);
    const Record& record = records_[index];
    if (record.state().kind() != PageState::live || record.block() != start)
        report_misuse(record.copy(), start, Call::size);
    return record.size();
}

bool GuardedBlocks::holds(const void* address) const noexcept {
    const auto byte = reinterpret_cast<std::uintptr_t>(address);
    if (!contains(address) || index_of(byte) == kNone) return false;
    const Record& record = records_[index_of(byte)];
    return record.state().kind() == PageState::live && byte - record.block() < record.size();
}

Record::Copy GuardedBlocks::nearest(std::uintptr_t address) const noexcept {
    const std::uint32_t index = index_of(address);
    if (index != kNone) {
        Record::Copy copy = records_[index].copy();
        copy.on_page = true;
        return copy;
    }
    // Guard i lies before page i and behind page i - 1.
    const std::size_t offset = address - pool();
    const auto guard = static_cast<std::uint32_t>(offset / page_bytes_ / 2);
    const bool has_before = guard > 0 && records_[guard - 1].guess().used();
    const bool has_behind = guard < pages_ && records_[guard].guess().used();
    const bool is_nearer = offset % page_bytes_ < page_bytes_ / 2;
    if (has_before && (is_nearer || !has_behind)) return records_[guard - 1].copy();
    return has_behind ? records_[guard].copy() : Record::Copy{};
}

}  // namespace ashlar::guards

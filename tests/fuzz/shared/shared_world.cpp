#include "shared_world.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fuzz {

using ashlar::base::Event;
using ashlar::base::kUnitShift;
using ashlar::base::kUnitSize;
using ashlar::base::rlx;
using ashlar::shared::SlotState;

SharedWorld* shared_world = nullptr;

namespace {

constexpr std::size_t kMostSeen = 50'000'000;  // accesses of one operation that ends
constexpr unsigned char kAbsent = 0xd7;        // bytes of pages that the file does not have
// A wrong index may lead so far.
constexpr std::size_t kAround = std::size_t{1} << 20;

}  // namespace

void fail(const char* what) {
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

SharedWorld::SharedWorld()
    : bytes_(Segment::file_bytes(kUnits)), file_(memfd_create("ashlar-fuzz", MFD_CLOEXEC)),
      pages_(bytes_ / kPage), absent_(kUnitSize, kAbsent) {
    require(ftruncate(file_, static_cast<off_t>(bytes_)) == 0, "no memory");
    for (Process& each : processes_) map(each);
    std::memset(unit(0), kAbsent, std::size_t{kUnits} << kUnitShift);
    shared_world = this;
}

SharedWorld::~SharedWorld() {
    shared_world = nullptr;
    for (const Process& each : processes_) {
        munmap(reinterpret_cast<void*>(each.start - kAround), bytes_ + 2 * kAround);
    }
    close(file_);
}

void SharedWorld::map(Process& process) {
    void* const range = mmap(nullptr, bytes_ + 2 * kAround + kUnitSize, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    process.start =
        ashlar::base::round_up(reinterpret_cast<std::uintptr_t>(range) + kAround, kUnitSize);
    void* const start = reinterpret_cast<void*>(process.start);
    require(range != MAP_FAILED && mmap(start, bytes_, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_FIXED, file_, 0) == start,
            "no memory");
    process.segment.attach(process.start, kUnits, *this);
}

void SharedWorld::begin() {
    thread_ = 0;
    // Units that the last heap had.
    const UnitId first = static_cast<UnitId>(processes_[0].segment.first() / kPage);
    constexpr UnitId kPages = kUnitSize / kPage;
    for (UnitId id = 0; id < kUnits; ++id) {
        if (damaged || pages_[first + std::size_t{id} * kPages])
            std::memset(unit(id), kAbsent, kUnitSize);
    }
    // Zeros again. Slots beyond the first few are only used after damage.
    for (std::size_t at = 0; at < first; ++at) {
        if (damaged || pages_[at]) std::memset(address<void>(kLast, at * kPage), 0, kPage);
    }
    pages_.assign(pages_.size(), false);
    room = kUnits;
    damaged = false;
    recovers_ = 0;
    std::fill(std::begin(holder_), std::end(holder_), SlotId{0});
    for (Process& each : processes_) each.segment.attach(each.start, kUnits, *this);
    Segment& segment = processes_[0].segment;
    require(commit(0, Segment::first_bytes(kUnits)) && segment.cover_slot(kThreads), "no memory");
    segment.header().slots_in_file.store(kThreads + 1, rlx);
    std::fill(std::begin(life_), std::end(life_), Life::detached);
    for (SlotId thread = 1; thread <= kThreads; ++thread) require(attach(thread), "a used slot");
}

bool SharedWorld::run(SlotId thread, std::size_t cut, const std::function<void()>& operation) {
    thread_ = thread;
    left_ = cut;
    seen_ = 0;
    if (setjmp(cut_) != 0) {
        life_[thread_] = Life::stopped;
        thread_ = 0;
        return false;
    }
    operation();
    thread_ = 0;
    return true;
}

void SharedWorld::changed() noexcept {
    if (thread_ != 0 && left_ != 0 && --left_ == 0) std::longjmp(cut_, 1);
}

void SharedWorld::saw(Event event, std::uintptr_t word) {
    if (thread_ == 0 && !damaged) return;  // the test looks
    look_up(word);
    if (++seen_ > kMostSeen) fail("an operation does not end");
    if (event == Event::store || event == Event::change) changed();
}

// In damaged files words of other pages are read, but none outside.
void SharedWorld::look_up(std::uintptr_t word) const {
    const auto here = reinterpret_cast<std::uintptr_t>(this);
    if (word - here < sizeof *this) return;
    for (const Process& each : processes_) {
        if (word - each.start >= bytes_) continue;
        require(damaged || pages_[(word - each.start) / kPage], "an access without a page");
        return;
    }
    fail("an access outside the file");
}

// ----------------------------------------------------------------------- lives

void SharedWorld::kill(SlotId thread) {
    life_[thread] = Life::dead;
    for (SlotId& holder : holder_) {
        if (holder == thread) holder = 0;
    }
    if (recovers_ == thread) recovers_ = 0;
}

void SharedWorld::detach(SlotId thread) {
    me(thread).slot.state.store(static_cast<std::uint32_t>(SlotState::free), rlx);
    life_[thread] = Life::detached;
}

bool SharedWorld::attach(SlotId thread) {
    ashlar::shared::Slot& slot = me(thread).slot;
    if (slot.state.load(rlx) != static_cast<std::uint32_t>(SlotState::free) || holder_[thread] != 0)
        return false;
    slot.record.store(0, rlx);
    slot.state.store(static_cast<std::uint32_t>(SlotState::attached), rlx);
    life_[thread] = Life::running;
    return true;
}

// A recovering thread may die between the two last steps: the slot is free, and
// its life was held.
bool SharedWorld::is_cut() {
    for (SlotId slot = 1; slot <= kThreads; ++slot) {
        if (life_[slot] == Life::stopped) return true;
        if (life_[slot] == Life::dead &&
            me(slot).slot.state.load(rlx) != static_cast<std::uint32_t>(SlotState::free))
            return true;
    }
    return false;
}

bool SharedWorld::has_pages(std::uint64_t offset, std::size_t bytes) const {
    for (std::size_t at = offset / kPage; at * kPage < offset + bytes; ++at) {
        if (at >= pages_.size() || !pages_[at]) return false;
    }
    return true;
}

bool SharedWorld::take_dead(SlotId slot) noexcept {
    const bool known = slot <= kThreads;  // others are free, unless words are wrong
    if (known && (life_[slot] == Life::running || life_[slot] == Life::stopped)) return false;
    if (known && holder_[slot] != 0) return false;
    if (known) holder_[slot] = thread_;
    changed();
    return true;
}

void SharedWorld::leave(SlotId slot) noexcept {
    if (slot <= kThreads) {
        holder_[slot] = 0;
        const bool freed =
            me(slot).slot.state.load(rlx) == static_cast<std::uint32_t>(SlotState::free);
        if (life_[slot] == Life::dead && freed) life_[slot] = Life::detached;
    }
    changed();
}

bool SharedWorld::try_recovery() noexcept {
    if (recovers_ != 0) return false;
    recovers_ = thread_;
    changed();
    return true;
}

void SharedWorld::leave_recovery() noexcept {
    recovers_ = 0;
    changed();
}

// ------------------------------------------------------------------------ file

std::size_t SharedWorld::missing(UnitId from, UnitId to) const {
    constexpr std::size_t kPages = kUnitSize / kPage;
    const std::size_t first = processes_[0].segment.first() / kPage;
    std::size_t count = 0;
    for (UnitId id = from; id < to; ++id) count += pages_[first + id * kPages] ? 0 : 1;
    return count;
}

// Only units are limited. Their pages are zero when they come into the file,
// and must not have been touched before.
bool SharedWorld::commit(std::size_t offset, std::size_t bytes) noexcept {
    require(offset <= bytes_ && bytes <= bytes_ - offset, "a commit outside the file");
    const std::size_t first = processes_[0].segment.first();
    if (offset >= first && !damaged) {
        const auto from = static_cast<UnitId>((offset - first) >> kUnitShift);
        const auto to = static_cast<UnitId>(from + (bytes >> kUnitShift));
        const std::size_t more = missing(from, to);
        if (more > room) return false;
        room -= more;
        for (UnitId id = from; id < to; ++id) {
            if (missing(id, id + 1) == 0) continue;
            require(std::memcmp(unit(id), absent_.data(), kUnitSize) == 0,
                    "a page that was not in the file is changed");
            std::memset(unit(id), 0, kUnitSize);
        }
    }
    std::fill_n(pages_.begin() + static_cast<std::ptrdiff_t>(offset / kPage), bytes / kPage, true);
    changed();
    return true;
}

bool SharedWorld::punch(std::size_t offset, std::size_t bytes) noexcept {
    require(offset <= bytes_ && bytes <= bytes_ - offset, "a punch outside the file");
    const std::size_t first = processes_[0].segment.first();
    require(damaged || offset >= first, "a punch into the tables");
    if (offset >= first) {
        const auto from = static_cast<UnitId>((offset - first) >> kUnitShift);
        const auto to = static_cast<UnitId>(from + (bytes >> kUnitShift));
        room += (to - from) - missing(from, to);
        std::memset(unit(from), kAbsent, bytes);
        std::fill_n(pages_.begin() + static_cast<std::ptrdiff_t>(offset / kPage), bytes / kPage,
                    false);
    }
    changed();
    return true;
}

}  // namespace fuzz

// For base/count.hpp.
void ashlar::base::note(Event event, const void* word) noexcept {
    if (fuzz::shared_world != nullptr)
        fuzz::shared_world->saw(event, reinterpret_cast<std::uintptr_t>(word));
}

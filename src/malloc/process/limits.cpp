#include "malloc/process/limits.hpp"

#include "malloc/process/growth.hpp"
#include "malloc/process/mapped_blocks.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::kUnitShift;
using base::rlx;

constinit Limits limits{};
constinit base::Atomic<std::uint32_t> detour{};

namespace {

// The least time from one relief to the next, the longest, and the least for
// each system call that it took.
constexpr std::uint64_t kSoftPeriodMs = 1000;
constexpr std::uint64_t kHardPeriodMs = 100;
// Shares of a limit: so much must come back for a relief to have helped, and
// if so much is free, long runs of it come back without a pause.
constexpr std::size_t kWorthwhile = 8;
constexpr std::size_t kMuch = 4;
constexpr std::uint32_t kLongUnits = 32;
constexpr std::uint64_t kLongest = 64;  // times the least
constexpr std::uint64_t kCallMs = 500;

// Bytes of free units that hold memory.
std::size_t free_bytes() noexcept {
    std::size_t units = 0;
    const auto add = [&units](const Heap& heap) noexcept {
        const std::size_t resident = heap.spans.resident();
        const std::size_t held = heap.spans.held();
        units += resident > held ? resident - held : 0;
    };
    if (const Heap* heap = existing_process(); heap != nullptr) add(*heap);
    each_grown(add);
    return units << kUnitShift;
}

}  // namespace

void Limits::set(const Bytes& bytes) noexcept {
    const bool lowered = bytes.hard != 0 && bytes.soft > bytes.hard;
    // Relaxed, all: each is a value of its own.
    soft_.store(lowered ? bytes.hard : bytes.soft, rlx);
    hard_.store(bytes.hard, rlx);
    for (Pause* pause : {&soft_pause_, &hard_pause_}) {
        pause->next.store(0, rlx);
        pause->period.store(0, rlx);
    }
}

// Relaxed, both: values of their own.
Limits::Bytes Limits::get() const noexcept { return {soft_.load(rlx), hard_.load(rlx)}; }

std::size_t Limits::used() const noexcept {
    std::size_t units = 0;
    if (const Heap* heap = existing_process(); heap != nullptr) units = heap->spans.resident();
    each_grown([&units](const Heap& heap) noexcept { units += heap.spans.resident(); });
    // Relaxed: a counter, as the others.
    return (units << kUnitShift) + mapped_blocks.held() + pending_.load(rlx);
}

bool Limits::admits() noexcept {
    const Bytes most = get();  // relaxed, as all here: counters, and a hint
    if (most.soft == 0 && most.hard == 0) return true;
    const std::size_t now = used();
    if (most.hard != 0 && now > most.hard) {
        refusals_.fetch_add(1, rlx);
        return false;
    }
    if (most.soft != 0 && now > most.soft && spans::Spans::now_ms() >= soft_pause_.next.load(rlx)) {
        detour.fetch_or(kRelief, rlx);
    }
    return true;
}

bool Limits::admits_mapping(std::size_t bytes) noexcept {
    // Not added to the others: a sum with it could wrap around.
    // Relaxed, as all here: a value of its own, and counters.
    const std::size_t hard = hard_.load(rlx);
    if (hard != 0 && bytes > hard) {
        refusals_.fetch_add(1, rlx);
        return false;
    }
    pending_.fetch_add(bytes, rlx);
    if (admits()) return true;
    pending_.fetch_sub(bytes, rlx);
    return false;
}

// Relaxed: a counter.
void Limits::mapped(std::size_t bytes) noexcept { pending_.fetch_sub(bytes, rlx); }

// Relaxed: no other thread runs.
void Limits::adopt_fork() noexcept { pending_.store(0, rlx); }

// True: it was this thread's turn, and as much was returned as a program needs
// to go on for a while.
bool Limits::relieve(Pause& pause, std::size_t limit, std::uint64_t least) noexcept {
    // Relaxed, as all here: the CAS chooses the thread, and orders nothing.
    std::uint64_t seen = pause.next.load(rlx);
    const std::uint64_t now = spans::Spans::now_ms();
    if (now < seen) return false;
    std::uint64_t period = pause.period.load(rlx);
    if (period < least) period = least;
    if (!pause.next.cas(seen, now + period, rlx, rlx)) return false;
    const std::uint64_t pay = cache::relieve(1) * kCallMs;
    const bool helped = used() <= limit - limit / kWorthwhile;
    if (pay > period) pause.next.store(now + pay, rlx);
    pause.period.store(helped ? least : period < least * kLongest ? period * 2 : period, rlx);
    return true;
}

void Limits::relieve_above_soft() noexcept {
    const std::size_t soft = soft_.load(rlx);  // relaxed: a value of its own
    if (soft != 0 && used() > soft) static_cast<void>(relieve(soft_pause_, soft, kSoftPeriodMs));
}

// Long runs are worth a call each, so that there is no pause for them.
bool Limits::relieve_at_hard() noexcept {
    const std::size_t hard = hard_.load(rlx);  // relaxed: a value of its own
    if (relieve(hard_pause_, hard, kHardPeriodMs)) return true;
    return free_bytes() >= hard / kMuch && cache::relieve(kLongUnits) != 0;
}

bool admit_units() noexcept { return limits.admits(); }

}  // namespace ashlar::cache

#include "count.hpp"

#include <sched.h>

#include <atomic>
#include <memory>

namespace bench {

using ashlar::base::Event;
using ashlar::base::kEvents;

namespace {

// The order of every access here. The counters are read after the counting
// threads have ended.
constexpr auto relaxed = std::memory_order_relaxed;

struct alignas(64) Slot {
    std::atomic<std::uint64_t> of[kEvents];
};

constexpr std::uint32_t slot_count = 256;
constinit Slot slots[slot_count];
constinit std::atomic<std::uint32_t> threads{0};
constinit std::atomic<std::uint32_t> steps_to_yield{0};

/// The counters of a thread. Slots are reused, except that of the program's
/// main thread.
struct Self {
    Slot* slot;
    std::uint64_t core;    // a bit
    std::uint64_t random;  // xorshift64*
};
constinit thread_local Self self{nullptr, 0, 0};

void enter() noexcept {
    const std::uint32_t number = threads.fetch_add(1, relaxed);
    self.slot = &slots[number == 0 ? 0 : 1 + (number - 1) % (slot_count - 1)];
    self.core = std::uint64_t{1} << number % 64;
    self.random = (number + 1) * std::uint64_t{0x9e3779b97f4a7c15};
}

/// An open hash table of the lines that have been accessed.
struct Followed {
    std::atomic<std::uintptr_t> line;   // address / 64; 0: free
    std::atomic<std::uint64_t> copies;  // a bit for each core with a copy of the line
    std::atomic<std::uint64_t> misses;
};
constexpr std::uint32_t table_size = std::uint32_t{1} << 18;
constexpr std::uint32_t most_probes = 64;
std::unique_ptr<Followed[]> table;
constinit std::atomic<Followed*> following{nullptr};
constinit std::atomic<std::uint64_t> untracked{0};

Followed* find(Followed* in, const void* word) noexcept {
    const std::uintptr_t line = reinterpret_cast<std::uintptr_t>(word) / 64;
    std::uint32_t at = static_cast<std::uint32_t>((line * std::uint64_t{0x9e3779b97f4a7c15}) >> 40);
    for (std::uint32_t i = 0; i < most_probes; ++i, ++at) {
        Followed& place = in[at % table_size];
        std::uintptr_t seen = place.line.load(relaxed);
        if (seen == 0 && place.line.compare_exchange_strong(seen, line, relaxed)) return &place;
        if (seen == line) return &place;
    }
    return nullptr;
}

void follow(Followed* in, Event event, const void* word) noexcept {
    Followed* place = find(in, word);
    if (place == nullptr) {
        untracked.fetch_add(1, relaxed);
        return;
    }
    const bool reads = event == Event::load;
    const std::uint64_t before = reads ? place->copies.fetch_or(self.core, relaxed)
                                       : place->copies.exchange(self.core, relaxed);
    const bool had = reads ? (before & self.core) != 0 : before == self.core;
    if (before != 0 && !had) place->misses.fetch_add(1, relaxed);
}

}  // namespace

namespace detail {
Counts own_counts() noexcept {
    if (self.slot == nullptr) enter();
    Counts counts;
    for (unsigned i = 0; i < kEvents; ++i) counts.of[i] = self.slot->of[i].load(relaxed);
    return counts;
}
}  // namespace detail

Counts all_counts() noexcept {
    Counts sum;
    for (const Slot& slot : slots) {
        for (unsigned i = 0; i < kEvents; ++i) sum.of[i] += slot.of[i].load(relaxed);
    }
    return sum;
}

void follow_lines(bool follow) noexcept {
    table = follow ? std::make_unique<Followed[]>(table_size) : nullptr;
    untracked.store(0, relaxed);
    following.store(table.get(), relaxed);
}

Lines lines() noexcept {
    Lines sum{0, untracked.load(relaxed), {nullptr, 0}};
    for (std::uint32_t i = 0; table != nullptr && i < table_size; ++i) {
        const std::uint64_t misses = table[i].misses.load(relaxed);
        sum.misses += misses;
        if (misses > sum.worst.misses)
            sum.worst = {reinterpret_cast<const void*>(table[i].line.load(relaxed) * 64), misses};
    }
    return sum;
}

void sit_on_core(unsigned core) noexcept {
    if (self.slot == nullptr) enter();
    self.core = std::uint64_t{1} << core % 64;
}

void yield_every(std::uint32_t steps) noexcept { steps_to_yield.store(steps, relaxed); }

}  // namespace bench

void ashlar::base::note(Event event, const void* word) noexcept {
    using namespace bench;
    if (self.slot == nullptr) enter();
    self.slot->of[static_cast<unsigned>(event)].fetch_add(1, relaxed);
    const bool access = event <= Event::vain;  // other events accompany an access
    if (Followed* in = following.load(relaxed); access && in != nullptr) follow(in, event, word);
    const std::uint32_t steps = steps_to_yield.load(relaxed);
    if (steps == 0 || !access) return;
    self.random ^= self.random >> 12;
    self.random ^= self.random << 25;
    self.random ^= self.random >> 27;
    if (((self.random * 0x2545f4914f6cdd1du) >> 32) % steps == 0) sched_yield();
}

#include "malloc/process/recorded_stacks.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "base/stack.hpp"

namespace ashlar::cache {

using base::rlx;

constinit RecordedStacks recorded_stacks{};

namespace {

// Mixes a word into the check of a record.
constexpr std::uint64_t mix(std::uint64_t check, std::uint64_t word) noexcept {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
    return (check ^ word) * kOdd;
}

}  // namespace

void RecordedStacks::start(std::uint32_t records) noexcept {
    if (records == 0) return;
    const std::size_t bytes = std::size_t{records} * sizeof(Record);
    void* const mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    size_ = records;
    records_.store(static_cast<Record*>(mapped), rlx);  // relaxed: there is no other thread yet
}

// Relaxed, all here: a record's check tells whether it is whole.
void RecordedStacks::add(BlockCall call, const void* block) noexcept {
    std::uintptr_t frames[kMostFrames] = {};
    base::capture_stack(frames, kMostFrames, nullptr);
    const std::uint64_t number = calls_.fetch_add(1, rlx) + 1;
    Record& record = records_.load(rlx)[number % size_];
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    const std::uint64_t call_thread =
        static_cast<std::uint64_t>(call) << 32 | static_cast<std::uint32_t>(gettid());
    std::uint64_t check = mix(mix(mix(0, number), address), call_thread);
    record.number.store(number, rlx);
    record.block.store(address, rlx);
    record.call_thread.store(call_thread, rlx);
    for (unsigned i = 0; i < kMostFrames; ++i) {
        record.frames[i].store(frames[i], rlx);
        check = mix(check, frames[i]);
    }
    record.check.store(check, rlx);
}

RecordedStacks::Found RecordedStacks::find(BlockCall call, const void* block,
                                           std::uint64_t before) const noexcept {
    Found found = {};
    // Relaxed, all here: as in add().
    const Record* const records = records_.load(rlx);
    const std::uint64_t calls = calls_.load(rlx);
    for (std::uint32_t i = 0; records != nullptr && i < size_ && i < calls; ++i) {
        const Record& record = records[(calls - i) % size_];
        const std::uint64_t call_thread = record.call_thread.load(rlx);
        const auto address = reinterpret_cast<std::uintptr_t>(block);
        if (record.block.load(rlx) != address || call_thread >> 32 != static_cast<unsigned>(call))
            continue;
        const std::uint64_t number = record.number.load(rlx);
        std::uint64_t check = mix(mix(mix(0, number), address), call_thread);
        found = {number, calls - number, static_cast<std::uint32_t>(call_thread), 0, {}};
        for (unsigned n = 0; n < kMostFrames; ++n) {
            found.frames[n] = record.frames[n].load(rlx);
            check = mix(check, found.frames[n]);
            if (found.frames[n] != 0) found.count = n + 1;
        }
        if (check == record.check.load(rlx) && number < before) return found;
    }
    return {};
}

}  // namespace ashlar::cache

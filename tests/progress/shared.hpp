// The page that the driver and its worker share. Words only: neither side needs the other to hold or to free anything, so the
// driver can tell what the worker's threads do while one of them is frozen.
#ifndef ASHLAR_PROGRESS_SHARED_HPP
#define ASHLAR_PROGRESS_SHARED_HPP

#include <atomic>
#include <cstdint>

namespace progress {

constexpr int helpers = 3;
constexpr int shared_descriptor = 200;  // inherited by the worker

struct Shared {
    std::atomic<std::uint32_t> victim;             // thread id of the one that gets frozen; 0: not running yet
    std::atomic<std::uint32_t> round;              // raised by the driver: each helper does one batch; a futex
    std::atomic<std::uint32_t> finished[helpers];  // the round that a helper has finished last
    std::atomic<std::uint64_t> steps[helpers];     // operations begun: stands still while a helper is blocked
    std::atomic<std::uint64_t> victim_steps;
    std::atomic<std::uint32_t> faults;  // blocks whose content was wrong
    char allocator[4096];               // path of the object in which malloc lies, written before `victim`
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace progress

#endif

// The page that a driver and its worker share. It has only words, so that
// neither side waits for the other. The driver reads there how far the worker's
// threads are while one is frozen.
#ifndef ASHLAR_PROGRESS_SHARED_HPP
#define ASHLAR_PROGRESS_SHARED_HPP

#include <atomic>
#include <cstdint>

namespace progress {

constexpr int helpers = 3;
constexpr int shared_descriptor = 200;  // inherited by the worker

enum class Round : std::uint32_t {
    work,   // a batch of everything
    audit,  // free everything, check for blocks handed out twice, count memory
};

struct Shared {
    // Thread id of the one that gets frozen; 0: not running yet.
    std::atomic<std::uint32_t> victim;
    // Raised by the driver: each helper does one batch; a futex.
    std::atomic<std::uint32_t> round;
    std::atomic<Round> kind;                       // what they do in that round
    std::atomic<std::uint32_t> finished[helpers];  // the round that a helper has finished last
    // Operations begun: stands still while a helper is blocked.
    std::atomic<std::uint64_t> steps[helpers];
    std::atomic<std::uint64_t> victim_steps;
    std::atomic<std::uint32_t> faults;  // blocks whose content was wrong
    // Path of the object in which malloc lies, written before `victim`.
    char allocator[4096];

    // For scripted victims, one thread for each instance of an operation.
    std::atomic<std::uint32_t> operation;  // its number, written before `wanted`
    std::atomic<std::uint32_t> wanted;     // raised by the driver: one more victim, please; a futex
    std::atomic<std::uint32_t> traced;     // thread id of the victim that may begin; a futex
    // Address of the function by which a victim says that it begins and ends.
    std::atomic<std::uint64_t> marker;
    // Address of a function that ends its thread without another word.
    std::atomic<std::uint64_t> way_out;
    std::atomic<std::uint64_t> held;      // at the last audit: units that are not free
    std::atomic<std::uint64_t> spread;    // at the last audit: units that were ever used
    std::atomic<std::uint32_t> findings;  // at the last audit: what the heap check found
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace progress

#endif

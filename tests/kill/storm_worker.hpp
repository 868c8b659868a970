// The processes of a storm, and the board in memory outside the heap on which
// their threads note what they have.
#ifndef ASHLAR_KILL_STORM_WORKER_HPP
#define ASHLAR_KILL_STORM_WORKER_HPP

#include <ashlar/shared_heap.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "support/random.hpp"

namespace kills {

constexpr unsigned kMostProcesses = 64;
constexpr unsigned kThreads = 3;  // of a process
constexpr std::size_t kUnitBytes = std::size_t{1} << 16;
constexpr std::size_t kLimit = std::size_t{1} << 28;
constexpr std::size_t kPlacesOfThread = 16;
constexpr std::size_t kPlaces = kPlacesOfThread * kThreads * kMostProcesses;
// A large block, so that it takes no slab.
constexpr std::size_t kTableBytes = 2 * kUnitBytes;
static_assert(kTableBytes >= kPlaces * sizeof(std::uint64_t));

// A mark in a noted offset: the block is about to be freed, or is free.
constexpr std::uint64_t kFreeing = 1;

struct Entry {
    std::atomic<std::uint64_t> block;  // stored last
    std::uint64_t size;
    std::uint64_t stamp;  // the block's first word
};

/// Blocks of one thread. The next thread in its place takes them over.
struct Row {
    std::atomic<std::uint64_t> operations;
    Entry entries[64];
};

struct Board {
    std::atomic<bool> over;
    std::uint64_t places;  // offset of the table of blocks that are handed over
    Row rows[kThreads * kMostProcesses];
};

/// The process with a number: opens the heap in `file`, and runs threads until
/// the storm is over.
[[noreturn]] void work(int file, Board& board, unsigned number, std::uint64_t seed);

}  // namespace kills

#endif

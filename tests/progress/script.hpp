// The parts of a scripted victim: its operations, its blocks, and the worker's
// work on them.
#ifndef ASHLAR_PROGRESS_SCRIPT_HPP
#define ASHLAR_PROGRESS_SCRIPT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "operations.hpp"

namespace progress {

// A block that the victim holds; `size` is written before `block`. Other
// threads read it only while the victim is frozen or has ended.
struct Kept {
    std::atomic<unsigned char*> block;
    std::size_t size;
};
constexpr std::size_t kept_slots = 300;
extern Kept kept[kept_slots];

// The first and the last word of a block name its holder: a block that is
// handed out twice has been stamped twice.
inline void stamp(void* block, std::size_t size, std::uint64_t owner) noexcept {
    std::memcpy(block, &owner, sizeof owner);
    std::memcpy(static_cast<unsigned char*>(block) + size - sizeof owner, &owner, sizeof owner);
}
inline bool is_stamped(const void* block, std::size_t size, std::uint64_t owner) noexcept {
    return std::memcmp(block, &owner, sizeof owner) == 0 &&
           std::memcmp(static_cast<const unsigned char*>(block) + size - sizeof owner, &owner,
                       sizeof owner) == 0;
}

void keep(std::size_t slot, void* block, std::size_t size) noexcept;
void give_kept() noexcept;

// Run in another thread before the victim starts; in the victim; and the part
// that is stepped through.
void prepare_elsewhere(std::uint32_t operation) noexcept;
void prepare(std::uint32_t operation) noexcept;
void run(std::uint32_t operation) noexcept;
// In the last round of the thread's destructors.
bool runs_after_exit(std::uint32_t operation) noexcept;

// Starts a victim each time the driver asks for one. Never returns.
[[noreturn]] void serve_victims() noexcept;
// A helper's part of an audit; the helper with `index` 0 checks.
void audit(std::uintptr_t index, std::uint32_t round) noexcept;

}  // namespace progress

#endif

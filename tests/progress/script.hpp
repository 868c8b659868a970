// The scripted victim's parts: its operations, the blocks that it holds, and what the worker does about it.
#ifndef ASHLAR_PROGRESS_SCRIPT_HPP
#define ASHLAR_PROGRESS_SCRIPT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "operations.hpp"

namespace progress {

// A block that the victim holds; `size` is written before `block`. Others look only when the victim is frozen or gone.
struct Kept {
    std::atomic<unsigned char*> block;
    std::size_t size;
};
constexpr std::size_t kept_slots = 300;
extern Kept kept[kept_slots];

// The first and the last word of a block say whose it is: a block that was handed out twice has been stamped twice.
inline void stamp(void* block, std::size_t size, std::uint64_t owner) noexcept {
    std::memcpy(block, &owner, sizeof owner);
    std::memcpy(static_cast<unsigned char*>(block) + size - sizeof owner, &owner, sizeof owner);
}
inline bool is_stamped(const void* block, std::size_t size, std::uint64_t owner) noexcept {
    return std::memcmp(block, &owner, sizeof owner) == 0 &&
           std::memcmp(static_cast<const unsigned char*>(block) + size - sizeof owner, &owner, sizeof owner) == 0;
}

void keep(std::size_t slot, void* block, std::size_t size) noexcept;
void give_kept() noexcept;

// In another thread, before the victim's birth; in the victim; the part that is stepped through.
void prepare_elsewhere(std::uint32_t operation) noexcept;
void prepare(std::uint32_t operation) noexcept;
void run(std::uint32_t operation) noexcept;
bool runs_after_exit(std::uint32_t operation) noexcept;  // in the last round of the thread's destructors

// Makes a victim each time that the driver wants one. Never returns.
[[noreturn]] void serve_victims() noexcept;
// A helper's part of an audit; `index` 0 does the looking.
void audit(std::uintptr_t index, std::uint32_t round) noexcept;

}  // namespace progress

#endif

// Which pages of a process are resident, by /proc/PID/pagemap. A page that was
// only read is the system's page of zeros: present, but not counted in RSS.
// After a fork it cannot be told from a page that both processes share. A core
// file does not say: there, pages that are not all zero count. One thread at a
// time.
#ifndef ASHLAR_MALLOC_INSPECT_RESIDENCY_HPP
#define ASHLAR_MALLOC_INSPECT_RESIDENCY_HPP

#include <cstdint>

#include "base/config.hpp"
#include "malloc/inspect/memory.hpp"

namespace ashlar::inspect {

// Parts of a unit whose residency is told: of 4 KiB each.
inline constexpr unsigned kPartShift = 12;
inline constexpr std::uint64_t kPart = std::uint64_t{1} << kPartShift;
inline constexpr unsigned kParts = base::kUnitSize / kPart;

class Residency {
  public:
    // Fails if the system refuses: nothing is resident then.
    void open(int process) noexcept;
    // Of a core file.
    void open(const Memory& core) noexcept;
    void close() noexcept;
    [[nodiscard]] bool opened() const noexcept { return file_ >= 0 || core_ != nullptr; }
    // Whether pages that are shared with another process count: they do after a
    // fork.
    void count_shared(bool wanted) noexcept { shared_ = wanted; }

    // A bit for each part of the unit-sized range that begins there, the lowest
    // first.
    [[nodiscard]] std::uint32_t parts(std::uint64_t address) noexcept;
    // Resident bytes of [from, to).
    [[nodiscard]] std::uint64_t bytes(std::uint64_t from, std::uint64_t to) noexcept;

  private:
    static constexpr std::uint64_t kEntries = 1024;
    [[nodiscard]] bool resident(std::uint64_t page) noexcept;
    [[nodiscard]] bool in_core(std::uint64_t page) const noexcept;

    int file_ = -1;
    const Memory* core_ = nullptr;
    bool shared_;
    unsigned page_shift_;
    std::uint64_t first_;  // page of entries_[0]
    std::uint64_t count_;
    std::uint64_t entries_[kEntries];
};

}  // namespace ashlar::inspect

#endif

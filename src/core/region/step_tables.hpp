// Tables in a reservation without access, which are opened together as their
// entries come into use. Each step opens a quarter of what is open, and at
// least a page of the widest table: pages that no entry needs stay out of reach
// of mlockall(). The owner keeps the number of open entries. One thread at a
// time.
#ifndef ASHLAR_CORE_REGION_STEP_TABLES_HPP
#define ASHLAR_CORE_REGION_STEP_TABLES_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::region {

class StepTables {
  public:
    // `open_end`: the address up to which the reservation is open already.
    explicit StepTables(std::uintptr_t open_end = 0) noexcept : open_end_(open_end) {}
    // Adds a table, and opens its entries [0, opened). False: the system
    // refuses, and nothing changed.
    [[nodiscard]] bool add(const void* start, std::size_t entry_bytes,
                           std::uint32_t opened) noexcept;
    void add(const void* start, std::size_t entry_bytes) noexcept;
    // Opens entries [0, wanted) of all tables, and some more, up to `most`.
    // `opened`: how many are open. Returns how many are now: `opened` if the
    // system refuses.
    [[nodiscard]] std::uint32_t open(std::uint32_t opened, std::uint32_t wanted,
                                     std::uint32_t most) const noexcept;

  private:
    struct Table {
        std::uintptr_t start;
        std::size_t entry_bytes;
    };
    static constexpr std::uint32_t kMost = 8;

    [[nodiscard]] bool open_part(const Table& table, std::uint32_t opened,
                                 std::uint32_t to) const noexcept;
    [[nodiscard]] bool open_to(std::uint32_t opened, std::uint32_t to) const noexcept;

    std::uintptr_t open_end_;
    Table tables_[kMost]{};
    std::uint32_t count_ = 0;
    std::size_t widest_ = 1;
};

}  // namespace ashlar::region

#endif

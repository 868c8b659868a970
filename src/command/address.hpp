// Looks up an address of a process: the block that has it, whether that is
// live or where it is free, and its neighbours. Of a process that runs, the
// answer holds for one moment.
#ifndef ASHLAR_COMMAND_ADDRESS_HPP
#define ASHLAR_COMMAND_ADDRESS_HPP

#include <cstdint>
#include <optional>
#include <string>

#include "command/target.hpp"

namespace ashlar::command {

// A block, or free units that lie together.
struct Neighbour {
    std::uint64_t address = 0, bytes = 0;
    std::string state;
};

struct SlabAnswer {
    std::uint64_t address = 0, bytes = 0;
    std::uint64_t blocks = 0, in_use = 0;
};

struct AddressAnswer {
    std::uint64_t address = 0;
    // "block", "run", "mapped", "units", "slab_end", "metadata", "guarded",
    // "reserved" or "foreign"
    std::string kind;
    std::string state;  // "live", or where it is free; for the other kinds, a sentence
    std::uint64_t start = 0, bytes = 0;  // of the block, run or units; 0: none
    std::optional<SlabAnswer> slab;
    std::optional<Neighbour> before, after;
    [[nodiscard]] bool ours() const { return kind != "foreign"; }
};

/// A number in base 16, with 0x or without. Throws Failure if it is none.
std::uint64_t parse_address(const std::string& text);

AddressAnswer look_up(const Target& target, std::uint64_t address);

/// On stdout. Returns the exit status: 1 if no heap has the address.
int print_address(const AddressAnswer& answer, bool json);

}  // namespace ashlar::command

#endif

// One snapshot of a heap, as the JSON object that the page of `ashlar map`
// draws.
#ifndef ASHLAR_COMMAND_SNAPSHOT_HPP
#define ASHLAR_COMMAND_SNAPSHOT_HPP

#include <cstdint>
#include <string>

#include "command/target.hpp"

namespace ashlar::command {

struct Snapshot {
    std::string json;
    std::size_t units = 0;
};

/// {"at": milliseconds, "report": as `ashlar report --json` prints it,
///  "mapped": [address, bytes, ...],
///  "heaps": [{"address", "units", "cells": [...]}]}
///
/// A cell is a unit. Five numbers stand for cells that are equal and follow
/// each other: count, code, used, resident, length. A code is a bin, or
/// kBins + the use of a free unit. `used` and `resident` are bytes of each.
/// `length` is that of the slab or run that begins here, in units, and 0 at its
/// other units.
Snapshot take_snapshot(const Target& target, std::int64_t at);

/// The texts of the waterfall by their keys, as a JSON object.
std::string waterfall_texts();

}  // namespace ashlar::command

#endif

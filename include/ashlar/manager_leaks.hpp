/// \file
/// Reports of the blocks of an ashlar::MemoryManager that are still live. A
/// callback for the manager's end is ManagerOptions::on_end.
#ifndef ASHLAR_MANAGER_LEAKS_HPP
#define ASHLAR_MANAGER_LEAKS_HPP

#include <ashlar/memory_manager.hpp>
#include <iosfwd>

namespace ashlar {

/// Writes a line for each live block by address, such as
/// `block at 4096: 100 bytes, user data 7, "mesh"`. Returns the number of
/// blocks. Sees them as MemoryManager::for_each() does, and throws as
/// MemoryManager::name() and the stream do. Thread-safe. O(ranges + small
/// blocks).
ASHLAR_API std::uint64_t write_leaks(std::ostream& out, const MemoryManager& manager);

}  // namespace ashlar

#endif

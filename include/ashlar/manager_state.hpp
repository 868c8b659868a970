/// \file
/// The state of an ashlar::MemoryManager in a stream or a file, and the manager
/// that it becomes again, with the same offsets and handles. The format is
/// described in `docs/manager/state.md`.
#ifndef ASHLAR_MANAGER_STATE_HPP
#define ASHLAR_MANAGER_STATE_HPP

#include <ashlar/memory_manager.hpp>
#include <iosfwd>
#include <span>
#include <string>

namespace ashlar {

/// Options of save_state().
struct SaveOptions {
    /// Whether the bytes of blocks are saved, if the manager has memory of its
    /// own. Bytes of the caller's are never saved: a mapped file keeps them.
    bool bytes = true;
};

/// Writes the state of a manager: capacity, limits, all blocks with user data,
/// names and handles, and the slabs of small blocks. Pins, passes, callbacks
/// and the collector are not saved. A block in a pass is saved where it was.
///
/// Thread safety: as MemoryManager::check(). The state is of one moment, apart
/// from names and user data that other threads set meanwhile. Bytes are
/// copied after that moment, without the lock. If bytes are saved, other
/// threads must not write, free or move blocks meanwhile.
///
/// Throws BadSize for a manager that was moved from, std::ios_base::failure if
/// the stream fails, what the stream throws, and std::bad_alloc. O(ranges +
/// small blocks + handles + bytes). Needs memory for a record of each block.
ASHLAR_API void save_state(const MemoryManager& manager, std::ostream& out,
                           SaveOptions options = {});
/// Writes the state to a file. Writes `path` + ".new" first, syncs it and
/// renames it. So the file at `path` is the old one or the new one, whenever
/// the program or the system ends. Calls for one path must not overlap.
/// Otherwise as the function above. Throws std::system_error if the file cannot
/// be written.
ASHLAR_API void save_state(const MemoryManager& manager, const std::string& path,
                           SaveOptions options = {});

/// Returns a manager with the saved state and memory of its own. Bytes are zero
/// where none were saved. It reads the state and nothing behind it, so a stream
/// may hold several; open it in binary mode.
///
/// All blocks have their offsets, sizes, handles, names and user data again.
/// The capacity, the granularity and the initial size are the saved ones. So
/// are `limit`, `highest_limit` and `small_limit`, unless the options set them.
/// Everything else is what the options say. Slabs become slabs again if the
/// highest limit leads to the same size of slabs. Otherwise the policy holds
/// each saved small block. New small blocks come from slabs in both cases.
///
/// Throws BadState if the stream ends early, was damaged, or is of another
/// version. Throws ManagerError (bad_options) if the options do not suit: a
/// granularity other than 1 or the saved one, or too few `most_ranges`. Also
/// throws as the constructor of MemoryManager, and what the stream throws.
/// O(blocks log holes + bytes).
[[nodiscard]] ASHLAR_API MemoryManager load_state(std::istream& in, ManagerOptions options = {});
/// The same over the caller's bytes, such as a mapped file. The buffer must
/// outlive the manager, and is its capacity. Bytes that were saved are copied
/// into it; otherwise it is left as it is. Throws BadSize if it is smaller than
/// the saved capacity. If it throws while it copies bytes, their contents are
/// unspecified.
[[nodiscard]] ASHLAR_API MemoryManager load_state(std::istream& in, std::span<std::byte> buffer,
                                                  ManagerOptions options = {});
/// The same without memory. Bytes that were saved are skipped.
[[nodiscard]] ASHLAR_API MemoryManager load_state_without_memory(std::istream& in,
                                                                 ManagerOptions options = {});

}  // namespace ashlar

#endif

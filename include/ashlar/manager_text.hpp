/// \file
/// Text for what ashlar::MemoryManager returns: statuses, handles, statistics.
/// The same in every locale.
#ifndef ASHLAR_MANAGER_TEXT_HPP
#define ASHLAR_MANAGER_TEXT_HPP

#include <ashlar/manager_types.hpp>
#include <iosfwd>
#include <string>

namespace ashlar {

/// Returns the name of a status as in the source, such as `bad_offset`;
/// `unknown status` for other values. The text lives for ever. O(1).
[[nodiscard]] ASHLAR_API const char* to_string(Status status) noexcept;
/// Returns the name of a use of bytes as in the source, such as `small_block`;
/// `unknown kind` for other values. The text lives for ever. O(1).
[[nodiscard]] ASHLAR_API const char* to_string(BlockView::Kind kind) noexcept;
/// Returns a handle as `place:life`, such as `7:0`, and `none` for the handle
/// with the value 0. Throws std::bad_alloc. O(1).
[[nodiscard]] ASHLAR_API std::string to_string(Handle handle);
/// Returns one line: `24 of 4096 bytes in 1 block, ...`. Throws std::bad_alloc.
/// O(1).
[[nodiscard]] ASHLAR_API std::string to_string(const ManagerStatistics& statistics);
/// Returns one line: `3 moves of 96 bytes, ...`. Throws std::bad_alloc. O(1).
[[nodiscard]] ASHLAR_API std::string to_string(const DefragmentationStatistics& statistics);
/// Returns one line: `cycle 2 freed 5 blocks of 120 bytes, ...`. Throws
/// std::bad_alloc. O(1).
[[nodiscard]] ASHLAR_API std::string to_string(const CollectionStatistics& statistics);

/// Writes to_string(status). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, Status status);
/// Writes to_string(kind). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, BlockView::Kind kind);
/// Writes to_string(handle). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, Handle handle);
/// Writes to_string(statistics). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, const ManagerStatistics& statistics);
/// Writes to_string(statistics). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, const DefragmentationStatistics& statistics);
/// Writes to_string(statistics). Throws what the stream throws. O(1).
ASHLAR_API std::ostream& operator<<(std::ostream& out, const CollectionStatistics& statistics);

}  // namespace ashlar

#endif

/// \file
/// Requests of blocks with named fields, for ashlar::MemoryManager::allocate().
/// All sizes and offsets are in bytes.
#ifndef ASHLAR_MANAGER_REQUEST_HPP
#define ASHLAR_MANAGER_REQUEST_HPP

#include <ashlar/manager_types.hpp>
#include <cstdint>
#include <string_view>

namespace ashlar {

/// A request for one block. Set the fields by name, as in
/// `manager.allocate({.size = 4096, .alignment = 256})`. A list without names
/// does not compile, so that a size and an alignment cannot be swapped.
struct BlockRequest {
    /// Keeps lists without names from compiling.
    struct ByName {
        /// Creates the marker.
        explicit ByName() = default;
    };
    /// Never set.
    [[no_unique_address]] ByName by_name = ByName();
    /// Size of the block. 0 counts as 1.
    Size size = 1;
    /// The offset is a multiple of it. A power of two.
    Size alignment = 1;
    /// Where the block is placed. With any but Strategy::by_policy, also a
    /// small block takes the lock and a record, as one above
    /// ManagerOptions::small_limit does.
    Strategy strategy = Strategy::by_policy;
    /// The block's number; see MemoryManager::user_data().
    std::uint64_t user_data = 0;
    /// The block's name; see MemoryManager::name(). It is copied.
    std::string_view name = {};
    /// Whether the block may be moved. It then has a handle, as with
    /// MemoryManager::allocate_movable().
    bool movable = false;
    /// Whether the block is a root of the collector, which never frees it, as
    /// with MemoryManager::allocate_root(). Movable blocks always are.
    bool root = false;
};

/// A block of a BlockRequest.
struct Block {
    /// First byte. That of a movable block may change; see
    /// MemoryManager::resolve().
    Offset offset = 0;
    /// The handle of a movable block. Empty for others.
    Handle handle = {};
    /// Size as requested, rounded up to the granularity.
    Size size = 0;
};

}  // namespace ashlar

#endif

/// \file
/// Objects in and around a MemoryManager: trivially copyable objects in blocks,
/// and blocks and pins that end with a scope.
#ifndef ASHLAR_MANAGER_OBJECTS_HPP
#define ASHLAR_MANAGER_OBJECTS_HPP

#include <ashlar/memory_manager.hpp>
#include <concepts>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace ashlar {

/// A type whose objects are copied with their bytes.
template <class T>
concept Plain = std::is_trivially_copyable_v<T> && std::default_initializable<T>;

/// Reads an object whose bytes begin at `start`, at any alignment. Throws as
/// MemoryManager::read(): OutsideBlock, and NoMemory. Costs as that.
template <Plain T>
[[nodiscard]] T read_object(const MemoryManagerInterface& manager, Offset start) {
    T object;
    manager.read(start, std::as_writable_bytes(std::span(&object, 1)));
    return object;
}
/// Writes the bytes of an object at `start`, at any alignment. Throws as
/// MemoryManager::write(): OutsideBlock, and NoMemory. Costs as that.
template <Plain T>
void write_object(MemoryManagerInterface& manager, Offset start, const T& object) {
    manager.write(start, std::as_bytes(std::span(&object, 1)));
}

/// A block that is freed at the end of a scope. The manager must outlive it.
/// Calls for one ScopedBlock must not overlap.
class ScopedBlock {
  public:
    /// Owns no block. O(1).
    ScopedBlock() noexcept = default;
    /// Allocates a block as MemoryManager::allocate() does. Owns none if
    /// nothing fits. Throws BadAlignment.
    ScopedBlock(MemoryManager& manager, Size size, Size alignment = 1)
        : manager_(&manager), offset_(manager.allocate(size, alignment)) {}
    /// Takes over a block. O(1).
    ScopedBlock(ScopedBlock&& other) noexcept
        : manager_(other.manager_), offset_(std::exchange(other.offset_, std::nullopt)) {}
    /// Frees the own block and takes over another one.
    ScopedBlock& operator=(ScopedBlock&& other) noexcept {
        if (this == &other) return *this;
        reset();
        manager_ = other.manager_;
        offset_ = std::exchange(other.offset_, std::nullopt);
        return *this;
    }
    /// Frees the block. A block that was freed before is left alone.
    ~ScopedBlock() { reset(); }

    /// Returns whether there is a block. O(1).
    [[nodiscard]] explicit operator bool() const noexcept { return offset_.has_value(); }
    /// Returns the block's offset, nullopt without a block. O(1).
    [[nodiscard]] std::optional<Offset> offset() const noexcept { return offset_; }
    /// Gives up the block without freeing it, and returns its offset. O(1).
    std::optional<Offset> release() noexcept { return std::exchange(offset_, std::nullopt); }
    /// Frees the block now. Costs as MemoryManager::deallocate().
    void reset() noexcept {
        if (offset_) static_cast<void>(manager_->try_deallocate(*offset_));
        offset_.reset();
    }

  private:
    MemoryManager* manager_ = nullptr;
    std::optional<Offset> offset_;
};

/// A movable block that stays where it is until the end of a scope. The manager
/// must outlive it. Calls for one ScopedPin must not overlap.
class ScopedPin {
  public:
    /// Pins a block as MemoryManager::pin() does. Throws BadHandle. O(1).
    ScopedPin(MemoryManager& manager, Handle handle)
        : manager_(&manager), handle_(handle), offset_(manager.pin(handle)) {}
    /// Takes over a pin. O(1).
    ScopedPin(ScopedPin&& other) noexcept
        : manager_(std::exchange(other.manager_, nullptr)), handle_(other.handle_),
          offset_(other.offset_) {}
    /// A pin is not assigned.
    ScopedPin& operator=(ScopedPin&&) = delete;
    /// Takes back the pin. O(1).
    ~ScopedPin() {
        if (manager_ != nullptr) static_cast<void>(manager_->try_unpin(handle_));
    }
    /// Returns the offset of the block. O(1).
    [[nodiscard]] Offset offset() const noexcept { return offset_; }

  private:
    MemoryManager* manager_;
    Handle handle_;
    Offset offset_;
};

}  // namespace ashlar

#endif

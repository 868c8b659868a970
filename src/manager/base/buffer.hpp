// The bytes behind a manager's offsets: a mapping of its own, the caller's
// parts, or none. Grows and shrinks under the growth lock. A thread with a live
// block may call at() at any time: parts below a live block never change.
#ifndef ASHLAR_MANAGER_BASE_BUFFER_HPP
#define ASHLAR_MANAGER_BASE_BUFFER_HPP

#include <array>
#include <ashlar/policy.hpp>
#include <cstddef>
#include <memory>
#include <span>

#include "base/atomic.hpp"

namespace ashlar::manager {

class Buffer {
  public:
    enum class Kind { own, parts, none };

    // Reserves `limit` bytes of address space, and makes the first `size`
    // accessible; throws std::bad_alloc. Addresses are aligned as their offsets
    // are, up to 1 GiB.
    [[nodiscard]] static Buffer own(Size limit, Size size);
    [[nodiscard]] static Buffer own(Size size) { return own(size, size); }
    explicit Buffer(std::span<std::byte> first) noexcept;
    Buffer() noexcept = default;  // none
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer();

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    // Whether bytes that are added at the end continue those before.
    [[nodiscard]] bool contiguous() const noexcept { return kind_ != Kind::parts; }

    // The byte of a live block; nullptr without memory. O(1) within the first
    // part, else O(log parts).
    [[nodiscard]] std::byte* at(Offset offset) const noexcept {
        if (offset < first_size_) [[likely]]
            return first_ + offset;
        return kind_ == Kind::parts ? find(offset) : nullptr;
    }
    // The offset below `capacity`, which was read before, whose byte lies at
    // the address; `capacity`: none does. O(parts).
    [[nodiscard]] Offset offset_of(const void* address, Size capacity) const noexcept;
    // Makes the bytes of a buffer of its own accessible up to `end`. False: the
    // system refuses. Under the growth lock.
    [[nodiscard]] bool open(Offset end) noexcept;
    // The caller's next part, whose first byte is `start`. False: no memory to
    // note it in.
    [[nodiscard]] bool add(Offset start, std::span<std::byte> part) noexcept;
    // Where the last part begins, beside the first one; 0: there is no other.
    [[nodiscard]] Offset last_start() const noexcept;
    // Returns the part that add() was given last; it is the caller's again.
    std::span<std::byte> drop_last() noexcept;
    // Gives the whole pages between two offsets back to the system; they read
    // as zero. Returns whether there was any.
    bool purge(Offset start, Size size) const noexcept;

  private:
    // Atomic, since a reader's search may look at a place that is being filled
    // above its own.
    struct Part {
        base::Atomic<Offset> start;
        base::Atomic<std::byte*> bytes;
        std::size_t size;  // as the caller gave it; the growth lock
    };
    static constexpr unsigned kChunks = 32;

    [[nodiscard]] std::byte* find(Offset offset) const noexcept;
    [[nodiscard]] Part& part(std::uint32_t index) const noexcept;

    Kind kind_ = Kind::none;
    std::byte* first_ = nullptr;
    Size first_size_ = 0;
    Size opened_ = 0;                                        // of a buffer of its own: accessible
    base::Atomic<std::uint32_t> parts_{0};                   // beside the first
    std::array<std::unique_ptr<Part[]>, kChunks> chunks_{};  // of 1, 2, 4 … parts
};

}  // namespace ashlar::manager

#endif

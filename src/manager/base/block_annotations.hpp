// Notes of users on blocks. Names, and the user data of movable blocks, are
// kept by offset, under a lock of its own; any thread. The user data of small
// blocks lies in small(), and that of other blocks in their ranges. Flags say
// which blocks have a name: of a range its state, of small blocks small(). So
// blocks without one are freed without a look-up.
#ifndef ASHLAR_MANAGER_BASE_BLOCK_ANNOTATIONS_HPP
#define ASHLAR_MANAGER_BASE_BLOCK_ANNOTATIONS_HPP

#include <ashlar/policy.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/atomic.hpp"
#include "manager/base/lock.hpp"
#include "manager/base/small_annotations.hpp"

namespace ashlar::manager {

class BlockAnnotations {
  public:
    explicit BlockAnnotations(bool shared) noexcept { lock_.attach(shared ? &word_ : nullptr); }

    [[nodiscard]] SmallAnnotations& small() noexcept { return small_; }
    // Throw std::bad_alloc, nothing changed. A small block is told to small()
    // as well, whose table is there.
    void set_name(Offset block, std::string_view name);
    void set_user(Offset block, std::uint64_t value);
    [[nodiscard]] std::string name(Offset block) const;
    [[nodiscard]] std::unordered_map<Offset, std::string> names() const;
    [[nodiscard]] std::uint64_t user(Offset block) const noexcept;
    // Calls use(name, user data) for a block that has annotations. Nothing is
    // allocated.
    template <class Use>
    void look(Offset block, Use use) const noexcept {
        const Guard guard(lock_);
        const auto found = annotations_.find(block);
        if (found != annotations_.end())
            use(std::string_view(found->second.name), found->second.user);
    }

    // Relaxed: an annotation is attached before its block is handed to the
    // asking thread.
    [[nodiscard]] bool any() const noexcept { return count_.load(base::rlx) != 0; }
    // Bytes of names, and of the table that holds them, as far as they are
    // known.
    [[nodiscard]] Size metadata() const noexcept;
    void erase(Offset block) noexcept;
    // Gives back what the table has had for more blocks.
    void trim() noexcept;
    void clear() noexcept;
    // For a fork: no thread is inside any other member while it is held.
    [[nodiscard]] Lock& lock() noexcept { return lock_; }
    // Moves the annotations of a movable block to its new offset.
    void move(Offset from, Offset to) noexcept;

  private:
    struct Annotation {
        std::string name;
        std::uint64_t user = 0;
    };

    SmallAnnotations small_;
    base::TryLock word_{};
    mutable Lock lock_;
    base::Atomic<std::uint64_t> count_{0};
    // Of a name outside its string.
    [[nodiscard]] static Size bytes_of(const std::string& name) noexcept;

    std::unordered_map<Offset, Annotation> annotations_;
    Size name_bytes_ = 0;  // the sum of bytes_of()
};

}  // namespace ashlar::manager

#endif

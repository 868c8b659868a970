// What users attach to blocks beside a word of user data that the block's range has room for: names, and the user data of small
// and movable blocks. Kept by offset, under a lock of its own; any thread. Most managers have none: then freeing a block costs
// one load.
#ifndef ASHLAR_MANAGER_NOTES_HPP
#define ASHLAR_MANAGER_NOTES_HPP

#include <ashlar/policy.hpp>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/atomic.hpp"
#include "manager/lock.hpp"

namespace ashlar::manager {

class Notes {
  public:
    explicit Notes(bool shared) noexcept { lock_.attach(shared ? &word_ : nullptr); }

    // Throw std::bad_alloc, nothing changed.
    void set_name(Offset block, std::string_view name);
    void set_user(Offset block, std::uint64_t value);
    [[nodiscard]] std::string name(Offset block) const;
    [[nodiscard]] std::unordered_map<Offset, std::string> names() const;
    [[nodiscard]] std::uint64_t user(Offset block) const noexcept;

    // Relaxed: who attached a note to a block did so before the block was handed to whoever asks.
    [[nodiscard]] bool any() const noexcept { return count_.load(base::rlx) != 0; }
    void erase(Offset block) noexcept;
    // A movable block lies elsewhere from now on.
    void move(Offset from, Offset to) noexcept;

  private:
    struct Note {
        std::string name;
        std::uint64_t user = 0;
    };

    base::TryLock word_{};
    mutable Lock lock_;
    base::Atomic<std::uint64_t> count_{0};
    std::unordered_map<Offset, Note> notes_;
};

}  // namespace ashlar::manager

#endif

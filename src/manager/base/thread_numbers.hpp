// Small numbers of threads: no two live threads have the same, and that of a
// thread that ends goes to a new one, with whatever is kept by number (a slot
// of the gate, a first choice of a shard).
#ifndef ASHLAR_MANAGER_BASE_THREAD_NUMBERS_HPP
#define ASHLAR_MANAGER_BASE_THREAD_NUMBERS_HPP

#include <cstdint>

#include "base/atomic.hpp"
#include "base/bits.hpp"

namespace ashlar::manager {

// The calling thread's, 0 before it has one.
extern constinit thread_local std::uint32_t own_number [[gnu::tls_model("initial-exec")]];
[[nodiscard]] std::uint32_t first_number() noexcept;

// The calling thread's, from 1 on.
[[nodiscard]] inline std::uint32_t thread_number() noexcept {
    const std::uint32_t number = own_number;
    return number != 0 ? number : first_number();
}

// The lowest free number. The caller sees all that its last owner did. Beyond
// kMostNumbers each number is given out once.
inline constexpr std::uint32_t kMostNumbers = 4096;
[[nodiscard]] std::uint32_t take_thread_number() noexcept;
void give_thread_number(std::uint32_t number) noexcept;
// In the child of a fork: takes the numbers of all threads but the calling one
// back.
void take_back_thread_numbers() noexcept;

// The table that these two are of.
class ThreadNumbers {
  public:
    [[nodiscard]] std::uint32_t take() noexcept {
        using base::kWordBits;
        for (std::uint32_t w = 0; w < kMostNumbers / kWordBits; ++w) {
            // Relaxed: only a choice, the fetch_or decides.
            for (base::Word seen = taken_[w].load(base::rlx); ~seen != 0;) {
                const base::Word bit = base::bit(base::lowest(~seen));
                // [E37] acquire, pairs with the release in give(): the state
                // kept by number, as its last owner left it.
                seen = taken_[w].fetch_or(bit, base::acq);
                if ((seen & bit) == 0) return w * kWordBits + base::lowest(bit) + 1;
            }
        }
        return kMostNumbers + 1 + beyond_.fetch_add(1, base::rlx);  // relaxed: divides numbers
    }
    void give(std::uint32_t number) noexcept {
        if (number == 0 || number > kMostNumbers) return;
        const base::Word bit = base::bit((number - 1) % base::kWordBits);
        taken_[(number - 1) / base::kWordBits].fetch_and(~bit, base::rel);  // [E37] release
    }

    void take_back_all_but(std::uint32_t number) noexcept {
        // Relaxed, as below: there is one thread.
        for (base::Atomic<base::Word>& word : taken_) word.store(0, base::rlx);
        if (number == 0 || number > kMostNumbers) return;
        taken_[(number - 1) / base::kWordBits].store(base::bit((number - 1) % base::kWordBits),
                                                     base::rlx);
    }

  private:
    base::Atomic<base::Word> taken_[kMostNumbers / base::kWordBits]{};
    base::Atomic<std::uint32_t> beyond_{};
};

}  // namespace ashlar::manager

#endif

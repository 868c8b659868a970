// Reads of memory at addresses that may be wrong. The system looks at each
// page first, by a call that every sandbox allows: a read fails, it does not
// fault. No malloc, no lock, usable in signal handlers; any thread.
#ifndef ASHLAR_BASE_PEEK_HPP
#define ASHLAR_BASE_PEEK_HPP

#include <cstddef>
#include <cstdint>

namespace ashlar::base {

class Peek {
  public:
    // Copies bytes [from, from + bytes). False: some can't be read. Each page
    // is looked at once, and again after another one was.
    [[nodiscard]] bool copy(std::uintptr_t from, void* to, std::size_t bytes) noexcept;
    template <class T>
    [[nodiscard]] bool get(std::uintptr_t from, T& to) noexcept {
        return copy(from, &to, sizeof(T));
    }

  private:
    std::uintptr_t page_ = ~std::uintptr_t{0};  // the last that could be read
};

}  // namespace ashlar::base

#endif

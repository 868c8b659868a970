// The open heaps of this process, by address. Containers in a heap know only
// where they lie; this leads to the process's view. Lock-free, wait-free to read;
// any thread.
#ifndef ASHLAR_SHARED_API_MAPPINGS_HPP
#define ASHLAR_SHARED_API_MAPPINGS_HPP

#include <cstdint>

#include "base/atomic.hpp"

namespace ashlar::shared {

class Mapping;

class Mappings {
  public:
    static constexpr unsigned kMost = 256;

    // False: too many heaps are open.
    [[nodiscard]] bool add(Mapping& mapping, std::uintptr_t start, std::uintptr_t end) noexcept;
    void remove(const Mapping& mapping) noexcept;
    // The heap whose range has the address, if it is open during all of the
    // call; else nullptr.
    [[nodiscard]] Mapping* at(std::uintptr_t address) const noexcept;

  private:
    // `changes` is odd while the others change; whoever made it odd may write.
    struct Entry {
        base::Atomic<std::uint64_t> changes;
        base::Atomic<std::uintptr_t> start, end;
        base::Atomic<Mapping*> mapping;
    };
    Entry list_[kMost];
};
extern constinit Mappings mappings;

}  // namespace ashlar::shared

#endif

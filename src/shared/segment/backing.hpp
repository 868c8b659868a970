// The file below a segment. Offsets and sizes are multiples of the page size.
// No call changes errno. Any thread.
#ifndef ASHLAR_SHARED_SEGMENT_BACKING_HPP
#define ASHLAR_SHARED_SEGMENT_BACKING_HPP

#include <cstddef>

namespace ashlar::shared {

// Tests put a fake in its place.
class Backing {
  public:
    // Puts pages into the file, so that a touch cannot fail. Idempotent. False:
    // the file system is full, or a limit was reached.
    [[nodiscard]] virtual bool commit(std::size_t offset, std::size_t bytes) noexcept = 0;
    // Takes pages out of the file. The next commit finds zeros. False: nothing
    // changed.
    virtual bool punch(std::size_t offset, std::size_t bytes) noexcept = 0;

  protected:
    ~Backing() = default;
};

}  // namespace ashlar::shared

#endif

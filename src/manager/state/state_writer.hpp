// Writes a saved state to a stream.
#ifndef ASHLAR_MANAGER_STATE_STATE_WRITER_HPP
#define ASHLAR_MANAGER_STATE_STATE_WRITER_HPP

#include <array>
#include <cstdint>
#include <iosfwd>

#include "manager/base/buffer.hpp"
#include "manager/engine/saved_state.hpp"
#include "manager/state/crc32c.hpp"

namespace ashlar::manager {

class StateWriter {
  public:
    explicit StateWriter(std::ostream& out) noexcept : out_(out) {}

    // `bytes`: of the manager's own memory; null: none are written. Throws
    // std::ios_base::failure, and what the stream throws.
    void write(const SavedState& state, const Buffer* bytes);

  private:
    void header(const SavedState& state, bool bytes);
    void record(const SavedState& state, const SavedBlock& block);
    void put(unsigned char byte);
    void put(const void* bytes, std::size_t size);
    void number(std::uint64_t value, unsigned size);
    void packed(std::uint64_t value);
    void end_section();
    void flush();

    std::ostream& out_;
    Crc32c crc_;
    Offset last_ = 0;  // records say how far behind this they begin
    std::size_t filled_ = 0;
    std::array<unsigned char, 4096> room_;
};

}  // namespace ashlar::manager

#endif

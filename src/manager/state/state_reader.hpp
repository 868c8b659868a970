// Reads a saved state from a stream, and believes nothing that it says:
// whatever read() returns is a possible state, apart from handles that come
// twice.
#ifndef ASHLAR_MANAGER_STATE_STATE_READER_HPP
#define ASHLAR_MANAGER_STATE_STATE_READER_HPP

#include <cstdint>
#include <iosfwd>
#include <streambuf>

#include "manager/base/buffer.hpp"
#include "manager/engine/saved_state.hpp"
#include "manager/state/crc32c.hpp"

namespace ashlar::manager {

// All throw BadState, and what the stream throws.
class StateReader {
  public:
    explicit StateReader(std::istream& in) noexcept;

    // First this, then finish().
    [[nodiscard]] SavedState read();
    // Copies the bytes of blocks into the buffer, if there are any and it has
    // memory. Reads up to the end mark.
    void finish(const SavedState& state, const Buffer& buffer);

  private:
    struct Slab {
        Offset start = 0;
        Offset end = 0;
        Size stride = 0;
        std::uint64_t left = 0;  // blocks that are to follow
    };

    void header(SavedState& state);
    [[nodiscard]] SavedBlock record(SavedState& state);
    void name(SavedState& state, SavedBlock& block);
    void validate_header(const SavedState& state) const;
    void validate(const SavedState& state, const SavedBlock& block);
    void validate_slab(const SavedState& state, const SavedBlock& slab);
    void validate_small(const SavedBlock& block);
    void bytes_of(const SavedBlock& block, std::byte* to);

    [[nodiscard]] unsigned char get();
    void get(void* bytes, std::size_t size);
    void expect(const unsigned char (&mark)[8], const char* what);
    [[nodiscard]] std::uint64_t number(unsigned size);
    [[nodiscard]] std::uint32_t word() { return static_cast<std::uint32_t>(number(4)); }
    [[nodiscard]] std::uint64_t packed();
    void end_section(const char* what);
    void require(bool right, const char* what) const;
    [[noreturn]] void refuse(const char* what) const;

    std::streambuf* in_;
    std::uint64_t at_ = 0;  // bytes read, for messages
    Crc32c crc_;
    bool bytes_ = false;
    std::uint64_t records_ = 0;
    Offset last_ = 0;  // the least start of the next record
    Slab slab_;
};

}  // namespace ashlar::manager

#endif

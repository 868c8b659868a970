// A plain model of a MemoryManager, as its user sees it: the live blocks by
// their offsets. A difference ends the process with a line on stderr.
#ifndef ASHLAR_TESTS_FUZZ_MANAGER_BOOKS_HPP
#define ASHLAR_TESTS_FUZZ_MANAGER_BOOKS_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace fuzz {

using ashlar::Offset;
using ashlar::Size;

// Ends the process.
[[noreturn]] void fail_manager(const char* what, Offset offset, Size size);
inline void require_at(bool holds, const char* what, Offset offset = 0, Size size = 0) {
    if (!holds) fail_manager(what, offset, size);
}

struct Piece {
    enum class Kind { plain, reserved, movable };
    Size size = 0;  // the requested size, rounded up to the granularity
    Kind kind = Kind::plain;
    Size alignment = 1;
    std::uint8_t mark = 0;
    std::uint64_t user = 0;
    std::string name{};
    ashlar::Handle handle{};
    unsigned pins = 0;
    std::vector<Offset> refers{};  // the references that the collector's visitor reports
};

class Books {
  public:
    using Map = std::map<Offset, Piece>;

    // Checks that the block lies in the buffer and overlaps no other.
    void add(Offset start, const Piece& piece, Size capacity);
    void remove(Offset start) { live_.erase(start); }
    // The block has moved; all else stays.
    void move(Offset from, Offset to, Size capacity);

    [[nodiscard]] Map& live() noexcept { return live_; }
    [[nodiscard]] const Map& live() const noexcept { return live_; }
    [[nodiscard]] Map::iterator at(std::size_t i) {
        return std::next(live_.begin(), static_cast<std::ptrdiff_t>(i));
    }
    // The live block that covers the byte, or end().
    [[nodiscard]] Map::const_iterator covering(Offset offset) const;
    [[nodiscard]] bool is_free(Offset start, Size size, Size capacity) const;
    [[nodiscard]] Size used() const;

    struct Hole {
        Offset start;
        Size size;
    };
    [[nodiscard]] std::vector<Hole> holes(Size capacity) const;
    // The choices of a policy that knows all holes: the start of the block in
    // each hole with room.
    [[nodiscard]] std::vector<Hole> candidates(Size size, Size alignment, Size capacity) const;
    // The blocks that a collector must keep: all that the roots reach, and each
    // block that is not plain, with all that it reaches. `refers` returns the
    // offsets to which a block refers.
    using Refers = std::function<std::vector<Offset>(Offset start, const Piece& piece)>;
    [[nodiscard]] std::set<Offset> reached(const std::vector<Offset>& roots,
                                           const Refers& refers) const;

  private:
    Map live_;
};

[[nodiscard]] inline Offset aligned(Offset start, Size alignment) {
    return (start + alignment - 1) & ~(alignment - 1);
}

}  // namespace fuzz

#endif

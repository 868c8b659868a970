// One input: a manager with options that the input chooses, and a sequence of
// calls. Each call runs in one of four threads, which the input names, and is
// checked against the books. At the end everything is freed, and the buffer
// must be one hole.
#ifndef ASHLAR_TESTS_FUZZ_MANAGER_SESSION_HPP
#define ASHLAR_TESTS_FUZZ_MANAGER_SESSION_HPP

#include <memory>
#include <vector>

#include "../input.hpp"
#include "../team.hpp"
#include "books.hpp"

namespace fuzz {

class ManagerSession {
  public:
    explicit ManagerSession(Input input) : in_(input) {}
    void run();

  private:
    using Call = void (ManagerSession::*)();

    // setup.cpp: the input's first bytes
    void set_up();
    void choose_growth(ashlar::ManagerOptions& options, bool parts);
    [[nodiscard]] Size choose_capacity(bool memory);

    // blocks.cpp
    void take();
    void request();
    void check_strategy(ashlar::Strategy strategy, Offset start, Size size, Size alignment,
                        Size capacity) const;
    void give();
    void burst();
    void take_at();
    void reserve();
    void resize();
    void note();
    void trim();
    // sizes.cpp
    void reallocate();
    void resize_movable();
    void batch();
    void limit();
    void resized(Books::Map::iterator piece, Offset now, Size asked);
    // access.cpp
    void access();
    void misuse();
    void stale_handle();
    // moves.cpp
    void take_movable();
    void give_movable();
    void pin();
    void unpin();
    void defragment();
    void pass();
    void end_pass(std::vector<ashlar::Move>& moves);
    // collect.cpp
    void link();
    void collect();
    void leaks();
    // look.cpp
    void look();
    void look_at_figures() const;
    void look_at_parts() const;
    // state.cpp
    void save_and_load() const;

    void check_placement(Offset start, Size size, Size alignment, Size capacity) const;
    // Whether the books know every hole, so that they can check a refusal.
    [[nodiscard]] bool all_known() const;
    void added(Offset start, Piece piece, Size alignment);
    void free_piece(Books::Map::iterator piece);
    // Writes the block's content, or checks it.
    void fill(Offset start, const Piece& piece);
    void verify(Offset start, const Piece& piece) const;
    void require_room_for_all() const;
    // The bytes that the begin and the end of a block should hold.
    struct Content {
        std::vector<std::byte> head, tail;
    };
    [[nodiscard]] static Content content(Offset start, const Piece& piece);
    void require_refused(Offset offset);
    // Checks that the handle's block exists, and its content.
    void relocate(Offset from, Offset to);
    void collected(const std::set<Offset>& kept, const ashlar::CollectionStatistics& told);
    [[nodiscard]] Books::Refers referring(bool visited) const;

    [[nodiscard]] Size rounded(Size size) const {
        return aligned(size == 0 ? 1 : size, granularity_);
    }
    [[nodiscard]] Size size();
    [[nodiscard]] Size alignment();
    [[nodiscard]] Offset anywhere();
    // A random block of the kind; end(): none.
    [[nodiscard]] Books::Map::iterator any(Piece::Kind kind);
    [[nodiscard]] Books::Map::iterator any_piece();
    [[nodiscard]] bool full() const { return books_.live().size() >= kMostBlocks; }
    [[nodiscard]] ashlar::ReferenceVisitor visitor() const;
    [[nodiscard]] std::vector<Offset> roots();

    static constexpr std::size_t kMostBlocks = 500;
    static constexpr std::size_t kMostCalls = 600;

    Input in_;
    Books books_;
    std::vector<Offset> gone_;             // freed offsets
    std::vector<ashlar::Handle> handles_;  // freed handles
    std::uint8_t marks_ = 0;

    ashlar::Placement placement_ = ashlar::Placement::tlsf;
    bool memory_ = true, parts_ = false, few_ranges_ = false, slabs_ = false;
    Size granularity_ = 1, initial_ = 0, limit_ = 0, highest_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> bytes_;  // the caller's parts
    std::unique_ptr<ashlar::MemoryManager> manager_;
    Team team_;
};

// The status of the exception that f throws; ok: none.
template <class F>
ashlar::Status thrown(F f) {
    try {
        f();
    } catch (const ashlar::ManagerError& error) {
        require_at(*error.what() != '\0', "an exception without a message");
        return error.status();
    }
    return ashlar::Status::ok;
}

}  // namespace fuzz

#endif

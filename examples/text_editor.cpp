// The text of an editor as a list of pieces. Each piece is a movable block, so
// that an edit in the middle of a long text copies a few pieces only. Edits
// leave holes of all sizes. When a piece does not fit, defragment() moves the
// others together, and their handles stay valid.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(text_editor text_editor.cpp)
//   target_link_libraries(text_editor
//                         PRIVATE ashlar::manager Threads::Threads)
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <list>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::Handle;

class Text {
  public:
    explicit Text(ashlar::Size size)
        : manager_(size,
                   {.placement = ashlar::Placement::best_fit, .threads = ashlar::Threads::one}) {}

    void insert(std::size_t at, std::string_view text) {
        const auto behind = split(at);
        for (; !text.empty(); text.remove_prefix(std::min(text.size(), most)))
            pieces_.insert(behind, make(text.substr(0, most)));
    }
    void erase(std::size_t at, std::size_t count) {
        const auto first = split(at);
        const auto last = split(at + count);
        for (auto piece = first; piece != last; piece = pieces_.erase(piece))
            manager_.deallocate(piece->handle);
    }
    [[nodiscard]] std::string all() const {
        std::string text;
        for (const Piece& piece : pieces_) text += read(piece);
        return text;
    }
    [[nodiscard]] unsigned defragmentations() const { return defragmentations_; }
    [[nodiscard]] const ashlar::MemoryManager& manager() const { return manager_; }

  private:
    static constexpr std::size_t most = 512;
    struct Piece {
        Handle handle;
        std::size_t size;
    };
    using Pieces = std::list<Piece>;

    [[nodiscard]] Piece make(std::string_view text) {
        std::optional<Handle> handle = manager_.allocate_movable(text.size());
        if (!handle) {
            manager_.defragment();
            ++defragmentations_;
            handle = manager_.allocate_movable(text.size());
        }
        if (!handle) throw std::length_error("the text is too long");
        manager_.write(manager_.resolve(*handle), std::as_bytes(std::span(text)));
        return {*handle, text.size()};
    }
    [[nodiscard]] std::string read(const Piece& piece) const {
        std::string text(piece.size, '\0');
        manager_.read(manager_.resolve(piece.handle), std::as_writable_bytes(std::span(text)));
        return text;
    }
    // Returns the piece that begins at `at`, after cutting one in two.
    Pieces::iterator split(std::size_t at) {
        auto piece = pieces_.begin();
        for (; piece != pieces_.end() && at >= piece->size; ++piece) at -= piece->size;
        if (at == 0) return piece;
        const std::string text = read(*piece);
        manager_.deallocate(piece->handle);
        const std::string_view view = text;
        *piece = make(view.substr(0, at));
        return pieces_.insert(std::next(piece), make(view.substr(at)));
    }

    ashlar::MemoryManager manager_;
    Pieces pieces_;
    unsigned defragmentations_ = 0;
};

}  // namespace

int main() {
    Text text(50'000);
    std::string expected;
    std::mt19937 random(1);
    const auto below = [&random](std::size_t end) { return random() % (end + 1); };
    for (unsigned edit = 0; edit < 20'000; ++edit) {
        const std::size_t at = below(expected.size());
        if (expected.size() < 45'000) {
            const std::string typed(1 + below(edit % 100 == 0 ? 3'000 : 40),
                                    static_cast<char>('a' + edit % 26));
            text.insert(at, typed);
            expected.insert(at, typed);
        } else {
            const std::size_t count = std::min(expected.size() - at, 1 + below(4'000));
            text.erase(at, count);
            expected.erase(at, count);
        }
    }
    const bool right = text.all() == expected && text.manager().check() == 0;
    std::printf("%zu characters in %llu pieces after 20,000 edits and %u defragmentations\n",
                expected.size(),
                static_cast<unsigned long long>(text.manager().statistics().blocks),
                text.defragmentations());
    return right && text.defragmentations() != 0 ? 0 : 1;
}

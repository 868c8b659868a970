// A store of texts in one buffer that defragments itself. Deleted texts leave
// many small holes, until a long text does not fit although enough bytes are
// free. Texts have handles, so they may move: defragment() joins the holes, and
// the text fits.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(text_store text_store.cpp)
//   target_link_libraries(text_store
//                         PRIVATE ashlar::manager Threads::Threads)
#include <cstddef>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::Handle;
using ashlar::MemoryManager;

class TextStore {
  public:
    explicit TextStore(ashlar::Size size)
        : manager_(size, {.placement = ashlar::Placement::best_fit}) {}

    [[nodiscard]] std::optional<Handle> add(std::string_view text) {
        std::optional<Handle> handle = manager_.allocate_movable(text.size());
        if (!handle) {
            defragmentations_.push_back(manager_.defragment());
            handle = manager_.allocate_movable(text.size());
        }
        if (handle) {
            // The offset is valid as long as the block is pinned.
            manager_.write(manager_.pin(*handle), std::as_bytes(std::span(text)));
            manager_.unpin(*handle);
        }
        return handle;
    }
    void remove(Handle handle) { manager_.deallocate(handle); }

    [[nodiscard]] std::string text(Handle handle) {
        const ashlar::Offset offset = manager_.pin(handle);
        std::string copy(manager_.size_of(offset), '\0');
        manager_.read(offset, std::as_writable_bytes(std::span(copy)));
        manager_.unpin(handle);
        return copy;
    }

    [[nodiscard]] const std::vector<ashlar::DefragmentationStatistics>& defragmentations() const {
        return defragmentations_;
    }
    [[nodiscard]] const MemoryManager& manager() const { return manager_; }

  private:
    MemoryManager manager_;
    std::vector<ashlar::DefragmentationStatistics> defragmentations_;
};

std::string verse(std::size_t number) {
    std::string made = "verse " + std::to_string(number) + ":";
    for (std::size_t i = 0; i < number % 37; ++i) made += " ashlar";
    return made;
}

}  // namespace

int main() {
    TextStore store(100'000);
    std::map<std::size_t, Handle> texts;
    std::size_t count = 0;
    while (store.defragmentations().empty()) {
        const auto handle = store.add(verse(count));
        if (!handle) break;
        texts.emplace(count++, *handle);
    }
    for (std::size_t i = 0; i < count; i += 2) {
        if (!texts.contains(i)) continue;
        store.remove(texts.at(i));
        texts.erase(i);
    }

    // Half of the buffer is free, but in holes of one verse each.
    const std::string epic(30'000, 'e');
    const double before = store.manager().statistics().fragmentation();
    const std::size_t done = store.defragmentations().size();
    const auto handle = store.add(epic);
    const double after = store.manager().statistics().fragmentation();
    const bool defragmented = store.defragmentations().size() > done;

    bool right = handle && defragmented && after < before && store.text(*handle) == epic;
    for (const auto& [number, text] : texts) right = right && store.text(text) == verse(number);
    std::printf(
        "%zu texts, fragmentation %.2f; after %llu moves fragmentation %.2f, and a text of 30,000 "
        "bytes fits\n",
        texts.size(), before,
        static_cast<unsigned long long>(store.defragmentations().back().moves), after);
    return right && store.manager().check() == 0 ? 0 : 1;
}

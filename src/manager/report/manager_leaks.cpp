// Reports of live blocks.
#include <ashlar/manager_leaks.hpp>
#include <ashlar/manager_text.hpp>
#include <ostream>

namespace ashlar {

// Streams have a format of the user's; numbers of ours don't.
std::uint64_t write_leaks(std::ostream& out, const MemoryManager& manager) {
    std::uint64_t count = 0;
    manager.for_each([&](const BlockView& view) {
        if (view.kind == BlockView::Kind::hole || view.kind == BlockView::Kind::slab) return true;
        std::string name;
        static_cast<void>(manager.try_name(view.start, name));  // it may be freed by now
        std::string line = to_string(view.kind);
        line += " at " + std::to_string(view.start) + ": " + std::to_string(view.size) + " bytes";
        if (view.user != 0) line += ", user data " + std::to_string(view.user);
        if (!name.empty()) line += ", \"" + name + '"';
        out << line << '\n';
        ++count;
        return true;
    });
    return count;
}

}  // namespace ashlar

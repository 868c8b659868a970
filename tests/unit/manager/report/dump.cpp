// usage: manager_dump DIRECTORY: writes managers of several kinds there, as NAME.json and NAME.svg,
// for dump_test.py.
#include <ashlar/memory_manager.hpp>
#include <filesystem>
#include <fstream>

#include "support/random.hpp"
#include "unit/manager/make.hpp"

namespace {

using namespace ashlar;

void save(const std::filesystem::path& directory, const std::string& name,
          const MemoryManager& manager) {
    std::ofstream json(directory / (name + ".json")), svg(directory / (name + ".svg"));
    manager.write_json(json);
    manager.write_svg(svg);
}

// Blocks of power-law sizes, half of which are freed again.
void fill(MemoryManager& manager, unsigned blocks, Size most) {
    Random random(1);
    std::vector<Offset> kept;
    for (unsigned i = 0; i < blocks; ++i) {
        const Size size = most / (1 + random.below(200)) + random.below(8);
        if (const auto block = manager.allocate(size)) kept.push_back(*block);
        if (!kept.empty() && random.below(2) == 0) {
            std::swap(kept[random.below(kept.size())], kept.back());
            manager.deallocate(kept.back());
            kept.pop_back();
        }
    }
}

void annotations(const std::filesystem::path& directory) {
    MemoryManager manager(1000, make::options(4000));
    for (const std::string& name : {std::string("plain"), std::string("<&\"quoted\"\\>"),
                                    std::string("tab\tnewline\n\x01\x7f"),
                                    std::string("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\xA7\xB1"),
                                    std::string("broken \xFF\xC0\x80 \xED\xA0\x80")}) {
        const Offset block = manager.allocate(100).value();
        manager.set_name(block, name);
        manager.set_user_data(block, ~std::uint64_t{0});
    }
    static_cast<void>(manager.reserve_range(700, 50));
    save(directory, "notes", manager);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::filesystem::path directory = argv[1];
    annotations(directory);
    save(directory, "empty", MemoryManager(1, make::options()));
    save(directory, "largest", MemoryManager::without_memory(max_buffer, make::options()));

    MemoryManager blocks(Size{1} << 20, make::options());
    fill(blocks, 400, 60000);
    save(directory, "blocks", blocks);
    MemoryManager buddy(Size{1} << 20, make::placed(Placement::buddy));
    fill(buddy, 400, 60000);
    save(directory, "buddy", buddy);
    for (const auto& [name, mode] :
         {std::pair("small", make::Mode::many), std::pair("small_one", make::Mode::one_slabs)}) {
        MemoryManager small(Size{1} << 20, make::options(0, mode));
        fill(small, 3000, 20000);
        save(directory, name, small);
    }
    MemoryManager crowd(Size{64} << 20, make::placed(Placement::first_fit));
    fill(crowd, 100000, 4000);
    save(directory, "crowd", crowd);
    std::vector<std::byte> own(5000);
    save(directory, "callers", MemoryManager(own, make::options()));
}

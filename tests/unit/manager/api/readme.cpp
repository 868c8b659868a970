// The example of README.md, which readme_test.py compares with it and runs.
#include <ashlar/memory_manager.hpp>
#include <fstream>
#include <iostream>
#include <span>
#include <utility>

int main() {
    ashlar::ManagerOptions options;
    options.limit = 64 << 20;                                    // grows when nothing fits
    ashlar::MemoryManager manager(1 << 20, std::move(options));  // bytes of its own

    const ashlar::Offset mesh = manager.allocate(3000, 256).value();  // nullopt when nothing fits
    manager.set_name(mesh, "mesh");
    manager.write(mesh + 100, std::as_bytes(std::span("vertices")));  // lies in one live block

    try {
        manager.deallocate(mesh + 1);
    } catch (const ashlar::BadOffset& error) {
        std::cout << error.what() << '\n';
    }
    manager.deallocate(mesh);  // merges with what is free on both sides

    std::ofstream picture("manager.svg");
    manager.write_svg(picture);
}

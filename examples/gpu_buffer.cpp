// A sub-allocator for a GPU buffer. The processor cannot reach the buffer, so
// the manager gets only its size and hands out offsets. They are multiples of
// 256, as devices require for uniforms. The policy is TLSF, in constant time.
// The layout is written as JSON at the end.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(gpu_buffer gpu_buffer.cpp)
//   target_link_libraries(gpu_buffer
//                         PRIVATE ashlar::manager Threads::Threads)
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <ashlar/memory_manager.hpp>

namespace {

using ashlar::MemoryManager;
using ashlar::Offset;
using ashlar::Size;

constexpr Size buffer_size = Size{64} << 20;
constexpr Size uniform_alignment = 256;
constexpr std::size_t frames_in_flight = 3;

// Stands for a graphics device: takes commands that name offsets, and detects
// resources that overlap.
class Device {
  public:
    void upload(Offset offset, Size size, std::uint8_t what) {
        memory_.at(offset / 256).assign(size, what);
    }
    [[nodiscard]] bool holds(Offset offset, Size size, std::uint8_t what) const {
        return memory_.at(offset / 256) == std::vector<std::uint8_t>(size, what);
    }

  private:
    std::vector<std::vector<std::uint8_t>> memory_{buffer_size / 256};
};

struct Resource {
    Offset offset;
    Size size;
    std::uint8_t content;
};

class Scene {
  public:
    Scene()
        : manager_(MemoryManager::without_memory(buffer_size, {.threads = ashlar::Threads::one})) {}

    Resource load(std::string_view name, Size size) {
        const auto offset = manager_.allocate(size, uniform_alignment);
        if (!offset) {
            std::fprintf(stderr, "no room for %s\n", std::string(name).c_str());
            std::abort();
        }
        manager_.set_name(*offset, name);
        device_.upload(*offset, size, ++content_);
        return {*offset, size, content_};
    }
    void unload(const Resource& resource) { manager_.deallocate(resource.offset); }
    [[nodiscard]] bool intact(const Resource& resource) const {
        return resource.offset % uniform_alignment == 0 &&
               device_.holds(resource.offset, resource.size, resource.content);
    }
    [[nodiscard]] const MemoryManager& manager() const { return manager_; }

  private:
    MemoryManager manager_;
    Device device_;
    std::uint8_t content_ = 0;
};

}  // namespace

int main() {
    Scene scene;
    std::vector<Resource> kept{scene.load("terrain", 12'000'000), scene.load("sky", 4'194'304),
                               scene.load("font", 65'536)};

    // Each frame loads uniforms and a streamed texture. They are unloaded when
    // the device has finished the frame.
    std::deque<std::vector<Resource>> frames;
    bool right = true;
    for (Size frame = 0; frame < 500; ++frame) {
        auto& fresh = frames.emplace_back();
        for (Size object = 0; object < 40; ++object)
            fresh.push_back(scene.load("uniforms", 64 + (frame * 7 + object) % 700));
        fresh.push_back(scene.load("texture", 20'000 + frame % 13 * 30'000));
        if (frames.size() <= frames_in_flight) continue;
        for (const Resource& resource : frames.front()) {
            right = right && scene.intact(resource);
            scene.unload(resource);
        }
        frames.pop_front();
    }
    for (const Resource& resource : kept) right = right && scene.intact(resource);

    const ashlar::ManagerStatistics seen = scene.manager().statistics();
    right = right && seen.blocks == 3 + frames_in_flight * 41 && scene.manager().check() == 0;
    std::printf("%llu blocks in %.1f of %.1f MB, the largest hole has %.1f MB\n",
                static_cast<unsigned long long>(seen.blocks), static_cast<double>(seen.used) / 1e6,
                static_cast<double>(seen.capacity) / 1e6,
                static_cast<double>(seen.largest_free) / 1e6);

    std::ostringstream dump;
    scene.manager().write_json(dump);
    std::printf("%.600s …\n", dump.str().c_str());
    right = right && dump.str().find("\"terrain\"") != std::string::npos;
    return right ? 0 : 1;
}

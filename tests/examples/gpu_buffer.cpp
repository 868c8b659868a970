// A sub-allocator of a GPU buffer. The buffer is the device's: the processor can neither read nor write it, so that the manager
// gets its size alone and hands out offsets, at multiples of 256 as devices want them for uniforms. TLSF finds each in constant
// time. What lies where can be looked at: as JSON, or as a picture.
#include <cstdio>
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

/// Stands for a graphics device: takes commands that name offsets, and notices where two resources overlap.
class Device {
  public:
    void upload(Offset offset, Size size, std::uint8_t what) { memory_.at(offset / 256).assign(size, what); }
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
    Scene() : manager_(MemoryManager::without_memory(buffer_size, {.threads = ashlar::Threads::one})) {}

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
        return resource.offset % uniform_alignment == 0 && device_.holds(resource.offset, resource.size, resource.content);
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
    std::vector<Resource> kept{scene.load("terrain", 12'000'000), scene.load("sky", 4'194'304), scene.load("font", 65'536)};

    // Each frame brings uniforms and a few streamed textures; they go when the device is done with the frame.
    std::deque<std::vector<Resource>> frames;
    bool right = true;
    for (Size frame = 0; frame < 500; ++frame) {
        auto& fresh = frames.emplace_back();
        for (Size object = 0; object < 40; ++object) fresh.push_back(scene.load("uniforms", 64 + (frame * 7 + object) % 700));
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
    std::printf("%llu blocks in %.1f of %.1f MB, the largest hole has %.1f MB\n", static_cast<unsigned long long>(seen.blocks),
                static_cast<double>(seen.used) / 1e6, static_cast<double>(seen.capacity) / 1e6,
                static_cast<double>(seen.largest_free) / 1e6);

    std::ostringstream dump;
    scene.manager().write_json(dump);
    std::printf("%.600s …\n", dump.str().c_str());
    right = right && dump.str().find("\"terrain\"") != std::string::npos;
    return right ? 0 : 1;
}

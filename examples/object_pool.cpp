// A pool of objects in one buffer. An object lives as long as its ScopedBlock:
// it is made, read, changed and freed without an address. So the same code
// works where the buffer is a device's, or moves.
//
// To build it with an installed Ashlar, in CMakeLists.txt:
//
//   set(CMAKE_CXX_STANDARD 20)
//   find_package(ashlar REQUIRED)
//   add_executable(object_pool object_pool.cpp)
//   target_link_libraries(object_pool
//                         PRIVATE ashlar::manager Threads::Threads)
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include <ashlar/manager_objects.hpp>

namespace {

template <ashlar::Plain T>
class Pool {
  public:
    using Owner = ashlar::ScopedBlock;

    // One thread; slabs make a block as cheap as a step of a pointer.
    explicit Pool(ashlar::Size size)
        : manager_(size, {.threads = ashlar::Threads::one, .small_limit = 1024}) {}

    // Owns no object if the pool is full.
    [[nodiscard]] Owner make(const T& object) {
        Owner owner(manager_, sizeof(T), alignof(T));
        if (owner) set(owner, object);
        return owner;
    }
    [[nodiscard]] T get(const Owner& owner) const {
        return ashlar::read_object<T>(manager_, *owner.offset());
    }
    void set(const Owner& owner, const T& object) {
        ashlar::write_object(manager_, *owner.offset(), object);
    }
    [[nodiscard]] const ashlar::MemoryManager& manager() const { return manager_; }

  private:
    ashlar::MemoryManager manager_;
};

struct Particle {
    double height, speed;
    unsigned age;
};

}  // namespace

int main() {
    Pool<Particle> pool(ashlar::Size{1} << 20);
    std::vector<Pool<Particle>::Owner> particles;
    std::size_t most = 0;
    bool right = true;
    for (unsigned step = 0; step < 2000; ++step) {
        for (unsigned i = 0; i < 20; ++i) {
            auto made = pool.make({100.0 + i, 0, 0});
            right = right && made;
            particles.push_back(std::move(made));
        }
        for (const auto& particle : particles) {
            Particle now = pool.get(particle);
            now.speed += 0.5;
            now.height -= now.speed;
            ++now.age;
            pool.set(particle, now);
        }
        most = particles.size() > most ? particles.size() : most;
        // Those on the ground go, with their blocks.
        std::erase_if(particles,
                      [&](const auto& particle) { return pool.get(particle).height < 0; });
    }
    const ashlar::ManagerStatistics seen = pool.manager().statistics();
    right = right && seen.blocks == particles.size() && pool.manager().check() == 0;
    particles.clear();
    right = right && pool.manager().statistics().blocks == 0;
    std::printf("40,000 particles, %zu at a time, in blocks of %zu bytes\n", most,
                sizeof(Particle));
    return right ? 0 : 1;
}

// Small blocks over a heap that is only a list of places for slabs, and a model
// of what is live.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_SLABS_SMALL_FIXTURE_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_SLABS_SMALL_FIXTURE_HPP

#include <mutex>
#include <set>
#include <vector>

#include "manager/slabs/small_inline.hpp"

namespace small_fixture {

using namespace ashlar;
using namespace ashlar::manager;
using Given = Small::Given;
using Kind = Small::Found::Kind;

// Gives the lowest free place. Its mutex is the lock that small.hpp speaks of.
class Places {
  public:
    Places(Size limit, const Shape& shape) : shape_(shape) {
        for (Size i = 0; i < limit >> shape.shift; ++i) free_.insert(i << shape.shift);
    }
    Offset take_slab() noexcept {
        if (free_.empty()) return kNoOffset;
        const Offset start = *free_.begin();
        free_.erase(free_.begin());
        return start;
    }
    void give_slab(Offset start) noexcept {
        if (start % shape_.slab_size() != 0 || !free_.insert(start).second) ++faults_;
    }
    [[nodiscard]] std::size_t free() const { return free_.size(); }
    [[nodiscard]] std::size_t faults() const { return faults_; }
    // Only the lowest `n` from here on.
    void keep_only(std::size_t n) {
        while (free_.size() > n) free_.erase(std::prev(free_.end()));
    }
    std::mutex lock;

  private:
    Shape shape_;
    std::set<Offset> free_;
    std::size_t faults_ = 0;
};

// What a MemoryManager does around its small blocks.
class Fixture {
  public:
    explicit Fixture(Size limit, bool shared = true, Size small_limit = kMostSmall,
                     Size granularity = 1)
        : shape(Shape::of(limit, small_limit, granularity)), places(limit, shape), shared_(shared) {
        region::Carver measure(0);
        small_.layout(measure, shape, shared);
        bytes_ = measure.used();
        memory_ = region::map_uncharged(bytes_);
        attach(small_);
    }
    ~Fixture() { region::unmap(memory_, bytes_); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;

    // The same state once more, as another process would see it.
    void attach(Small& small) {
        region::Carver carver(reinterpret_cast<std::uintptr_t>(memory_));
        small.layout(carver, shape, shared_);
    }

    Offset take(std::uint32_t thread, Size size, Size alignment = 1) {
        const Class c = small_.class_of(size, alignment);
        if (c == 0) return kNoOffset;
        if (const Offset found = small_.take_alone(c, size); found != kNoOffset) return found;
        if (const Offset found = small_.take(thread, c, size); found != kNoOffset) return found;
        const std::lock_guard guard(places.lock);
        if (const Offset found = small_.take_locked(thread, c, size, places); found != kNoOffset)
            return found;
        small_.reclaim(true, places);
        return small_.take_locked(thread, c, size, places);
    }
    // Where no cycle runs.
    Given give(std::uint32_t thread, Offset offset) {
        if (small_.give_alone(offset)) return Given::given;
        const Given given = small_.give(thread, offset);
        if (given == Given::given_last) reclaim(false);
        return given;
    }
    void reclaim(bool all) {
        const std::lock_guard guard(places.lock);
        small_.reclaim(all, places);
    }
    Small& operator*() { return small_; }
    Small* operator->() { return &small_; }

    Shape shape;
    Places places;

  private:
    bool shared_;
    Small small_{};
    void* memory_;
    std::size_t bytes_;
};

}  // namespace small_fixture

#endif

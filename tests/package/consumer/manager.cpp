// Uses an installed MemoryManager, with policies and exceptions of its own.
#include <algorithm>
#include <ashlar/memory_manager.hpp>
#include <cstdio>
#include <memory>
#include <thread>

namespace {

// Takes from any hole: the least that a policy can do.
class Any final : public ashlar::Policy {
  public:
    const char* name() const noexcept override { return "any"; }
    void attach(ashlar::Ranges ranges, void*, bool) noexcept override { ranges_ = ranges; }
    void insert(ashlar::RangeId hole) noexcept override {
        ranges_[hole].link[0] = first_;
        ranges_[hole].link[1] = 0;
        if (first_ != 0) ranges_[first_].link[1] = hole;
        first_ = hole;
    }
    void erase(ashlar::RangeId hole) noexcept override {
        const ashlar::Range& range = ranges_[hole];
        (range.link[1] != 0 ? ranges_[range.link[1]].link[0] : first_) = range.link[0];
        if (range.link[0] != 0) ranges_[range.link[0]].link[1] = range.link[1];
    }
    ashlar::RangeId find(ashlar::Size size, ashlar::Size alignment) noexcept override {
        for (ashlar::RangeId hole = first_; hole != 0; hole = ranges_[hole].link[0]) {
            if (fits(ranges_[hole], size, alignment)) return hole;
        }
        return ashlar::no_range;
    }
    ashlar::Size largest() const noexcept override {
        ashlar::Size most = 0;
        for (ashlar::RangeId hole = first_; hole != 0; hole = ranges_[hole].link[0])
            most = std::max(most, ranges_[hole].size);
        return most;
    }

  private:
    ashlar::RangeId first_ = 0;
};

bool refuses(ashlar::MemoryManager& manager) {
    try {
        manager.deallocate(12345);
    } catch (const ashlar::BadOffset&) {
        return true;
    }
    return false;
}

}  // namespace

int main() {
    ashlar::ManagerOptions options;
    options.policy = [] { return std::make_unique<Any>(); };
    ashlar::MemoryManager manager(ashlar::Size{1} << 20, std::move(options));
    std::thread other([&manager] {
        for (int i = 0; i < 1000; ++i)
            manager.deallocate(manager.allocate(static_cast<ashlar::Size>(i)).value());
    });
    for (int i = 0; i < 1000; ++i) manager.deallocate(manager.allocate(5000).value());
    other.join();
    if (!refuses(manager) || manager.check() != 0 || manager.statistics().used != 0) return 1;
    std::puts("sound");
}

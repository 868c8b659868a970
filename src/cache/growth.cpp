#include "cache/growth.hpp"

#include "cache/process.hpp"

namespace ashlar::cache {

using base::acq;
using base::ar;
using base::Atomic;
using base::Bin;
using base::kUnitShift;
using base::UnitId;

constinit Atomic<Core*> grown_cores[kMaxGrown]{};

namespace {

constexpr std::size_t kGrowth = std::size_t{64} << 20;
constexpr std::size_t kLeastGrowth = std::size_t{4} << 20;
constexpr std::size_t kSingle = std::size_t{16} << 20;  // from here on a block gets a region of its own

Core* create(std::size_t bytes) noexcept {
    Core* core = Core::create(region::kSystem, static_cast<UnitId>(bytes >> kUnitShift), 1);
    if (core == nullptr) return nullptr;
    if (registry.enroll(*core)) return core;
    Core::destroy(core);
    return nullptr;
}

void* take_single(std::size_t size, std::size_t alignment, bool& zero) noexcept {
    if (size + alignment >= std::size_t{1} << 46) return nullptr;
    Core* core = create(size + alignment + 2 * base::kUnitSize);
    if (core == nullptr) return nullptr;
    core->single = true;
    void* block = core->take_large(size, alignment, zero);
    if (block == nullptr) release_single(*core);
    return block;
}

void* take_from(Core& core, std::size_t size, std::size_t alignment, bool& zero) noexcept {
    const Bin bin = alignment <= base::kUnitSize ? base::bin_of_aligned(size, alignment) : 0;
    zero = false;
    return bin == 0 ? core.take_large(size, alignment, zero) : core.take(bin);
}

}  // namespace

void* take_existing(std::size_t size, std::size_t alignment, bool& zero) noexcept {
    void* block = nullptr;
    each_grown([&](Core& core) noexcept {
        if (block == nullptr) block = take_from(core, size, alignment, zero);
    });
    return block;
}

void* take_grown(std::size_t size, std::size_t alignment, bool& zero) noexcept {
    if (size + alignment >= kSingle) return take_single(size, alignment, zero);
    for (Atomic<Core*>& slot : grown_cores) {
        Core* core = slot.load(acq);  // [E13] acquire, pairs with the CAS below
        if (core == nullptr) {
            Core* made = nullptr;
            for (std::size_t bytes = kGrowth; made == nullptr; bytes /= 2) {
                if (bytes < kLeastGrowth || bytes < 2 * (size + alignment)) return nullptr;
                made = create(bytes);
            }
            if (slot.cas(core, made, ar, acq)) {  // [E13] release
                core = made;
            } else {
                registry.strike(*made);
                Core::destroy(made);
            }
        }
        if (void* block = take_from(*core, size, alignment, zero); block != nullptr) return block;
    }
    return nullptr;
}

void release_single(Core& core) noexcept {
    registry.strike(core);
    Core::destroy(&core);
}

}  // namespace ashlar::cache

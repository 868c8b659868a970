// The first bytes of the input choose the buffer and the options of the
// manager.
#include <algorithm>

#include "manager_session.hpp"

namespace fuzz {

using ashlar::ManagerOptions;
using ashlar::MemoryManager;
using ashlar::Placement;
using ashlar::Threads;

Size ManagerSession::choose_capacity(bool memory) {
    switch (in_.below(8)) {
        case 0: return 1 + in_.below(64);
        case 1: return 1 + in_.word();
        case 2: return Size{65536};
        case 3: return (Size{1} << 20) + in_.byte();
        case 4: return memory ? Size{4} << 20 : ashlar::max_buffer;
        case 5: return memory ? 4096 : (Size{1} << (20 + in_.below(28))) + in_.word();
        case 6: return Size{1} << 20;
        default: return 1000 + in_.word();
    }
}

void ManagerSession::choose_growth(ManagerOptions& options, bool parts) {
    const std::size_t kind = in_.below(5);
    if (kind == 0) return;
    options.limit = std::min(ashlar::max_buffer, initial_ * (1 + in_.below(8)) + in_.word());
    if (kind == 1) options.grow_by = ashlar::grow_fixed(1 + in_.word());
    if (kind == 2) options.grow_by = [](Size, Size) { return Size{0}; };
    if (kind == 3) options.grow_by = ashlar::grow_doubling();
    if (!parts) return;
    parts_ = true;
    options.next_part = [this](Size wanted) -> std::span<std::byte> {
        if (wanted > Size{8} << 20 || bytes_.size() > 20) return {};
        bytes_.push_back(std::make_unique<std::byte[]>(wanted));
        return {bytes_.back().get(), wanted};
    };
}

void ManagerSession::set_up() {
    const std::size_t kind = in_.below(4);  // own memory twice, the caller's, none
    memory_ = kind != 3;
    ManagerOptions options;
    placement_ = static_cast<Placement>(in_.below(9));
    options.placement = placement_;
    options.threads = in_.byte() % 2 == 0 ? Threads::one : Threads::many;
    granularity_ = Size{1} << (in_.byte() % 2 == 0 ? 0 : in_.below(8));
    options.granularity = granularity_;
    static constexpr Size limits[] = {ashlar::small_limit_by_threads, 0, 64, 1024};
    options.small_limit = limits[in_.below(4)];
    slabs_ = options.small_limit != 0 &&
             (options.threads == Threads::many || options.small_limit != limits[0]);
    initial_ = std::max(choose_capacity(memory_), granularity_);
    choose_growth(options, kind == 2);
    if (in_.byte() % 8 == 0) {
        // A buddy system has a hole for each power of two in the size of its
        // buffer.
        options.most_ranges =
            static_cast<std::uint32_t>((placement_ == Placement::buddy ? 60 : 2) + in_.below(100));
        few_ranges_ = true;
    }
    limit_ = highest_ = std::max(options.limit, initial_) / granularity_ * granularity_;
    slabs_ = slabs_ && limit_ >= Size{1} << 20 && granularity_ <= 16;
    if (kind == 3) {
        manager_ = std::make_unique<MemoryManager>(
            MemoryManager::without_memory(initial_, std::move(options)));
    } else if (kind == 2) {
        const std::size_t crooked = in_.below(16);  // the caller's bytes may begin anywhere
        bytes_.push_back(std::make_unique<std::byte[]>(initial_ + crooked));
        manager_ = std::make_unique<MemoryManager>(
            std::span<std::byte>(bytes_.back().get() + crooked, initial_), std::move(options));
    } else {
        manager_ = std::make_unique<MemoryManager>(initial_, std::move(options));
    }
    require_at(manager_->capacity() <= initial_, "more capacity than the buffer has", 0,
               manager_->capacity());
}

}  // namespace fuzz

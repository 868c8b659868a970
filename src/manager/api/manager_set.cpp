// Several heaps without memory, each with a manager and the kinds of its pages.
#include <algorithm>
#include <ashlar/manager_set.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/bits.hpp"

namespace ashlar {

namespace {

// The kinds at the edges of blocks. Pages inside a block have no other block.
class Kinds {
  public:
    Kinds() = default;
    Kinds(Size capacity, Size granularity)
        : granularity_(granularity), pages_(granularity == 1 ? 0 : capacity / granularity + 1) {}
    [[nodiscard]] bool allow(Offset start, Size size, std::uint32_t kind) const noexcept {
        return granularity_ == 1 ||
               (suits(page(start), kind) && suits(page(start + size - 1), kind));
    }
    void add(Offset start, Size size, std::uint32_t kind) noexcept {
        each_edge(start, size, [kind](Page& page) {
            page.kind = kind;
            ++page.blocks;
        });
    }
    void remove(Offset start, Size size) noexcept {
        each_edge(start, size, [](Page& page) { --page.blocks; });
    }

  private:
    struct Page {
        std::uint32_t kind;
        std::uint32_t blocks;  // with an edge here
    };
    [[nodiscard]] static bool suits(const Page& page, std::uint32_t kind) noexcept {
        return page.blocks == 0 || page.kind == kind;
    }
    [[nodiscard]] const Page& page(Offset at) const noexcept { return pages_[at / granularity_]; }
    template <class Act>
    void each_edge(Offset start, Size size, Act act) noexcept {
        if (granularity_ == 1) return;
        const Size first = start / granularity_, last = (start + size - 1) / granularity_;
        act(pages_[first]);
        if (last != first) act(pages_[last]);
    }

    Size granularity_ = 1;
    std::vector<Page> pages_;
};

}  // namespace

struct ManagerSet::State {
    struct Heap {
        SetHeap given{};
        MemoryManager manager;
        Kinds kinds;
        bool used = false;
    };
    ManagerSetOptions options;
    std::vector<Heap> heaps;

    ~State() {
        for (Heap& heap : heaps) release(heap);
    }
    void release(Heap& heap) noexcept {
        if (!heap.used) return;
        heap.used = false;
        heap.manager = MemoryManager();
        heap.kinds = Kinds();
        if (options.release_heap) options.release_heap(heap.given);
    }
    [[nodiscard]] Heap& find(std::uint32_t number) {
        if (number >= heaps.size() || !heaps[number].used)
            throw BadOffset("ManagerSet: there is no heap of number " + std::to_string(number));
        return heaps[number];
    }
    [[nodiscard]] std::optional<Offset> take(Heap& heap, Size size, Size alignment,
                                             std::uint32_t kind) const;
    // The number of a place for a heap.
    [[nodiscard]] std::uint32_t place();
    [[nodiscard]] std::optional<std::uint32_t> add(Size wanted);
};

// On whole pages of its own a block shares none, whatever lies beside it.
std::optional<Offset> ManagerSet::State::take(Heap& heap, Size size, Size alignment,
                                              std::uint32_t kind) const {
    std::optional<Offset> found = heap.manager.allocate(size, alignment);
    if (!found) return std::nullopt;
    Size taken = heap.manager.size_of(*found);
    if (!heap.kinds.allow(*found, taken, kind)) {
        heap.manager.deallocate(*found);
        const Size page = options.kind_granularity;
        if (size > max_buffer) return std::nullopt;
        found = heap.manager.allocate(base::round_up(std::max<Size>(size, 1), page),
                                      std::max(alignment, page));
        if (!found) return std::nullopt;
        taken = heap.manager.size_of(*found);
    }
    heap.kinds.add(*found, taken, kind);
    return found;
}

std::uint32_t ManagerSet::State::place() {
    for (std::uint32_t i = 0; i < heaps.size(); ++i) {
        if (!heaps[i].used) return i;
    }
    heaps.emplace_back();
    return static_cast<std::uint32_t>(heaps.size() - 1);
}

// A heap that cannot be used goes back, also if there is no memory for its
// manager.
std::optional<std::uint32_t> ManagerSet::State::add(Size wanted) {
    const std::uint32_t number = place();
    Heap& heap = heaps[number];
    const std::optional<SetHeap> given = options.new_heap ? options.new_heap(wanted) : std::nullopt;
    if (!given) return std::nullopt;
    heap.given = *given;
    heap.used = true;
    try {
        if (given->capacity >= wanted) {
            ManagerOptions own = options.manager;
            own.threads = Threads::one;
            own.limit = 0;
            heap.kinds = Kinds(given->capacity, options.kind_granularity);
            heap.manager = MemoryManager::without_memory(given->capacity, std::move(own));
            return number;
        }
    } catch (...) {
        release(heap);
        throw;
    }
    release(heap);
    return std::nullopt;
}

ManagerSet::ManagerSet(ManagerSetOptions options) : state_(std::make_unique<State>()) {
    if (!base::is_power_of_two(options.kind_granularity)) {
        throw BadAlignment("ManagerSet: a granularity of kinds of " +
                           std::to_string(options.kind_granularity) +
                           " bytes, which is not a power of two");
    }
    state_->options = std::move(options);
}
ManagerSet::ManagerSet(ManagerSet&&) noexcept = default;
ManagerSet& ManagerSet::operator=(ManagerSet&&) noexcept = default;
ManagerSet::~ManagerSet() = default;

std::optional<SetBlock> ManagerSet::allocate(Size size, Size alignment, std::uint32_t kind) {
    State& state = *state_;
    for (std::uint32_t i = 0; i < state.heaps.size(); ++i) {
        if (!state.heaps[i].used) continue;
        if (const std::optional<Offset> at = state.take(state.heaps[i], size, alignment, kind))
            return SetBlock{i, *at};
    }
    if (!base::is_power_of_two(alignment)) {
        throw BadAlignment("ManagerSet::allocate: an alignment of " + std::to_string(alignment) +
                           ", which is not a power of two");
    }
    const std::optional<std::uint32_t> added = state.add(std::max<Size>(size, 1));
    if (!added) return std::nullopt;
    const std::optional<Offset> at = state.take(state.heaps[*added], size, alignment, kind);
    if (at) return SetBlock{*added, *at};
    state.release(state.heaps[*added]);
    return std::nullopt;
}

void ManagerSet::deallocate(const SetBlock& block) {
    State::Heap& heap = state_->find(block.heap);
    const Size size = heap.manager.size_of(block.offset);
    heap.manager.deallocate(block.offset);
    heap.kinds.remove(block.offset, size);
}

std::uint32_t ManagerSet::trim(std::uint32_t keep) {
    std::uint32_t gone = 0;
    for (State::Heap& heap : state_->heaps) {
        if (!heap.used || heap.manager.statistics().blocks != 0) continue;
        if (keep != 0) {
            --keep;
            continue;
        }
        state_->release(heap);
        ++gone;
    }
    return gone;
}

std::uint32_t ManagerSet::heaps() const noexcept {
    std::uint32_t count = 0;
    for (const State::Heap& heap : state_->heaps) count += heap.used ? 1 : 0;
    return count;
}

SetHeap ManagerSet::heap(std::uint32_t number) const { return state_->find(number).given; }
const MemoryManager& ManagerSet::manager(std::uint32_t number) const {
    return state_->find(number).manager;
}

}  // namespace ashlar

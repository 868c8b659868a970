// Private heaps, and resources over them.
#include <algorithm>
#include <string>
#include <vector>

#include <ashlar/memory_resource.hpp>

#include "session.hpp"

namespace fuzz {
namespace {
constexpr std::size_t kCapacity = std::size_t{32} << 20;
constexpr std::size_t kUnits = 5 * 64 * 1024;  // the most bytes that one small block keeps in use

// Whether a heap may refuse: each block may keep a slab in use, and caches keep
// some.
bool may_refuse(const Model& model, std::uint32_t number, std::size_t size) {
    return model.bytes(number) + model.count(number) * kUnits + 2 * size + kCapacity / 4 >
           kCapacity;
}
}  // namespace

ashlar::Heap& Session::heap(std::uint32_t number) {
    auto& place = heaps_[number - 1];
    if (place == nullptr) place = std::make_unique<ashlar::Heap>(kCapacity);
    return *place;
}

void Session::heap_take() {
    if (full()) return give();
    const auto number = static_cast<std::uint32_t>(1 + in_.below(kHeaps));
    const std::size_t size = in_.size();
    const std::size_t alignment = std::size_t{1} << in_.below(18);
    void* block = heap(number).allocate(size, alignment);
    if (block == nullptr) {
        require(may_refuse(model_, number, size + alignment),
                "a heap refused while memory was free", nullptr, size);
        return;
    }
    require(heap(number).owns(block), "a heap does not own its block", block, size);
    added(block, size, std::max<std::size_t>(alignment, 16), number, false);
}

void Session::heap_resize() {
    if (model_.count() == 0) return heap_take();
    const std::size_t i = any();
    const std::uint32_t number = model_.at(i).heap;
    if (number == 0) return heap_take();
    const std::size_t size = in_.size();
    const Block before = model_.at(i);
    Model::verify(before);
    auto* moved = static_cast<unsigned char*>(heap(number).reallocate(before.data, size));
    if (moved == nullptr) {
        require(may_refuse(model_, number, size), "a heap refused while memory was free", nullptr,
                size);
        return Model::verify(before);
    }
    Model::require_kept(before, moved, size);
    model_.forget(i);
    bytes_ -= before.size;
    added(moved, size, 16, number, false);
}

// Destroys a heap with live blocks.
void Session::heap_end() {
    const auto number = static_cast<std::uint32_t>(1 + in_.below(kHeaps));
    for (std::size_t i = model_.count(); i > 0; --i) {
        if (model_.at(i - 1).heap == number) bytes_ -= model_.remove(i - 1).size;
    }
    heaps_[number - 1].reset();
}

void Session::heap_look() {
    const auto number = static_cast<std::uint32_t>(1 + in_.below(kHeaps));
    ashlar::Heap& heap = this->heap(number);
    if (in_.byte() % 2 == 0) (void)heap.trim();
    require(heap.check() == 0, "a heap is not sound");
    std::size_t seen = 0;
    heap.visit([&](void* block, std::size_t size) {
        require(model_.holds(number, block), "visit shows a block that is not live", block, size);
        ++seen;
        return true;
    });
    require(seen == model_.count(number), "visit misses blocks", nullptr, seen);
    const ashlar::Statistics statistics = heap.statistics();
    require(statistics.live >= model_.bytes(number) && statistics.held <= statistics.reserved,
            "a heap's statistics", nullptr, statistics.live);
}

// Makes containers over a resource, and destroys them in the same call.
void Session::resource() {
    const std::uint32_t number = static_cast<std::uint32_t>(in_.below(kHeaps + 1));
    ashlar::MemoryResource resource(number == 0 ? ashlar::Heap::process() : heap(number));
    if (number != 0 && may_refuse(model_, number, 200000)) return;
    std::pmr::vector<std::pmr::string> words(&resource);
    for (std::size_t n = in_.below(100); n > 0; --n) {
        words.emplace_back(in_.byte() * 3U, static_cast<char>('a' + n % 26));
        if (n % 5 == 0) words.erase(words.begin());
    }
    for (const auto& word : words) {
        require(std::all_of(word.begin(), word.end(), [&](char c) { return c == word.front(); }),
                "a string changed", word.data());
    }
}

}  // namespace fuzz

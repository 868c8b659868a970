#include "model.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace fuzz {
namespace {

// Small blocks are filled; of large ones only the ends and one byte in each
// page.
constexpr std::size_t kDense = 512;

template <class F>
void each_place(std::size_t usable, F f) {
    const std::size_t step = usable <= kDense ? 1 : 4093;
    for (std::size_t i = 0; i < usable; i += step) f(i);
    for (std::size_t i = usable - std::min<std::size_t>(usable, 8); i < usable; ++i) f(i);
}

unsigned char value(std::uint8_t mark, std::size_t i) {
    return static_cast<unsigned char>(mark + i * 31 + (i >> 8));
}

}  // namespace

void fail(const char* what, const void* block, std::size_t size) {
    std::fprintf(stderr, "fuzz: %s: block %p of %zu bytes\n", what, block, size);
    std::abort();
}

void Model::add(Block block) {
    const auto start = reinterpret_cast<std::uintptr_t>(block.data);
    require(block.data != nullptr, "no block", nullptr, block.size);
    require(start % block.alignment == 0, "not aligned", block.data, block.size);
    require(block.usable >= block.size && block.usable >= 1, "usable size too small", block.data,
            block.size);
    const auto next = ranges_.lower_bound(start);
    require(next == ranges_.end() || next->first >= start + block.usable, "overlaps the next block",
            block.data, block.size);
    require(next == ranges_.begin() || std::prev(next)->second <= start,
            "overlaps the block before", block.data, block.size);
    ranges_.emplace(start, start + block.usable);
    each_place(block.usable, [&](std::size_t i) { block.data[i] = value(block.mark, i); });
    blocks_.push_back(block);
}

void Model::verify(const Block& block) { require_kept(block, block.data, block.usable); }

void Model::require_kept(const Block& before, const unsigned char* moved, std::size_t size) {
    each_place(before.usable, [&](std::size_t i) {
        if (i < size && moved[i] != value(before.mark, i))
            fail("content changed", moved, before.size);
    });
}

Block Model::remove(std::size_t i) {
    const Block block = blocks_[i];
    verify(block);
    forget(i);
    return block;
}

void Model::forget(std::size_t i) {
    ranges_.erase(reinterpret_cast<std::uintptr_t>(blocks_[i].data));
    blocks_[i] = blocks_.back();
    blocks_.pop_back();
}

std::size_t Model::bytes(std::uint32_t heap) const {
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.heap == heap ? block.size : 0;
    return sum;
}

std::size_t Model::count(std::uint32_t heap) const {
    return static_cast<std::size_t>(std::count_if(
        blocks_.begin(), blocks_.end(), [heap](const Block& block) { return block.heap == heap; }));
}

bool Model::holds(std::uint32_t heap, const void* data) const {
    return std::any_of(blocks_.begin(), blocks_.end(), [=](const Block& block) {
        return block.heap == heap && block.data == data;
    });
}

}  // namespace fuzz

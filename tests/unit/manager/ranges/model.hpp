// What a heap must look like: blocks by address, fences, and by them the free
// bytes. No record of holes: these are what is left.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_RANGES_MODEL_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_RANGES_MODEL_HPP

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/ranges/range_allocator.hpp"

class Model {
  public:
    struct Block {
        ashlar::RangeId id;
        ashlar::Size size, asked;
    };
    using Span = std::pair<ashlar::Offset, ashlar::Size>;

    explicit Model(bool buddies) : buddies_(buddies) {}

    // The free bytes, cut at fences; for buddies in the pieces that they must
    // be kept in.
    [[nodiscard]] std::vector<Span> holes() const;
    [[nodiscard]] bool is_free(ashlar::Offset start, ashlar::Size size) const;
    [[nodiscard]] bool fits(ashlar::Size size, ashlar::Size alignment) const;
    // Where a strategy places so many bytes, and how many holes that are long
    // enough have no room.
    struct Place {
        bool found;
        ashlar::Offset start;
        Span hole;
        std::size_t unfit;
    };
    [[nodiscard]] Place place(ashlar::Strategy strategy, ashlar::Size size,
                              ashlar::Size alignment) const;
    // The hole with that byte.
    [[nodiscard]] Span hole_with(ashlar::Offset offset) const;
    [[nodiscard]] bool fenced(ashlar::Offset at) const { return fences_.count(at) != 0; }
    void add(ashlar::Offset start, Block block) { blocks[start] = block; }
    void grow(ashlar::Size size, bool contiguous);
    ashlar::Size shrink(ashlar::Size most);
    // The first difference; empty if there is none.
    [[nodiscard]] std::string difference(const ashlar::ranges::RangeAllocator& allocator) const;

    std::map<ashlar::Offset, Block> blocks;
    ashlar::Size capacity = 0;

  private:
    [[nodiscard]] std::vector<Span> gaps() const;

    bool buddies_;
    std::set<ashlar::Offset> fences_;
};

#endif

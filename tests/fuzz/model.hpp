// A plain model of an allocator: a table of live blocks with their content.
// Each call's result is checked against it; a difference ends the process with
// a line on stderr.
#ifndef ASHLAR_TESTS_FUZZ_MODEL_HPP
#define ASHLAR_TESTS_FUZZ_MODEL_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace fuzz {

// Ends the process.
[[noreturn]] void fail(const char* what, const void* block, std::size_t size);
inline void require(bool holds, const char* what, const void* block = nullptr,
                    std::size_t size = 0) {
    if (!holds) fail(what, block, size);
}

struct Block {
    unsigned char* data;
    std::size_t size;    // asked for
    std::size_t usable;  // as the allocator reports it; the user may write all of it
    std::size_t alignment;
    std::uint32_t heap;  // 0: the process heap
    std::uint8_t mark;
    bool plain;  // still has the size of its allocation, which a sized free may name
};

class Model {
  public:
    // Adds a block: checks alignment, usable size and overlap, then writes its
    // content.
    void add(Block block);
    // Checks the content and removes the block, which is freed next.
    Block remove(std::size_t i);
    // The same for a block whose bytes are gone already.
    void forget(std::size_t i);
    // After a realloc of a removed block: the first bytes of `moved` must be
    // those of the block.
    static void require_kept(const Block& before, const unsigned char* moved, std::size_t size);
    static void verify(const Block& block);

    [[nodiscard]] std::size_t count() const { return blocks_.size(); }
    [[nodiscard]] const Block& at(std::size_t i) const { return blocks_[i]; }
    // The requested bytes of the live blocks of a heap.
    [[nodiscard]] std::size_t bytes(std::uint32_t heap) const;
    [[nodiscard]] bool holds(std::uint32_t heap, const void* data) const;
    [[nodiscard]] std::size_t count(std::uint32_t heap) const;

  private:
    std::vector<Block> blocks_;
    std::map<std::uintptr_t, std::uintptr_t> ranges_;  // start to end of each live block
};

}  // namespace fuzz

#endif

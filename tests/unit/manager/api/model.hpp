// A MemoryManager beside a model that knows every block, its bytes, its name
// and its user data, and compares them after each step.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_API_MODEL_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_API_MODEL_HPP

#include <gtest/gtest.h>

#include <ashlar/memory_manager.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "unit/manager/make.hpp"

namespace model {

using namespace ashlar;
using make::Mode;

struct Setting {
    Placement placement;
    make::Mode mode;
    Size capacity;
    Size granularity = 1;
    enum class Memory { own, parts, none } memory = Memory::own;
    Size limit = 0;
    Size most_size = 200;
};

class Session {
  public:
    Session(const Setting& setting, std::uint64_t seed);
    void run(unsigned steps);

  private:
    struct Block {
        Size size;
        std::vector<std::byte> bytes;
        std::string name;
        std::uint64_t user = 0;
        bool reserved = false;
    };
    using Blocks = std::map<Offset, Block>;

    void step();
    void allocate();
    void allocate_at(bool reserve);
    void deallocate();
    void misuse();
    void resize();
    void reallocate();
    void resized(Blocks::iterator block, Size room);
    void write();
    void read();
    void note();
    void trim();
    void compare();

    [[nodiscard]] Size rounded(Size size) const;
    [[nodiscard]] Size some_size();
    [[nodiscard]] Offset some_offset();
    [[nodiscard]] Blocks::iterator some_block();
    [[nodiscard]] Blocks::const_iterator covering(Offset offset) const;
    // Whether [start, start + size) is in the buffer and touches no block.
    [[nodiscard]] bool is_free(Offset start, Size size) const;
    // The lowest place where such a block could lie; the capacity: there is
    // none.
    [[nodiscard]] Offset place_for(Size size, Size alignment) const;
    void adopt(Offset offset, Size size);

    Setting setting_;
    Random random_;
    std::vector<std::unique_ptr<std::byte[]>> parts_;
    std::vector<Offset> ends_;  // of the caller's parts
    MemoryManager manager_;
    Blocks blocks_;
};

}  // namespace model

#endif

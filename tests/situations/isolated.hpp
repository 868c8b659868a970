// What `isolated` and its libraries hand each other.
#ifndef ASHLAR_TESTS_SITUATIONS_ISOLATED_HPP
#define ASHLAR_TESTS_SITUATIONS_ISOLATED_HPP

#include <cstddef>

struct Thing {
    ~Thing() { bytes[0] = 0; }
    unsigned char bytes[100] = {};
};
struct alignas(64) Line {
    ~Line() { bytes[0] = 0; }
    unsigned char bytes[192] = {};
};

struct Born {
    static constexpr std::size_t count = 7;
    void* blocks[count];
    Thing* thing;
    Line* line;
};

extern "C" __attribute__((visibility("default"))) Born* needed_born();

#endif

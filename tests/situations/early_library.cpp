// Opened by `early`: its first constructor allocates.
#include "situation.hpp"

extern "C" {
__attribute__((visibility("default"))) extern unsigned char* early_block;
unsigned char* early_block = nullptr;
}

__attribute__((constructor(101))) static void construct_first() {
    early_block = situation::take(1234, 9);
    situation::exercise(4);
}

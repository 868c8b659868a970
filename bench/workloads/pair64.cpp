// malloc and free of 64 bytes, as often as the argument says, to count
// instructions. The byte is written through a volatile pointer, so that the
// compiler cannot drop the pair.
#include <cstdlib>

int main(int count, char** arguments) {
    const long rounds = count > 1 ? std::strtol(arguments[1], nullptr, 10) : 1000;
    for (long i = 0; i < rounds; ++i) {
        void* block = std::malloc(64);
        *static_cast<volatile char*>(block) = 1;
        std::free(block);
    }
    return 0;
}

// Linked to libashlar.so, as a program may be, or preloaded with it: says
// whether the loader considers it setuid.
#include <sys/auxv.h>

#include "situation.hpp"

int main() {
    situation::require_ashlar();
    std::printf("secure %lu\n", getauxval(AT_SECURE));
    situation::exercise();
    return 0;
}

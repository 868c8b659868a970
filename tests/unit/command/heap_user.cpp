// usage: heap_user PLACE NAME|PATH
//
// Creates a shared heap with a few blocks, says so, and waits to be killed.
#include <unistd.h>
#include <ashlar/shared_heap.hpp>
#include <cstdio>
#include <cstring>

int main(int count, char** words) {
    if (count != 3) return 2;
    const auto mode = ashlar::SharedHeapMode::open_or_create;
    ashlar::SharedHeap heap = std::strcmp(words[2], "NAME") == 0
                                  ? ashlar::SharedHeap(mode, words[1])
                                  : ashlar::SharedHeap::file(mode, words[1]);
    for (int i = 0; i < 3; ++i) {
        if (heap.allocate(100) == nullptr) return 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    pause();
    return 0;
}

// The example that docs/shared/README.md shows.
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/shared_heap.hpp>
#include <cstring>
#include <iostream>

int main() {
    ashlar::SharedHeap::remove("/example");
    ashlar::SharedHeap heap(ashlar::SharedHeapMode::create_only, "/example");
    auto* const message = static_cast<std::uint64_t*>(heap.allocate(sizeof(std::uint64_t)));
    *message = 0;
    const std::uint64_t place = heap.to_offset(message);  // the same number in every process

    const pid_t child = fork();
    if (child == 0) {
        ashlar::SharedHeap mine(ashlar::SharedHeapMode::open_only, "/example");
        auto* const there = static_cast<std::uint64_t*>(mine.to_address(place));
        std::strcpy(static_cast<char*>(mine.allocate_to(there, 32)),
                    "from a process that was killed");
        kill(getpid(), SIGKILL);
    }
    waitpid(child, nullptr, 0);
    std::cout << static_cast<const char*>(heap.to_address(*message)) << '\n';
    std::cout << heap.recover() << " dead thread, " << heap.check() << " faults\n";
    heap.deallocate_from(message);
    ashlar::SharedHeap::remove("/example");
}

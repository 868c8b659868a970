// A heap that this program shares with a child.
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/shared_heap.hpp>
#include <cstdio>
#include <string>

namespace {

bool refuses(const std::string& name) {
    try {
        const ashlar::SharedHeap second(ashlar::SharedHeapMode::create_only, name);
    } catch (const ashlar::SharedHeapError& error) {
        return error.fault() == ashlar::SharedHeapFault::exists;
    }
    return false;
}

}  // namespace

int main() {
    const std::string name = "/ashlar-consumer-" + std::to_string(getpid());
    ashlar::SharedHeap heap(ashlar::SharedHeapMode::create_only, name);
    const bool refused = refuses(name);
    ashlar::SharedHeap::remove(name);
    auto* const number = static_cast<int*>(heap.allocate(sizeof(int)));
    *number = 1;
    const pid_t child = fork();
    if (child == 0) {
        *number = 2;
        heap.deallocate(heap.allocate(100000));
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    heap.recover();
    if (!refused || *number != 2 || heap.check() != 0 || heap.statistics().threads != 1) return 1;
    std::puts("sound");
}

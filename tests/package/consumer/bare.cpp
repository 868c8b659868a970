// Compiled without exceptions and without RTTI: resources equal themselves, and
// calls that would throw abort. Prints "sound".
#include <sys/wait.h>
#include <unistd.h>
#include <ashlar/allocator.hpp>
#include <ashlar/manager_resource.hpp>
#include <ashlar/memory_resource.hpp>
#include <csignal>
#include <cstdio>
#include <memory_resource>
#include <vector>

namespace {

bool holds(std::pmr::memory_resource& resource, std::pmr::memory_resource& other) {
    std::pmr::vector<int> numbers(1000, 7, &resource);
    return numbers.back() == 7 && resource.is_equal(resource) && !resource.is_equal(other);
}

template <class F>
bool aborts(F act) {
    const pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

volatile std::size_t too_much = std::size_t{1} << 62;

}  // namespace

int main() {
    ashlar::Heap heap(std::size_t{64} << 20);
    ashlar::MemoryResource in_heap(heap);
    ashlar::MemoryManager manager(ashlar::Size{1} << 20);
    ashlar::ManagerResource in_manager(manager);
    if (!holds(in_heap, in_manager) || !holds(in_manager, in_heap)) return 1;
    if (!aborts([] { ashlar::Heap refused(too_much); })) return 2;
    if (!aborts([&] { (void)in_heap.allocate(too_much); })) return 3;
    if (!aborts([&] { (void)in_manager.allocate(too_much); })) return 4;
    if (!aborts([] { (void)ashlar::Allocator<char>().allocate(too_much * 2); })) return 5;
    std::puts("sound");
}

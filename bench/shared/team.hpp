// Processes that work at the same time. They meet in a page that they share.
#ifndef ASHLAR_BENCH_SHARED_TEAM_HPP
#define ASHLAR_BENCH_SHARED_TEAM_HPP

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace bench {

inline constexpr unsigned kMostProcesses = 16;

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "ashlar_shared_bench: %s\n", what);
    std::_Exit(1);
}

using Clock = std::chrono::steady_clock;
inline double nanoseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

inline std::uint64_t processor_time() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// One producer, one consumer. 0: empty.
struct Ring {
    static constexpr std::uint64_t kPlaces = 1024;
    std::atomic<std::uint64_t> places[kPlaces];
};

struct Shared {
    std::atomic<unsigned> ready;
    std::atomic<unsigned> go;
    std::atomic<std::uint64_t> processor_ns;  // of all processes, while they worked
    Ring rings[kMostProcesses];
};

// New and zero; forked processes share it.
class SharedPage {
  public:
    SharedPage() : shared_(new (map()) Shared{}) {}
    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;
    ~SharedPage() { munmap(shared_, sizeof(Shared)); }
    Shared& operator*() const { return *shared_; }
    Shared* operator->() const { return shared_; }

  private:
    static void* map() {
        void* const at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) fail("no memory for the processes' page");
        return at;
    }
    Shared* shared_;
};

// Runs work(heap, number) in so many processes: prepare(number) opens the heap,
// and the clock runs while all of them work. Returns the nanoseconds.
template <class Prepare, class Work>
double run_team(Shared& shared, unsigned processes, Prepare prepare, Work work) {
    std::vector<pid_t> team;
    std::fflush(stdout);
    for (unsigned number = 0; number < processes; ++number) {
        const pid_t process = fork();
        if (process < 0) fail("fork");
        if (process == 0) {
            auto heap = prepare(number);
            shared.ready.fetch_add(1);
            while (shared.go.load() == 0) sched_yield();
            const std::uint64_t start = processor_time();
            work(heap, number);
            shared.processor_ns.fetch_add(processor_time() - start);
            std::_Exit(0);
        }
        team.push_back(process);
    }
    while (shared.ready.load() < processes) sched_yield();
    const Clock::time_point start = Clock::now();
    shared.go.store(1);
    for (const pid_t process : team) {
        int status = 0;
        if (waitpid(process, &status, 0) != process || status != 0)
            fail("a process of the team failed");
    }
    return nanoseconds_since(start);
}

}  // namespace bench

#endif

// signal_storm: threads allocate and free, and each gets signals at random: by
// a timer of its own and from other threads. Handlers do the same, interrupt
// each other, run on alternate stacks, and some leave by siglongjmp(). Blocks
// carry patterns, and the heap is checked at the end.
// usage: signal_storm SECONDS
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "stamp.hpp"

namespace {

using signals::Block;

constexpr unsigned kThreads = 4;
constexpr unsigned kBlocks = 200;
constexpr unsigned kKept = 12;

struct Worker {
    pthread_t thread{};
    Block blocks[kBlocks];
    Block kept[3][kKept];  // of handlers, by how deep they are
    unsigned depth = 0;
    std::uint64_t random = 0;
    unsigned long handled = 0, nested = 0, jumps = 0;
    sigjmp_buf start;
    volatile sig_atomic_t ready = 0;
    char alternate[128 * 1024];
};
Worker workers[kThreads];
thread_local Worker* self = nullptr;
std::atomic<bool> stop{false};

std::uint64_t next(std::uint64_t& state) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
}

std::size_t any_size(std::uint64_t chance) {
    const std::size_t least = std::size_t{16} << chance % 9;
    return chance % 97 == 0 ? 300000 : least + chance % least;
}

void act(Block& block, std::uint64_t chance) {
    block.check();
    if (block.at != nullptr && chance % 4 == 0) {
        block.resize(any_size(chance >> 8));
    } else if (block.at != nullptr) {
        block.release();
    } else {
        block.allocate(any_size(chance >> 8));
    }
}

void on_signal(int) {
    Worker* const worker = self;
    if (worker == nullptr) return;
    const unsigned depth = worker->depth++;
    ++worker->handled;
    if (depth != 0) ++worker->nested;
    std::uint64_t random = worker->handled * 77 + depth;
    if (depth < 3) {
        for (unsigned i = 0; i < 8; ++i)
            act(worker->kept[depth][next(random) % kKept], next(random));
    } else {
        std::free(std::malloc(any_size(next(random))));
    }
    if (worker->ready != 0 && worker->handled % 16 == 0) {
        ++worker->jumps;
        siglongjmp(worker->start, 1);
    }
    worker->depth = depth;
}

void start_timer() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGRTMIN;
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    timer_t timer;
    const itimerspec period{{0, 700000}, {0, 700000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &period, nullptr) != 0) {
        std::abort();
    }
}

// After a jump the block that was in use may be in any state: it is forgotten.
void* work(void* argument) {
    auto* const worker = static_cast<Worker*>(argument);
    stack_t stack{};
    stack.ss_sp = worker->alternate;
    stack.ss_size = sizeof worker->alternate;
    if (sigaltstack(&stack, nullptr) != 0) std::abort();
    static thread_local Block* in_use;
    self = worker;
    start_timer();
    if (sigsetjmp(worker->start, 1) != 0) {
        worker->depth = 0;
        *in_use = {};
    }
    Block spare;
    in_use = &spare;
    worker->ready = 1;
    while (!stop.load(std::memory_order_relaxed)) {
        const std::uint64_t chance = next(worker->random);
        in_use = &worker->blocks[chance % kBlocks];
        std::atomic_signal_fence(std::memory_order_seq_cst);
        act(*in_use, next(worker->random));
    }
    worker->ready = 0;
    return nullptr;
}

unsigned long sum(unsigned long Worker::*count) {
    unsigned long all = 0;
    for (const Worker& worker : workers) all += worker.*count;
    return all;
}

}  // namespace

int main(int, char** argv) {
    signals::find_functions();
    const long seconds = std::strtol(argv[1], nullptr, 10);
    for (const int number : {SIGUSR1, SIGRTMIN, SIGUSR2}) {
        struct sigaction action {};
        action.sa_handler = on_signal;
        action.sa_flags = number == SIGUSR2 ? SA_ONSTACK : SA_RESTART;
        if (sigaction(number, &action, nullptr) != 0) return 2;
    }
    for (unsigned i = 0; i < kThreads; ++i) {
        workers[i].random = i + 1;
        if (pthread_create(&workers[i].thread, nullptr, work, &workers[i]) != 0) return 2;
    }
    timespec begin{}, now{};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    std::uint64_t random = 5;
    do {
        Worker& worker = workers[next(random) % kThreads];
        pthread_kill(worker.thread, next(random) % 2 == 0 ? SIGUSR1 : SIGUSR2);
        const timespec pause{0, 50000};
        nanosleep(&pause, nullptr);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < seconds);
    stop.store(true, std::memory_order_relaxed);
    for (Worker& worker : workers) pthread_join(worker.thread, nullptr);
    for (Worker& worker : workers) {
        for (Block& block : worker.blocks) block.release();
        for (auto& level : worker.kept) {
            for (Block& block : level) block.release();
        }
    }
    const std::size_t faults = signals::check();
    std::printf("%lu signals, %lu in handlers, %lu jumps, %u damaged blocks, %zu faults\n",
                sum(&Worker::handled), sum(&Worker::nested), sum(&Worker::jumps), signals::damaged,
                faults);
    const bool stormy = sum(&Worker::nested) != 0 && sum(&Worker::jumps) != 0;
    return faults == 0 && signals::damaged == 0 && stormy ? 0 : 1;
}

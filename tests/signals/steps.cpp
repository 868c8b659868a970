// signal_steps: a signal after every instruction of every operation of the
// allocator. The trap flag of the processor makes the kernel send SIGTRAP after
// each instruction, and the handler allocates, reallocates, frees and compares.
// The operation's own blocks are compared afterwards, and the heap is checked.
// With `jump`, a handler leaves operations by siglongjmp() instead. Needs
// ASHLAR_SIGNALS=1, or uses ash_enter_handler() with `api`.
// usage: signal_steps [api|none] [short] [jump] [every N]
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "stamp.hpp"

namespace {

using signals::Block;

enum class Mode { wrapped, api, none };
Mode mode = Mode::wrapped;
bool jumps = false;
bool is_short = false;    // no long operation, and one pass
unsigned long every = 1;  // of jumps: the distance between two points

constexpr int kNoMorePoints = 9;
constexpr std::size_t kKib = 1024;
constexpr std::size_t kMib = 1024 * kKib;

// --------------------------------------------------------------- the handler

// Handlers keep these from one call to the next.
constexpr unsigned kKept = 16;
Block kept[kKept];
constexpr std::size_t kSizes[] = {16, 24, 48, 64, 100, 200, 500, 1000, 3000, 8000, 40 * kKib};
unsigned long traps;
unsigned long clock_ms;
unsigned long budget;  // of the operation: instructions until the jump
sigjmp_buf before_the_operation;
bool nested;  // steps into the handler's own calls

// Beyond the red zone, in which the compiler may keep something.
void set_trap_flag() {
    asm volatile(
        "leaq -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; leaq 128(%%rsp), %%rsp" ::
            : "memory", "cc");
}
void clear_trap_flag() {
    asm volatile(
        "leaq -128(%%rsp), %%rsp; pushfq; andq $-0x101, (%%rsp); popfq; leaq 128(%%rsp), %%rsp" ::
            : "memory", "cc");
}

// Whether the signal came in code of this program itself.
extern "C" const char __executable_start, etext;
bool in_this_program(const void* context) {
    const auto pc = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    const auto address = static_cast<std::uintptr_t>(pc);
    return address >= reinterpret_cast<std::uintptr_t>(&__executable_start) &&
           address < reinterpret_cast<std::uintptr_t>(&etext);
}

void use_the_heap(unsigned long n) {
    Block& block = kept[n % kKept];
    const std::size_t size = kSizes[n % (sizeof kSizes / sizeof *kSizes)];
    block.check();
    if (block.at != nullptr && n % 3 == 0) {
        block.resize(size);
    } else {
        block.release();
        block.allocate(size);
    }
}

// Nested traps, after each instruction of a handler's own work.
int depth = 0;

void work(unsigned long n) {
    if (nested && depth == 0 && n % 4999 == 0) {
        ++depth;
        set_trap_flag();
        use_the_heap(n);
        clear_trap_flag();
        --depth;
    } else {
        use_the_heap(n + static_cast<unsigned long>(depth) * 7);
    }
}

void on_trap(int, siginfo_t*, void* context) {
    if (in_this_program(context)) return;
    const unsigned long n = ++traps;
    if (mode == Mode::api) {
        const auto code = signals::enter();
        work(n);
        signals::leave(code);
    } else {
        work(n);
    }
    if (jumps && budget != 0 && --budget == 0) siglongjmp(before_the_operation, 1);
}

}  // namespace

// The library's clock. It stands still while an operation is stepped through,
// which would else look like a thread that rests, and goes on between two.
extern "C" int clock_gettime(clockid_t, timespec* now) noexcept {
    *now = {.tv_sec = 1000 + static_cast<time_t>(clock_ms / 1000),
            .tv_nsec = static_cast<long>(clock_ms % 1000) * 1000000};
    return 0;
}

namespace {

// ------------------------------------------------------------- the operations

Block own[400];

void take(unsigned first, unsigned n, std::size_t size) {
    for (unsigned i = first; i < first + n; ++i) own[i].allocate(size);
}
void give(unsigned first, unsigned n) {
    for (unsigned i = first; i < first + n; ++i) own[i].release();
}
void small() {
    take(0, 300, 64);
    give(0, 300);
}
void medium() {
    take(0, 20, 4 * kKib);
    give(0, 20);
}
void slabs() {
    take(0, 30, 20 * kKib);
    give(0, 30);
}
void large() {
    take(0, 3, 256 * kKib);
    take(3, 2, 3 * kMib);
    give(0, 5);
}
void zeroed() {
    for (const std::size_t size : {std::size_t{100}, std::size_t{3000}, 8 * kKib})
        own[0].allocate_zeroed(size);
    give(0, 1);
}
void aligned() {
    own[0].allocate_aligned(64, 100);
    own[1].allocate_aligned(4 * kKib, 5000);
    own[2].allocate_aligned(64 * kKib, 100000);
    own[3].allocate_aligned(kMib, 100);
    give(0, 4);
}
void resized() {
    for (std::size_t size = 20; size < 300 * kKib; size *= 5) own[0].resize(size);
    own[0].resize(40 * kKib);
    own[0].resize(16);
    give(0, 1);
}
void mapped() {
    own[0].allocate(40 * kMib);
    own[0].resize(48 * kMib);
    give(0, 1);
}
void trimmed() {
    take(0, 100, 64);
    take(100, 2, 256 * kKib);
    give(0, 102);
    malloc_trim(0);
}
// As a handler of its own: each instruction of entering and leaving.
void entered() {
    for (unsigned i = 0; i < 4; ++i) {
        const auto code = signals::enter();
        own[i].allocate(std::size_t{64} << i);
        signals::leave(code);
        own[i].release();
    }
}
// The thread's end is stepped through as well, up to the last round of
// destructors: the library's runs in the round before, and later libc blocks
// signals.
pthread_key_t last_round;
thread_local int rounds = 0;
void end_round(void* value) {
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(last_round, value);
    } else {
        clear_trap_flag();
    }
}
void* live(void*) {
    pthread_setspecific(last_round, &rounds);
    set_trap_flag();
    take(0, 50, 64);
    take(50, 10, 4 * kKib);
    give(0, 60);
    return nullptr;
}
void thread() {
    clear_trap_flag();
    pthread_t made;
    if (pthread_create(&made, nullptr, live, nullptr) != 0) std::abort();
    pthread_join(made, nullptr);
}

struct Operation {
    const char* name;
    void (*run)();
    bool may_jump;
    bool is_long;  // for one pass only
};
constexpr Operation kOperations[] = {
    {"small", small, true, false},     {"medium", medium, true, false},
    {"slabs", slabs, true, false},     {"large", large, true, false},
    {"zeroed", zeroed, false, true},   {"aligned", aligned, true, false},
    {"resized", resized, true, true},  {"mapped", mapped, true, false},
    {"trimmed", trimmed, false, true}, {"entered", entered, true, false},
    {"thread", thread, false, false},
};

// ------------------------------------------------------------------ the tests

void look(const char* name) {
    for (Block& block : own) block.check();
    for (Block& block : kept) block.check();
    const std::size_t faults = signals::check();
    if (faults == 0 && signals::damaged == 0) return;
    std::printf("%s: %lu traps, %zu faults of the heap, %u damaged blocks\n", name, traps, faults,
                signals::damaged);
    std::fflush(stdout);
    _exit(1);
}

void step_through(const Operation& operation) {
    const unsigned long begin = traps;
    clock_ms += 300;
    set_trap_flag();
    operation.run();
    clear_trap_flag();
    look(operation.name);
    std::printf("%-8s %8lu signals\n", operation.name, traps - begin);
}

// In a child: a signal after each instruction, and a jump out of the one after
// `point`. The blocks that the operation was holding are forgotten, and count
// as lost. All operations must work afterwards.
[[noreturn]] void jump_at(const Operation& operation, unsigned long point) {
    budget = point;
    if (point % 16 == 1) clock_ms += 300;
    if (sigsetjmp(before_the_operation, 1) == 0) {
        set_trap_flag();
        operation.run();
        clear_trap_flag();
        _exit(kNoMorePoints);
    }
    for (Block& block : own) block = {};
    small();
    large();
    resized();
    malloc_trim(0);
    look(operation.name);
    _exit(0);
}

void jump_through(const Operation& operation) {
    int status = 0;
    unsigned long jumped = 0;
    for (unsigned long point = 1; status == 0; point += every) {
        const pid_t child = fork();
        if (child == 0) jump_at(operation, point);
        if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
        jumped += status == 0 ? 1 : 0;
    }
    std::printf("%-8s %8lu jumps\n", operation.name, jumped);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != kNoMorePoints) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "api") == 0) mode = Mode::api;
        if (std::strcmp(argv[i], "none") == 0) mode = Mode::none;
        if (std::strcmp(argv[i], "jump") == 0) jumps = true;
        if (std::strcmp(argv[i], "short") == 0) is_short = true;
        if (std::strcmp(argv[i], "every") == 0) every = std::strtoul(argv[++i], nullptr, 10);
    }
    signals::find_functions();
    if (pthread_key_create(&last_round, end_round) != 0) return 2;
    static char alternate[256 * kKib];
    stack_t stack{};
    stack.ss_sp = alternate;
    stack.ss_size = sizeof alternate;
    for (const bool on_alternate : {false, true}) {
        if (is_short && on_alternate) break;
        struct sigaction action {};
        action.sa_sigaction = on_trap;
        action.sa_flags = SA_SIGINFO | SA_NODEFER | (on_alternate ? SA_ONSTACK : 0);
        if ((on_alternate && sigaltstack(&stack, nullptr) != 0) ||
            sigaction(SIGTRAP, &action, nullptr) != 0) {
            return 2;
        }
        nested = on_alternate;
        for (const Operation& operation : kOperations) {
            const bool again = (on_alternate || is_short) && operation.is_long;
            if (!jumps && !again) step_through(operation);
            if (jumps && !again && operation.may_jump) jump_through(operation);
        }
    }
    return 0;
}

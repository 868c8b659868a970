// Stacks of the caller, of signal handlers and of other stacks, and their lines
// in a report.
#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <gtest/gtest.h>

#include "base/line.hpp"
#include "base/peek.hpp"
#include "base/stack.hpp"

namespace {

using ashlar::base::capture_stack;
using ashlar::base::Peek;
using ashlar::base::print_stack;

constexpr unsigned kMost = 32;

struct Captured {
    std::uintptr_t frames[kMost];
    unsigned n = 0;
    std::uintptr_t outer = 0;  // what the stack is to hold
};

[[gnu::noinline]] void inner(Captured& out, const void* context = nullptr) {
    out.n = capture_stack(out.frames, kMost, context);
    asm volatile("" ::: "memory");  // no tail call
}

[[gnu::noinline]] void outer(Captured& out) {
    out.outer = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    inner(out);
    asm volatile("" ::: "memory");
}

unsigned place_of(const Captured& captured, std::uintptr_t address) {
    for (unsigned i = 0; i < captured.n; ++i)
        if (captured.frames[i] == address) return i;
    return kMost;
}

TEST(CaptureStack, BeginsWithTheCallerAndHoldsItsCallers) {
    Captured captured;
    outer(captured);
    const auto begin = reinterpret_cast<std::uintptr_t>(&inner);
    ASSERT_GT(captured.n, 2U);
    EXPECT_GT(captured.frames[0], begin);
    EXPECT_LT(captured.frames[0], begin + 256);
    EXPECT_EQ(place_of(captured, captured.outer), 2U);
}

TEST(CaptureStack, StoresNoMoreThanAsked) {
    std::uintptr_t frames[3] = {0, 0, 7};
    EXPECT_EQ(capture_stack(frames, 0, nullptr), 0U);
    EXPECT_EQ(frames[0], 0U);
    EXPECT_EQ(capture_stack(frames, 2, nullptr), 2U);
    EXPECT_NE(frames[1], 0U);
    EXPECT_EQ(frames[2], 7U);
}

Captured* in_handler;

void handle(int, siginfo_t*, void* context) { inner(*in_handler, context); }

[[gnu::noinline]] void interrupted(Captured& out) {
    out.outer = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    static_cast<void>(raise(SIGUSR1));
    asm volatile("" ::: "memory");
}

TEST(CaptureStack, BeginsWhereASignalCameAlsoOnAStackOfItsOwn) {
    static char stack[65536];
    const stack_t other{stack, 0, sizeof stack};
    ASSERT_EQ(sigaltstack(&other, nullptr), 0);
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    Captured captured;
    in_handler = &captured;
    interrupted(captured);
    static_cast<void>(signal(SIGUSR1, SIG_DFL));
    ASSERT_GT(captured.n, 1U);
    Dl_info info;
    ASSERT_NE(dladdr(reinterpret_cast<void*>(captured.frames[0]), &info), 0);
    EXPECT_NE(std::string(info.dli_fname).find("libc.so"), std::string::npos) << info.dli_fname;
    EXPECT_LT(place_of(captured, captured.outer), kMost);
}

Captured* on_fiber;

void enter_fiber() { outer(*on_fiber); }

TEST(CaptureStack, EndsAtTheEndOfAFiber) {
    constexpr std::size_t kBytes = 65536;
    // An unreadable page lies behind the stack.
    auto* const stack = static_cast<char*>(
        mmap(nullptr, kBytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(stack, MAP_FAILED);
    ASSERT_EQ(mprotect(stack + kBytes, 4096, PROT_NONE), 0);
    ucontext_t here, fiber;
    ASSERT_EQ(getcontext(&fiber), 0);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = kBytes;
    fiber.uc_link = &here;
    makecontext(&fiber, enter_fiber, 0);
    Captured captured;
    on_fiber = &captured;
    ASSERT_EQ(swapcontext(&here, &fiber), 0);
    EXPECT_LT(place_of(captured, captured.outer), kMost);
    munmap(stack, kBytes + 4096);
}

struct Pair {
    std::uintptr_t ours[kMost], theirs[kMost];
    unsigned compared = 0;
    unsigned equal = 0;
};
Pair* pair;

_Unwind_Reason_Code add_theirs(_Unwind_Context* context, void* n) {
    auto& count = *static_cast<unsigned*>(n);
    if (count < kMost && _Unwind_GetIP(context) != 0)
        pair->theirs[count++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

// The first frames differ: they are at different places of this function.
[[gnu::noinline]] void compare() {
    const unsigned n = capture_stack(pair->ours, kMost, nullptr);
    unsigned theirs = 0;
    _Unwind_Backtrace(add_theirs, &theirs);
    ++pair->compared;
    if (n == theirs && n > 1 && std::equal(pair->ours + 1, pair->ours + n, pair->theirs + 1))
        ++pair->equal;
}

int compare_in_sort(const void* a, const void* b) {
    compare();
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

// Its frame's size is known at run time only.
[[gnu::noinline]] void compare_behind_an_array(std::size_t n) {
    auto* const words = static_cast<char*>(__builtin_alloca(n));
    words[0] = static_cast<char>(n);
    asm volatile("" : : "r"(words) : "memory");
    compare();
}

jmp_buf back;

[[noreturn, gnu::noinline]] void compare_and_leave() {
    compare();
    longjmp(back, 1);
}

// Nothing of it lies behind the call: the address of return is not its own.
[[noreturn, gnu::noinline]] void end_in_a_call(std::size_t n) {
    auto* const words = static_cast<char*>(__builtin_alloca(n));
    words[0] = 1;
    asm volatile("" : : "r"(words) : "memory");
    compare_and_leave();
}

TEST(CaptureStack, AgreesWithTheUnwinderOfExceptions) {
    Pair both;
    pair = &both;
    compare();
    for (std::size_t n = 1; n < 1000; n *= 3) compare_behind_an_array(n);
    if (setjmp(back) == 0) end_in_a_call(40);
    int numbers[16];
    for (int i = 0; i < 16; ++i) numbers[i] = i * 7 % 16;
    std::qsort(numbers, 16, sizeof(int), compare_in_sort);
    static_cast<void>(signal(SIGUSR1, [](int) { compare(); }));
    static_cast<void>(raise(SIGUSR1));
    static_cast<void>(signal(SIGUSR1, SIG_DFL));
    EXPECT_GT(both.compared, 20U);
    EXPECT_EQ(both.equal, both.compared);
}

// Overwrites the frames of its callers. The kernel does it, since
// AddressSanitizer would stop the program.
[[gnu::noinline]] void smash_and_capture(int byte) {
    static std::uintptr_t frames[kMost];
    static char bytes[2048];
    int ends[2];
    std::memset(bytes, byte, sizeof bytes);
    if (pipe(ends) != 0 || write(ends[1], bytes, sizeof bytes) != sizeof bytes) _exit(1);
    syscall(SYS_read, ends[0], __builtin_frame_address(0), sizeof bytes);
    capture_stack(frames, kMost, nullptr);
    _exit(0);
}

TEST(CaptureStackDeathTest, SurvivesFramesThatWereOverwritten) {
    for (const int byte : {0, 0x41, 0x48, 0xff})
        EXPECT_EXIT(smash_and_capture(byte), testing::ExitedWithCode(0), "^$") << byte;
}

TEST(Peek, FailsAtPagesThatCannotBeRead) {
    auto* const pages = static_cast<char*>(
        mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(pages, MAP_FAILED);
    ASSERT_EQ(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    for (int i = 0; i < 16; ++i) pages[4080 + i] = static_cast<char>(i);
    const auto at = reinterpret_cast<std::uintptr_t>(pages);
    Peek peek;
    char read[16];
    EXPECT_TRUE(peek.copy(at + 4080, read, 16));
    EXPECT_EQ(read[15], 15);
    EXPECT_TRUE(peek.copy(at + 4083, read, 13));
    EXPECT_EQ(read[0], 3);
    EXPECT_FALSE(peek.copy(at + 4081, read, 16));
    EXPECT_FALSE(peek.copy(at + 4096, read, 1));
    EXPECT_FALSE(peek.copy(0, read, 8));
    EXPECT_FALSE(peek.copy(std::uintptr_t{1} << 63, read, 8));
    EXPECT_TRUE(peek.copy(at, read, 8)) << "it goes on after a failure";
    munmap(pages, 8192);
}

std::string printed(const std::uintptr_t* frames, unsigned n) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    print_stack(ends[1], frames, n);
    close(ends[1]);
    char text[4096];
    const ssize_t got = read(ends[0], text, sizeof text);
    close(ends[0]);
    return {text, got > 0 ? static_cast<std::size_t>(got) : 0};
}

TEST(PrintStack, NamesTheFileAndTheOffsetOfTheCall) {
    Dl_info info;
    // Sanitizers have no function of this name.
    const auto address = reinterpret_cast<std::uintptr_t>(&::getpagesize) + 1;
    ASSERT_NE(dladdr(reinterpret_cast<void*>(&::getpagesize), &info), 0);
    char expected[64];
    snprintf(expected, sizeof expected, "libc.so.6+0x%zx\n",
             address - 1 - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
    const std::string text = printed(&address, 1);
    char begin[64];
    snprintf(begin, sizeof begin, "#0 0x%zx /", address);
    EXPECT_EQ(text.substr(0, std::string(begin).size()), begin);
    EXPECT_NE(text.find(expected), std::string::npos) << text << expected;
}

TEST(PrintStack, AddressesOfNoFileStandAlone) {
    const std::uintptr_t frames[2] = {0x10, 0x123456};
    EXPECT_EQ(printed(frames, 2), "#0 0x10\n#1 0x123456\n");
    EXPECT_EQ(printed(frames, 0), "");
}

TEST(PrintStackDeathTest, PrintsAddressesWhereProcCannotBeRead) {
    const auto address = reinterpret_cast<std::uintptr_t>(&std::abort);
    char expected[64];
    snprintf(expected, sizeof expected, "^#0 0x%zx\n$", address);
    EXPECT_EXIT(
        {
            rlimit none{};
            setrlimit(RLIMIT_NOFILE, &none);
            print_stack(STDERR_FILENO, &address, 1);
            _exit(0);
        },
        testing::ExitedWithCode(0), expected);
}

}  // namespace

// Faults and misuse end the program by their signal, after lines that say what
// happened; other faults reach the handler that was there before.
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "malloc/guards/fault_handler.hpp"
#include "malloc/guards/guarded_blocks.hpp"

namespace {

using namespace ashlar::guards;

char sink;

void read_at(const char* at) {
    __atomic_store_n(&sink, __atomic_load_n(at, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

// In a process of its own: started, with the handler.
void begin() {
    if (!guarded_blocks.start(1) || !handle_faults()) std::_Exit(1);
}

char* take(bool at_end) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    for (;;) {
        void* block = guarded_blocks.take(24, 16);
        if ((reinterpret_cast<std::uintptr_t>(block) % page != 0) == at_end)
            return static_cast<char*>(block);
    }
}

void give(void* block) {
    if (!guarded_blocks.give(block)) std::_Exit(2);
}

char* freed() {
    char* block = take(true);
    give(block);
    return block;
}

#define EXPECT_FAULT(statement, words) \
    EXPECT_EXIT(                       \
        {                              \
            begin();                   \
            statement;                 \
        },                             \
        testing::KilledBySignal(SIGSEGV), words)
#define EXPECT_END(statement, words) \
    EXPECT_EXIT(                     \
        {                            \
            begin();                 \
            statement;               \
        },                           \
        testing::KilledBySignal(SIGABRT), words)

// Of the library; qemu-user adds one.
constexpr char kNoLine[] = "^(qemu: uncaught target signal [^\n]*\n)?$";
constexpr char kAllocated[] = "ashlar: allocated by thread [0-9]+:\n#0 0x";

class GuardReport : public testing::Test {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(GuardReport, SaysHowFarBesideABlockAnAccessIs) {
    EXPECT_FAULT(
        read_at(take(true) + 24 + 10),
        "^ashlar: overflow: (read of|access to) 0x[0-9a-f]+, 10 bytes behind a block of 24 "
        "bytes in use\nashlar: fault in thread [0-9]+:\n#0 0x");
    EXPECT_FAULT(read_at(take(false) - 1),
                 "^ashlar: underflow: .*, 1 byte before a block of 24 bytes");
    EXPECT_FAULT(read_at(take(false) - 2), kAllocated);
}

#if defined(__aarch64__)
// A fault beside a block, as a kernel that adds the exception's syndrome
// delivers it.
void deliver(std::uint64_t syndrome) {
    struct sigaction installed {};
    if (sigaction(SIGSEGV, nullptr, &installed) != 0) std::_Exit(3);
    siginfo_t info{};
    info.si_code = SEGV_ACCERR;
    info.si_addr = take(true) + 32;
    ucontext_t context{};
    const fpsimd_context other{{FPSIMD_MAGIC, sizeof other}, 0, 0, {}};
    const esr_context record{{ESR_MAGIC, sizeof record}, syndrome};
    std::memcpy(context.uc_mcontext.__reserved, &other, sizeof other);
    std::memcpy(context.uc_mcontext.__reserved + sizeof other, &record, sizeof record);
    installed.sa_sigaction(SIGSEGV, &info, &context);
    std::_Exit(0);
}

TEST_F(GuardReport, SaysWhetherTheFaultWasAWrite) {
    constexpr std::uint64_t kDataAbort = std::uint64_t{0x24} << 26;
    constexpr std::uint64_t kOther = std::uint64_t{0x20} << 26;  // of an instruction
    const auto ended = testing::ExitedWithCode(0);
    EXPECT_EXIT((begin(), deliver(kDataAbort | 1 << 6)), ended, "^ashlar: overflow: write to ");
    EXPECT_EXIT((begin(), deliver(kDataAbort)), ended, "^ashlar: overflow: read of ");
    EXPECT_EXIT((begin(), deliver(kOther | 1 << 6)), ended, "^ashlar: overflow: access to ");
}
#endif

TEST_F(GuardReport, SaysThatABlockWasFreed) {
    EXPECT_FAULT(read_at(freed() + 3),
                 "^ashlar: use after free: .*, byte 3 of a block of 24 bytes, "
                 "which is free\n");
    EXPECT_FAULT(read_at(freed() + 3), "ashlar: freed by thread [0-9]+:\n#0 0x");
    EXPECT_FAULT(read_at(freed() + 3), kAllocated);
    EXPECT_FAULT(read_at(freed() + 32),
                 "^ashlar: overflow: .*, 8 bytes behind .*, which is free\n");
}

TEST_F(GuardReport, SaysThatThereWasNoBlock) {
    EXPECT_FAULT(read_at(take(true) + 4 * sysconf(_SC_PAGESIZE)),
                 "^ashlar: wild access: .* where none was yet\n");
}

TEST_F(GuardReport, EndsTheProgramOverASecondFree) {
    EXPECT_END(give(freed()),
               "^ashlar: double free of 0x[0-9a-f]+ \\(24-byte block\\)\n"
               "ashlar: freed now by thread [0-9]+:\n");
    EXPECT_END(give(freed()), "ashlar: freed by thread [0-9]+:\n");
    EXPECT_END(give(freed()), kAllocated);
}

// At the same moment, as far as a program can.
void give_in_two_threads() {
    ashlar::base::Atomic<int> ready{};
    char* block = take(true);
    const auto give_together = [&] {
        ready.fetch_add(1, ashlar::base::acq_rel);
        while (ready.load(ashlar::base::acq) != 2) ashlar::base::pause();
        give(block);
    };
    std::thread other(give_together);
    give_together();
    other.join();
}

TEST_F(GuardReport, EndsTheProgramIfTwoThreadsFreeABlock) {
    GTEST_FLAG_SET(death_test_style, "fast");
    for (int i = 0; i < 40; ++i) EXPECT_END(give_in_two_threads(), "ashlar: double free of ");
}

TEST_F(GuardReport, EndsTheProgramOverAFreeOfNoBlock) {
    EXPECT_END(give(take(true) + 8),
               "^ashlar: invalid free of .* \\(byte 8 of a block of 24 bytes\\)");
    EXPECT_END(give(take(true) + 48),
               "^ashlar: invalid free of .* \\(24 bytes behind a block of 24 b");
    EXPECT_END(give(take(false) - 16),
               "^ashlar: invalid free of .* \\(16 bytes before a block of 24 b");
    EXPECT_END(give(take(true) + 4 * sysconf(_SC_PAGESIZE)),
               "^ashlar: invalid free of .* \\(no block");
}

TEST_F(GuardReport, EndsTheProgramOverTheSizeOfNoBlock) {
    EXPECT_END(static_cast<void>(guarded_blocks.size_of(freed())),
               "^ashlar: use after free of .* \\(24-byte block\\)\nashlar: used now by thread");
    EXPECT_END(static_cast<void>(guarded_blocks.size_of(take(true) + 1)),
               "^ashlar: invalid use of .* \\(byte 1 of a block of 24 bytes\\)");
}

void overwrite(bool at_end, std::ptrdiff_t at) {
    char* block = take(at_end);
    block[at] = 0;
    give(block);
}

TEST_F(GuardReport, EndsTheProgramOverBytesThatWereOverwritten) {
    EXPECT_END(overwrite(false, 24 + 100),
               "^ashlar: overflow: write to .*, 100 bytes behind a block of "
               "24 bytes, seen as it is freed\n");
    EXPECT_END(overwrite(true, -2), "^ashlar: underflow: write to .*, 2 bytes before a block");
    EXPECT_END(overwrite(true, 24), "^ashlar: overflow: write to .*, 0 bytes behind a block");
}

void say_and_exit(const char* text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) _exit(2);
    _exit(42);
}
void on_signal(int) { say_and_exit("plain handler\n"); }
void on_fault(int, siginfo_t* info, void*) {
    say_and_exit(info->si_addr == nullptr ? "handler with null\n" : "handler\n");
}

void fault_at_null() {
    const char* at = nullptr;
    ashlar::base::opaque(at);
    read_at(at);
}

// Installs a handler before ours.
void begin_after(void (*handler)(int)) {
    signal(SIGSEGV, handler);
    begin();
}
void begin_after(void (*handler)(int, siginfo_t*, void*)) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    begin();
}

TEST_F(GuardReport, OtherFaultsReachTheHandlerBefore) {
    const testing::ExitedWithCode by_handler(42);
    EXPECT_EXIT(
        {
            begin_after(on_fault);
            fault_at_null();
        },
        by_handler, "^handler with null\n$");
    EXPECT_EXIT(
        {
            begin_after(on_signal);
            fault_at_null();
        },
        by_handler, "^plain handler\n$");
    EXPECT_EXIT(
        {
            begin_after(on_fault);
            read_at(freed());
        },
        testing::KilledBySignal(SIGSEGV), "^ashlar: use after free");
}

TEST_F(GuardReport, OtherFaultsHaveTheSystemsEffect) {
    const testing::KilledBySignal killed(SIGSEGV);
    EXPECT_EXIT(
        {
            begin_after(SIG_DFL);
            fault_at_null();
        },
        killed, kNoLine);
    EXPECT_EXIT(
        {
            begin_after(SIG_IGN);
            fault_at_null();
        },
        killed, kNoLine);
    EXPECT_EXIT(
        {
            begin_after(SIG_DFL);
            raise(SIGSEGV);
        },
        killed, kNoLine);
    EXPECT_EXIT(
        {
            begin_after(SIG_IGN);
            raise(SIGSEGV);
            _exit(3);
        },
        testing::ExitedWithCode(3), "^$");
}

}  // namespace

// Handlers of the program for faults, while other threads replace them.
#include <atomic>
#include <csetjmp>
#include <cstdint>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "malloc/process/fault_report.hpp"

namespace {

using namespace ashlar;

jmp_buf place;
std::atomic<int> right{0};
std::atomic<int> wrong{0};

// The two handlers differ by their argument, which says which one is right.
template <int number>
void call(const cache::FaultHandler& handler, const base::Report& report,
          const cache::FaultStack& stack) {
    const bool fits = *static_cast<int*>(handler.user) == number && stack.count > 1 &&
                      report.kind == base::Misuse::double_free && report.size == 48;
    ++(fits ? right : wrong);
    longjmp(place, 1);
}

class SilentStderr {
  public:
    SilentStderr() : kept_(dup(STDERR_FILENO)) {
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        close(nowhere);
    }
    ~SilentStderr() {
        dup2(kept_, STDERR_FILENO);
        close(kept_);
    }
    SilentStderr(const SilentStderr&) = delete;
    SilentStderr& operator=(const SilentStderr&) = delete;

  private:
    int kept_;
};

TEST(FaultReport, HandlersComeWithTheirOwnArguments) {
    static int numbers[2] = {1, 2};
    const SilentStderr silent;
    ASSERT_TRUE(cache::set_fault_handler({call<1>, nullptr, &numbers[0]}));
    static std::atomic<bool> stop{false};
    static std::atomic<int> changes{0};
    std::thread setter([] {
        while (!stop) {
            if (!cache::set_fault_handler({call<2>, nullptr, &numbers[1]})) ++wrong;
            if (!cache::set_fault_handler({call<1>, nullptr, &numbers[0]})) ++wrong;
            ++changes;
        }
    });
    static std::atomic<int> faults{0};
    static_cast<void>(setjmp(place));
    if (faults < 500 || changes < 50) {
        ++faults;
        base::report_double_free(numbers, 48);
    }
    stop = true;
    setter.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(right, faults);
    EXPECT_TRUE(cache::set_fault_handler({}));
}

}  // namespace

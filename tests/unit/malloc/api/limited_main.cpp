// Runs the tests of this program under an address space limit of 400,000 KiB.
// The program sets the limit and starts itself again, so that the library finds
// it before its first reservation.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
    constexpr rlim_t limit = rlim_t{400'000} * 1024;
    rlimit now = {};
    if (getrlimit(RLIMIT_AS, &now) != 0) return 1;
    if (now.rlim_cur > limit) {
        now.rlim_cur = limit;
        if (setrlimit(RLIMIT_AS, &now) == 0) execv("/proc/self/exe", argv);
        std::perror("cannot start again under a limit");
        return 1;
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}

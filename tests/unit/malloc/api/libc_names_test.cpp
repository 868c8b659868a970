// The drop-in defines every allocation symbol of the program. The functions of
// libc that only report or tune do as programs expect.
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include <ashlar/heap.hpp>

#include "pattern.hpp"

namespace {

// The file in which the dynamic linker finds a symbol.
std::string origin(const char* symbol) {
    void* address = dlsym(RTLD_DEFAULT, symbol);
    Dl_info info = {};
    if (address == nullptr || dladdr(address, &info) == 0) return "nowhere";
    return info.dli_fname;
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

TEST(LibcNames, ResolveToAshlar) {
    const std::string library = origin("ash_version");
    EXPECT_NE(library.find("libashlar.so"), std::string::npos) << library;
    for (const char* symbol : {"malloc",
                               "calloc",
                               "realloc",
                               "reallocarray",
                               "free",
                               "cfree",
                               "free_sized",
                               "free_aligned_sized",
                               "posix_memalign",
                               "aligned_alloc",
                               "memalign",
                               "valloc",
                               "pvalloc",
                               "malloc_usable_size",
                               "malloc_trim",
                               "mallinfo",
                               "mallinfo2",
                               "malloc_info",
                               "malloc_stats",
                               "mallopt",
                               "__libc_malloc",
                               "__libc_free",
                               "__libc_calloc",
                               "__libc_realloc",
                               "__libc_memalign",
                               "__libc_valloc",
                               "__libc_pvalloc"}) {
        EXPECT_EQ(origin(symbol), library) << symbol;
    }
}

TEST(LibcNames, OperatorsNewAndDeleteResolveToAshlar) {
    const std::string library = origin("ash_version");
    for (const char* symbol : {"_Znwm",
                               "_Znam",
                               "_ZnwmRKSt9nothrow_t",
                               "_ZnamRKSt9nothrow_t",
                               "_ZnwmSt11align_val_t",
                               "_ZnamSt11align_val_t",
                               "_ZnwmSt11align_val_tRKSt9nothrow_t",
                               "_ZnamSt11align_val_tRKSt9nothrow_t",
                               "_ZdlPv",
                               "_ZdaPv",
                               "_ZdlPvm",
                               "_ZdaPvm",
                               "_ZdlPvRKSt9nothrow_t",
                               "_ZdaPvRKSt9nothrow_t",
                               "_ZdlPvSt11align_val_t",
                               "_ZdaPvSt11align_val_t",
                               "_ZdlPvmSt11align_val_t",
                               "_ZdaPvmSt11align_val_t",
                               "_ZdlPvSt11align_val_tRKSt9nothrow_t",
                               "_ZdaPvSt11align_val_tRKSt9nothrow_t"}) {
        EXPECT_EQ(origin(symbol), library) << symbol;
    }
}

TEST(LibcNames, MallocAndCallsOfLibcUseTheProcessHeap) {
    void* block = malloc(100);
    EXPECT_TRUE(ashlar::Heap::process().owns(block));
    free(block);
    char* copy = strdup("a block that libc allocates");
    EXPECT_TRUE(ashlar::Heap::process().owns(copy));
    free(copy);
}

TEST(LibcNames, PrefixedAndPlainBlocksAreInterchangeable) {
    for (std::size_t size : Sizes{16, 5000, 300'000}) {
        free(ash_malloc(size));
        ash_free(malloc(size));
        void* block = ash_realloc(malloc(size), 2 * size);
        ASSERT_NE(block, nullptr);
        block = realloc(block, 3 * size);
        EXPECT_GE(ash_malloc_usable_size(block), 3 * size);
        ash_free(block);
    }
    EXPECT_EQ(ash_check(), 0u);
}

TEST(LibcNames, CfreeReleasesTheBlock) {
    auto* cfree = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_DEFAULT, "cfree"));
    ASSERT_NE(cfree, nullptr);
    cfree(nullptr);
    const std::size_t live = ashlar::Heap::process().statistics().live;
    for (int i = 0; i < 1000; ++i) {
        void* block = malloc(1 << 20);
        ASSERT_NE(block, nullptr);
        cfree(block);
    }
    EXPECT_LT(ashlar::Heap::process().statistics().live, live + (std::size_t{100} << 20));
}

std::string malloc_info_text() {
    char* text = nullptr;
    std::size_t length = 0;
    FILE* stream = open_memstream(&text, &length);
    EXPECT_EQ(malloc_info(0, stream), 0);
    fclose(stream);
    const std::string result(text, length);
    free(text);
    return result;
}

TEST(LibcNames, MallocInfoWritesXml) {
    const std::string text = malloc_info_text();
    EXPECT_EQ(text.rfind("<malloc version=", 0), 0u) << text;
    EXPECT_TRUE(ends_with(text, "</malloc>\n")) << text;
    errno = 0;
    const int result = malloc_info(1, stdout);
    EXPECT_TRUE(result == EINVAL || (result == -1 && errno == EINVAL))
        << "options other than 0 are an error";
}

TEST(LibcNames, MallocInfoReportsAFailedWrite) {
    FILE* stream = fopen("/dev/null", "r");
    ASSERT_NE(stream, nullptr);
    EXPECT_EQ(malloc_info(0, stream), -1);
    fclose(stream);
}

TEST(LibcNames, MallocStatsPrintsToStandardError) {
    testing::internal::CaptureStderr();
    malloc_stats();
    EXPECT_FALSE(testing::internal::GetCapturedStderr().empty());
}

TEST(LibcNames, Mallinfo2FollowsMallocAndFree) {
    constexpr std::size_t size = std::size_t{24} << 20;
    const struct mallinfo2 before = mallinfo2();
    void* block = malloc(size);
    ASSERT_NE(block, nullptr);
    const struct mallinfo2 during = mallinfo2();
    EXPECT_GE(during.uordblks + during.hblkhd, before.uordblks + before.hblkhd + size);
    EXPECT_GE(during.arena + during.hblkhd, during.uordblks);
    free(block);
    const struct mallinfo2 after = mallinfo2();
    EXPECT_LE(after.uordblks + after.hblkhd + size, during.uordblks + during.hblkhd);
}

TEST(LibcNames, MallinfoIsMallinfo2CutToInts) {
    // By name, because glibc's header marks it deprecated.
    auto* old = reinterpret_cast<struct mallinfo (*)()>(dlsym(RTLD_DEFAULT, "mallinfo"));
    ASSERT_NE(old, nullptr);
    const auto in_int = [](std::size_t value) {
        return value > INT_MAX ? INT_MAX : static_cast<int>(value);
    };
    // Too large for an int: INT_MAX.
    for (const std::size_t size : {std::size_t{1000}, std::size_t{3} << 30}) {
        void* block = malloc(size);
        if (block == nullptr && size > INT_MAX)
            GTEST_SKIP() << "the system has no such block: a limit, or an emulator's tables";
        ASSERT_NE(block, nullptr);
        const struct mallinfo2 wide = mallinfo2();
        const struct mallinfo narrow = old();
        EXPECT_EQ(narrow.arena, in_int(wide.arena));
        EXPECT_EQ(narrow.hblkhd, in_int(wide.hblkhd));
        EXPECT_EQ(narrow.uordblks, in_int(wide.uordblks));
        free(block);
    }
}

TEST(LibcNames, MalloptAcceptsOptionsOfGlibc) {
    for (const int known : {M_MXFAST, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX,
                            M_CHECK_ACTION, M_PERTURB, M_ARENA_TEST, M_ARENA_MAX}) {
        EXPECT_EQ(mallopt(known, 1), 1) << known;
    }
    EXPECT_EQ(mallopt(12345, 1), 0);
}

// By name, because no header declares them.
TEST(LibcNames, InternalNamesBehaveLikeThePublicOnes) {
    auto* option = reinterpret_cast<int (*)(int, int)>(dlsym(RTLD_DEFAULT, "__libc_mallopt"));
    auto* aligned = reinterpret_cast<int (*)(void**, std::size_t, std::size_t)>(
        dlsym(RTLD_DEFAULT, "__posix_memalign"));
    ASSERT_TRUE(option != nullptr && aligned != nullptr);
    EXPECT_EQ(option(M_ARENA_MAX, 1), 1);
    EXPECT_EQ(option(12345, 1), 0);
    void* block = nullptr;
    EXPECT_EQ(aligned(&block, 3, 100), EINVAL);
    ASSERT_EQ(aligned(&block, 256, 100), 0);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 256, 0U);
    free(block);
}

TEST(LibcNames, VersionIsThatOfTheHeader) {
    const std::string version = std::to_string(ASHLAR_VERSION_MAJOR) + "." +
                                std::to_string(ASHLAR_VERSION_MINOR) + "." +
                                std::to_string(ASHLAR_VERSION_PATCH);
    EXPECT_EQ(ash_version(), version);
}

}  // namespace

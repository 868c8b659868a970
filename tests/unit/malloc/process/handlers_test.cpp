// Signal handlers and the caches of their thread: by calls, and by signals.
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <thread>
#include <utility>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ashlar/ashlar.h>
#include <gtest/gtest.h>

#include "malloc/process/handlers.hpp"
#include "malloc/process/process.hpp"
#include "unit/malloc/process/hit_or_miss.hpp"

namespace {

using namespace ashlar::cache;

ThreadCache* front() { return tls_cache; }

template <class F>
void in_a_thread(F f) {
    std::thread([&f] { f(); }).join();
    EXPECT_EQ(check(), 0U);
}

void use_the_heap() {
    void* block = hit_or_miss({100, 16});
    ASSERT_NE(block, nullptr);
    give(block);
}

TEST(HandlersTest, HandlerHasAnotherCacheUntilItLeaves) {
    in_a_thread([] {
        Cache* const own = own_cache();
        const InterruptedCode code = enter_handler();
        EXPECT_EQ(front(), &kHandlerCache);
        use_the_heap();
        EXPECT_NE(front(), own);
        EXPECT_NE(front(), &kHandlerCache) << "its first miss gives it a cache";
        leave_handler(code);
        EXPECT_EQ(front(), own);
    });
}

TEST(HandlersTest, NextHandlerHasTheSameCache) {
    in_a_thread([] {
        use_the_heap();
        ThreadCache* used[2];
        for (ThreadCache*& cache : used) {
            const InterruptedCode code = enter_handler();
            use_the_heap();
            cache = front();
            leave_handler(code);
        }
        EXPECT_EQ(used[0], used[1]);
    });
}

TEST(HandlersTest, NestedHandlersHaveCachesOfTheirOwn) {
    in_a_thread([] {
        Cache* const own = own_cache();
        const InterruptedCode first = enter_handler();
        Cache* const outer = own_cache();
        const InterruptedCode second = enter_handler();
        Cache* const inner = own_cache();
        EXPECT_NE(inner, nullptr);
        EXPECT_NE(outer, inner);
        EXPECT_NE(outer, own);
        EXPECT_NE(inner, own);
        InterruptedCode deeper[6];
        for (InterruptedCode& code : deeper) {
            code = enter_handler();
            EXPECT_EQ(own_cache(), nullptr) << "no cache is left";
            use_the_heap();
        }
        for (unsigned i = 6; i-- > 0;) leave_handler(deeper[i]);
        EXPECT_EQ(front(), inner);
        leave_handler(second);
        EXPECT_EQ(front(), outer);
        leave_handler(first);
        EXPECT_EQ(front(), own);
    });
}

TEST(HandlersTest, HandlerOfAThreadWithoutACacheUsesTheSharedOnes) {
    in_a_thread([] {
        const InterruptedCode code = enter_handler();
        use_the_heap();
        EXPECT_EQ(front(), &kHandlerCache);
        leave_handler(code);
        EXPECT_EQ(front(), &kNoCache);
        EXPECT_NE(own_cache(), nullptr);
    });
}

TEST(HandlersTest, CachesOfHandlersGoBackWithTheThread) {
    Cache* taken[2][2];
    for (auto& [own, handlers] : taken) {
        in_a_thread([&own = own, &handlers = handlers] {
            own = own_cache();
            const InterruptedCode code = enter_handler();
            handlers = own_cache();
            leave_handler(code);
        });
    }
    EXPECT_EQ(taken[0][0], taken[1][0]);
    EXPECT_EQ(taken[0][1], taken[1][1]);
}

TEST(HandlersTest, ThreadThatHasLeftItsCacheHasNoneInHandlersEither) {
    in_a_thread([] {
        use_the_heap();
        const InterruptedCode code = enter_handler();
        use_the_heap();
        leave_own_cache();
        leave_handler(code);
        EXPECT_EQ(front(), &kPastCache);
        const InterruptedCode next = enter_handler();
        EXPECT_EQ(own_cache(), nullptr);
        use_the_heap();
        leave_handler(next);
        EXPECT_EQ(front(), &kPastCache);
    });
}

TEST(HandlersTest, CodeOfAnotherThreadKeepsThatThreadsCache) {
    in_a_thread([] {
        Cache* const own = own_cache();
        const InterruptedCode code = enter_handler();
        in_a_thread([&code, own] {
            Cache* const others = own_cache();
            EXPECT_NE(others, own);
            leave_handler(code);
            EXPECT_NE(front(), own);
        });
        leave_handler(code);
    });
}

TEST(HandlersTest, CallsOfTheCInterfaceNest) {
    in_a_thread([] {
        Cache* const own = own_cache();
        const ash_interrupted first = ash_enter_handler();
        const ash_interrupted second = ash_enter_handler();
        void* block = ash_malloc(100);
        ash_leave_handler(second);
        ash_free(block);
        ash_leave_handler(first);
        EXPECT_EQ(front(), own);
    });
}

// A handler that jumps out of code inside the allocator, which an open scope
// stands for. Its frame lies below that of the function that it jumps to.
sigjmp_buf before_the_jump;
Cache* cut_cache;

void jump(int) {
    static_cast<void>(enter_handler());
    use_the_heap();
    siglongjmp(before_the_jump, 1);
}

[[gnu::noinline]] void raise_inside() {
    const OwnerScope scope(cut_cache);
    ASSERT_NE(scope.cache(), nullptr);
    raise(SIGUSR1);
}

// Far above the frame of the handler.
[[gnu::noinline]] void jump_out_of(Cache* cache) {
    struct sigaction action {};
    action.sa_handler = jump;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    cut_cache = cache;
    if (sigsetjmp(before_the_jump, 1) == 0) raise_inside();
}

TEST(HandlersTest, JumpOutOfTheAllocatorLeavesAMendedCache) {
    in_a_thread([] {
        Cache* const own = own_cache();
        void* blocks[40];
        for (void*& block : blocks) block = hit_or_miss({100, 16});
        for (void* block : blocks) give(block);
        const std::size_t live = totals().live;
        jump_out_of(own);
        EXPECT_TRUE(own->cut());
        EXPECT_NE(front(), own) << "the thread goes on with the handler's cache";
        Cache* const now = own_cache();
        EXPECT_FALSE(own->cut());
        EXPECT_FALSE(thread_handlers.any());
        EXPECT_NE(now, nullptr);
        EXPECT_NE(now, own);
        std::size_t cached = 0;
        for (ashlar::base::Bin bin = 1; bin < ashlar::base::kBins; ++bin)
            own->visit(bin, [&cached](void*) { ++cached; });
        EXPECT_EQ(cached, 0U);
        EXPECT_LT(totals().live, live) << "its blocks are back in their slabs";
        const InterruptedCode code = enter_handler();
        EXPECT_EQ(own_cache(), own) << "the next handler uses it";
        leave_handler(code);
    });
}

TEST(HandlersTest, ManyJumpsUseThreeCaches) {
    in_a_thread([] {
        Cache* seen[3] = {own_cache(), nullptr, nullptr};
        for (int i = 0; i < 100; ++i) {
            jump_out_of(own_cache());
            Cache* const now = own_cache();
            ASSERT_NE(now, nullptr);
            for (Cache*& cache : seen) {
                if (cache == nullptr) cache = now;
                if (cache == now) break;
            }
            EXPECT_TRUE(now == seen[0] || now == seen[1] || now == seen[2]);
            use_the_heap();
        }
    });
}

void* end_in_a_handler(void*) {
    cut_cache = own_cache();
    use_the_heap();
    static_cast<void>(cut_cache);
    const OwnerScope scope(cut_cache);
    static_cast<void>(enter_handler());
    use_the_heap();
    pthread_exit(nullptr);
}

TEST(HandlersTest, ThreadThatEndsInAHandlerGivesItsCachesBack) {
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, end_in_a_handler, nullptr), 0);
    pthread_join(thread, nullptr);
    EXPECT_EQ(check(), 0U);
    in_a_thread([] { EXPECT_EQ(own_cache(), cut_cache); });
}

TEST(HandlersTest, ChildOfAForkKeepsAllCachesOfTheThread) {
    in_a_thread([] {
        Cache* const own = own_cache();
        const InterruptedCode before = enter_handler();
        Cache* const handlers = own_cache();
        leave_handler(before);
        for (const bool in_handler : {false, true}) {
            const InterruptedCode code = in_handler ? enter_handler() : InterruptedCode{};
            const pid_t child = fork();
            if (child == 0) {
                if (in_handler) leave_handler(code);
                use_the_heap();
                Cache* const others = process()->take_cache();
                const bool good = front() == own && others != own && others != handlers;
                _exit(good && check() == 0 ? 0 : 1);
            }
            int status = -1;
            waitpid(child, &status, 0);
            EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << in_handler;
            if (in_handler) leave_handler(code);
        }
    });
}

}  // namespace

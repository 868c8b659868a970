// The life of a thread's cache: taken at the first miss, flushed in the third
// round of the thread's destructors. A free after that goes through the shared
// caches. In the child of a fork, the caches of threads that it does not have
// are marked for adoption.
#include <pthread.h>

#include "malloc/process/background.hpp"
#include "malloc/process/handlers.hpp"
#include "malloc/process/injection.hpp"
#include "malloc/process/limits.hpp"
#include "malloc/process/process.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;

constinit thread_local Cache* checked_cache [[gnu::tls_model("initial-exec")]] = nullptr;
constinit thread_local Cache* recorded_cache [[gnu::tls_model("initial-exec")]] = nullptr;

namespace {

// How many rounds of destructors a cache outlives, of
// PTHREAD_DESTRUCTOR_ITERATIONS = 4. Other destructors still allocate in the
// first two. In the last one some tools have already dismantled the thread.
constexpr std::uint32_t kExitRounds = 2;

constinit base::Atomic<std::uint32_t> exit_key{};  // the key + 1; 0: not made yet

void leave_thread(void* own) noexcept;

// 0: the system has no more keys.
std::uint32_t make_key() noexcept {
    // [E18] acquire, pairs with the CAS: the key as it was made.
    std::uint32_t found = exit_key.load(acq);
    if (found != 0) [[likely]]
        return found;
    pthread_key_t key;
    if (pthread_key_create(&key, leave_thread) != 0) return exit_key.load(acq);
    if (exit_key.cas(found, key + 1, acq_rel, acq)) return key + 1;  // [E18] release
    pthread_key_delete(key);
    return found;
}

void leave_thread(void* own) noexcept {
    auto* cache = static_cast<Cache*>(own);
    if (cache->exit_rounds++ < kExitRounds && pthread_setspecific(make_key() - 1, own) == 0) return;
    thread_handlers.end();
}

[[gnu::noinline]] Cache* enter_thread() noexcept {
    Heap* heap = process();
    const std::uint32_t key = make_key();
    if (heap == nullptr || key == 0) return nullptr;
    // A siglongjmp() may have cut this function once already.
    Cache* cache = thread_handlers.first();
    if (cache == nullptr) cache = heap->take_cache();
    if (cache == nullptr) return nullptr;
    thread_handlers.set_first(cache);
    thread_handlers.use(cache);  // before the call below, which may allocate
    if (pthread_setspecific(key - 1, cache) != 0) {
        thread_handlers.end();
        return nullptr;
    }
    thread_handlers.registered();
    return cache;
}

[[gnu::noinline]] Cache* enter_none() noexcept {
    thread_handlers.end();
    return nullptr;
}

// Out of line: a handler that has ended is found on any miss.
[[gnu::noinline]] void settle_handlers() noexcept {
    const void* const frame = __builtin_frame_address(0);
    if (!thread_handlers.looks_alive(reinterpret_cast<std::uintptr_t>(frame)))
        thread_handlers.settle(stack_place(frame));
}

void adopt_fork() noexcept {
    background.continue_in_child();
    Cache* caches[ThreadHandlers::kCaches];
    const std::span<Cache* const> own = thread_handlers.list(caches);
    if (thread_handlers.any()) settle_handlers();
    // In a handler: the interrupted code may be in the middle of what the
    // others would repair.
    if (thread_handlers.any()) {
        for (Cache* cache : own) {
            if (cache != nullptr) cache->continue_in_child(true);
        }
        return;
    }
    if (Heap* heap = existing_process(); heap != nullptr) heap->adopt_fork(own);
    registry.each([&own](Heap& heap) noexcept { heap.adopt_fork(own); });
    limits.adopt_fork();
}

// Without the handler a child is still safe, since no thread ever waits here.
// It would only lose what the other threads held.
[[gnu::constructor]] void watch_forks() noexcept { pthread_atfork(nullptr, nullptr, adopt_fork); }

}  // namespace

Cache* own_cache() noexcept {
    if (thread_handlers.any()) [[unlikely]]
        settle_handlers();
    ThreadCache* front = tls_cache;
    if (front->heap != nullptr) [[likely]]
        return static_cast<Cache*>(front);
    if (front == &kPastCache) return hidden_cache();
    if (front == &kHandlerCache) return thread_handlers.choose();
    return injection.on() ? enter_none() : enter_thread();
}

void hide_own_cache() noexcept {
    Cache* hidden = hidden_cache();
    ThreadCache* cache = hidden != nullptr ? hidden : tls_cache;
    if (cache->heap != nullptr) thread_handlers.use(cache);
}

void leave_own_cache() noexcept {
    // A key that is set already: this can't fail.
    if (thread_handlers.first() != nullptr) pthread_setspecific(make_key() - 1, nullptr);
    thread_handlers.end();
}

}  // namespace ashlar::cache

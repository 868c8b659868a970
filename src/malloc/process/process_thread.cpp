// The life of a thread's cache: taken at the first miss, flushed in the third
// round of the thread's destructors. A free after that goes through the shared
// caches. In the child of a fork, the caches of threads that it does not have
// are marked for adoption.
#include <pthread.h>

#include "malloc/process/background.hpp"
#include "malloc/process/injection.hpp"
#include "malloc/process/limits.hpp"
#include "malloc/process/process.hpp"
#include "malloc/process/recorded_stacks.hpp"

namespace ashlar::cache {

using base::acq;
using base::acq_rel;

constinit thread_local Cache* checked_cache [[gnu::tls_model("initial-exec")]] = nullptr;

namespace {

// How many rounds of destructors a cache outlives, of
// PTHREAD_DESTRUCTOR_ITERATIONS = 4. Other destructors still allocate in the
// first two. In the last one some tools have already dismantled the thread.
constexpr std::uint32_t kExitRounds = 2;

// As checked_cache, where stacks are recorded: the paths of checks, which use
// that one, do not record.
constinit thread_local Cache* recorded_cache [[gnu::tls_model("initial-exec")]] = nullptr;

Cache* hidden_cache() noexcept { return checked_cache != nullptr ? checked_cache : recorded_cache; }

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

void set_cache(Cache* cache) noexcept {
    const bool hidden = check_level() >= CheckLevel::full || recorded_stacks.on();
    if (recorded_stacks.on()) {
        checked_cache = nullptr;
        recorded_cache = cache;
    } else if (hidden) {
        checked_cache = cache;
    }
    tls_cache = hidden ? static_cast<ThreadCache*>(&kPastCache) : cache;
}

void forget_cache() noexcept {
    checked_cache = recorded_cache = nullptr;
    tls_cache = &kPastCache;
}

Cache* known_cache() noexcept {
    ThreadCache* front = tls_cache;
    return front->heap != nullptr ? static_cast<Cache*>(front) : hidden_cache();
}

void leave_thread(void* own) noexcept {
    auto* cache = static_cast<Cache*>(own);
    if (cache->exit_rounds++ < kExitRounds && pthread_setspecific(make_key() - 1, own) == 0) return;
    forget_cache();
    existing_process()->end_cache(cache);
}

[[gnu::noinline]] Cache* enter_thread() noexcept {
    Heap* heap = process();
    const std::uint32_t key = make_key();
    Cache* cache = heap != nullptr && key != 0 ? heap->take_cache() : nullptr;
    if (cache == nullptr) return nullptr;
    set_cache(cache);  // before the call below, which may allocate
    if (pthread_setspecific(key - 1, cache) == 0) return cache;
    forget_cache();
    heap->end_cache(cache);
    return nullptr;
}

[[gnu::noinline]] Cache* enter_none() noexcept {
    tls_cache = &kPastCache;
    return nullptr;
}

void adopt_fork() noexcept {
    background.continue_in_child();
    Cache* own = known_cache();
    if (Heap* heap = existing_process(); heap != nullptr) heap->adopt_fork(own);
    registry.each([own](Heap& heap) noexcept { heap.adopt_fork(own); });
    limits.adopt_fork();
}

// Without the handler a child is still safe, since no thread ever waits here.
// It would only lose what the other threads held.
[[gnu::constructor]] void watch_forks() noexcept { pthread_atfork(nullptr, nullptr, adopt_fork); }

}  // namespace

Cache* own_cache() noexcept {
    ThreadCache* front = tls_cache;
    if (front->heap != nullptr) [[likely]]
        return static_cast<Cache*>(front);
    if (front == &kPastCache) return hidden_cache();
    return injection.on() ? enter_none() : enter_thread();
}

void hide_own_cache() noexcept {
    Cache* cache = known_cache();
    if (cache != nullptr) set_cache(cache);
}

void leave_own_cache() noexcept {
    Cache* cache = known_cache();
    forget_cache();
    if (cache == nullptr) return;
    pthread_setspecific(make_key() - 1, nullptr);  // a key that is set already: this can't fail
    existing_process()->end_cache(cache);
}

}  // namespace ashlar::cache

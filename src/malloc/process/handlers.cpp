#include "malloc/process/handlers.hpp"

#include <signal.h>

#include "malloc/process/process.hpp"
#include "malloc/process/recorded_stacks.hpp"

namespace ashlar::cache {

using base::compiler_fence;

constinit thread_local ThreadHandlers thread_handlers [[gnu::tls_model("initial-exec")]]{};

namespace {

// enter_handler() may be called by a function that the handler calls. The
// interrupted code lies further up: the kernel stores more than this on the
// stack.
constexpr std::uintptr_t kCallers = 512;

// Whether a handler has ended whose stack lay below `place`, seen from code
// that runs at `here`, or ran there before it was interrupted. A handler on the
// alternate stack is only interrupted by others on that stack.
bool has_ended(std::uintptr_t place, const StackPlace& here) noexcept {
    if (place == 0) return false;
    const bool alternate = (place & 1) != 0;
    if (here.alternate && !alternate) return false;
    return here.alternate != alternate || here.pointer > place;
}

#if defined(__x86_64__)
std::uintptr_t stack_pointer(const ucontext_t& context) noexcept {
    return static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
}
#elif defined(__aarch64__)
std::uintptr_t stack_pointer(const ucontext_t& context) noexcept { return context.uc_mcontext.sp; }
#else
std::uintptr_t stack_pointer(const ucontext_t& context) noexcept {
    return reinterpret_cast<std::uintptr_t>(&context);  // above the handler, on the same stack
}
#endif

}  // namespace

StackPlace place_within(const stack_t& alternate, std::uintptr_t pointer) noexcept {
    const bool has = (alternate.ss_flags & SS_DISABLE) == 0 && alternate.ss_size != 0;
    const auto low = reinterpret_cast<std::uintptr_t>(alternate.ss_sp);
    return {pointer, has && pointer - low <= alternate.ss_size};
}

StackPlace interrupted_place(const ucontext_t& context) noexcept {
    return place_within(context.uc_stack, stack_pointer(context));
}

StackPlace stack_place(const void* frame) noexcept {
    stack_t stack{};
    const bool alternate = sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_ONSTACK) != 0;
    return {reinterpret_cast<std::uintptr_t>(frame), alternate};
}

InterruptedCode enter_handler(const StackPlace& interrupted, const StackPlace& frame) noexcept {
    return thread_handlers.enter(interrupted, frame);
}

[[gnu::noinline]] InterruptedCode enter_handler() noexcept {
    const StackPlace here = stack_place(__builtin_frame_address(0));
    return thread_handlers.enter(here, {here.pointer + kCallers, here.alternate});
}

void leave_handler(const InterruptedCode& code) noexcept { thread_handlers.leave(code); }

InterruptedCode ThreadHandlers::enter(const StackPlace& interrupted,
                                      const StackPlace& frame) noexcept {
    forget_ended(interrupted);
    Cache* const hidden = hidden_cache();
    ThreadCache* const before = hidden != nullptr ? hidden : tls_cache;
    const std::uint32_t level = depth_.get();
    if (level < kLevels) {
        // [E63] A handler that interrupts this sees the frame not at all, or as
        // one that runs, and restores what it changes.
        frames_[level].place.set(0);
        compiler_fence();
        depth_.set(level + 1);
        compiler_fence();
        frames_[level].chosen.set(nullptr);
        frames_[level].interrupted.set(before);
        frames_[level].place.set((frame.pointer & ~std::uintptr_t{1}) | (frame.alternate ? 1 : 0));
    } else {
        depth_.set(level + 1);
    }
    compiler_fence();
    use(&kHandlerCache);
    compiler_fence();
    return {before, level};
}

// A handler sees the hidden cache and the cache that hits use in any order: it
// uses neither of them.
void ThreadHandlers::use(ThreadCache* cache) noexcept {
    const bool recorded = cache->heap != nullptr && recorded_stacks.on();
    const bool checked = cache->heap != nullptr && !recorded && check_level() >= CheckLevel::full;
    recorded_cache = recorded ? static_cast<Cache*>(cache) : nullptr;
    checked_cache = checked ? static_cast<Cache*>(cache) : nullptr;
    compiler_fence();
    tls_cache = recorded || checked ? static_cast<ThreadCache*>(&kPastCache) : cache;
}

// Code that a handler took to another thread keeps the caches of that thread.
void ThreadHandlers::leave(const InterruptedCode& code) noexcept {
    bool own = code.cache->heap == nullptr;
    for (const auto& cache : caches_) own = own || cache.get() == code.cache;
    compiler_fence();
    if (stage_.get() == kEnded) {
        use(&kPastCache);
    } else if (own) {
        use(code.cache);
    }
    compiler_fence();
    if (code.level < kLevels) frames_[code.level].place.set(0);
    compiler_fence();
    depth_.set(code.level);
    compiler_fence();
}

bool ThreadHandlers::looks_alive(std::uintptr_t pointer) const noexcept {
    const std::uint32_t depth = depth_.get();
    if (depth == 0 || depth > kLevels) return false;
    const std::uintptr_t place = frames_[depth - 1].place.get();
    return (place & 1) == 0 && pointer < place;
}

// A handler that has ended takes those with it that had interrupted it.
void ThreadHandlers::forget_ended(const StackPlace& here) noexcept {
    std::uint32_t depth = depth_.get();
    if (depth == 0) return;
    for (std::uint32_t level = 0; level < frames(); ++level) {
        if (!has_ended(frames_[level].place.get(), here)) continue;
        // It fails if a handler that interrupted this has forgotten them.
        depth_.replace(depth, level);
        return;
    }
}

// [E63] Whether code of the thread that has not ended uses the cache.
bool ThreadHandlers::uses(const Frame& except, const ThreadCache* cache) const noexcept {
    if (tls_cache == cache || hidden_cache() == cache) return true;
    for (std::uint32_t level = 0; level < frames(); ++level) {
        const Frame& frame = frames_[level];
        if (frame.interrupted.get() == cache) return true;
        if (&frame != &except && frame.chosen.get() == cache) return true;
    }
    return false;
}

// The frame names the cache before it is mended: a handler that interrupts that
// leaves the cache alone, and one that ends it by siglongjmp() forgets the
// frame.
Cache* ThreadHandlers::choose_cut(Frame& frame) noexcept {
    for (const auto& place : caches_) {
        Cache* const cache = place.get();
        if (cache == nullptr || !cache->cut() || uses(frame, cache)) continue;
        frame.chosen.set(cache);
        compiler_fence();
        // [E63] Looks again: a handler may have mended it before the store.
        if (!cache->cut() || cache->mend()) return cache;
    }
    return nullptr;
}

Cache* ThreadHandlers::choose_whole(Frame& frame) noexcept {
    for (const auto& place : caches_) {
        Cache* const cache = place.get();
        if (cache == nullptr || cache->cut() || uses(frame, cache)) continue;
        frame.chosen.set(cache);
        compiler_fence();
        return cache;
    }
    return nullptr;
}

Cache* ThreadHandlers::take_further(Frame& frame) noexcept {
    for (auto& place : caches_) {
        if (place.get() != nullptr) continue;
        Cache* const cache = existing_process()->take_further_cache();
        if (cache == nullptr) return nullptr;
        // A handler that interrupted this may have taken one, too.
        if (place.replace(nullptr, cache)) {
            frame.chosen.set(cache);
            compiler_fence();
            return cache;
        }
        existing_process()->end_cache(cache);
    }
    return nullptr;
}

Cache* ThreadHandlers::choose_any(Frame& frame) noexcept {
    Cache* cache = choose_cut(frame);
    if (cache == nullptr) cache = choose_whole(frame);
    return cache != nullptr ? cache : take_further(frame);
}

// Where a thread's cache is hidden, handlers use the shared caches.
Cache* ThreadHandlers::choose() noexcept {
    const std::uint32_t depth = depth_.get();
    const bool can = stage_.get() == kRegistered && depth <= kLevels;
    if (depth != 0) {
        if (!can || check_level() >= CheckLevel::full || recorded_stacks.on()) return nullptr;
        Cache* const cache = choose_any(frames_[depth - 1]);
        if (cache != nullptr) tls_cache = cache;
        return cache;
    }
    // No handler: code that one continued by siglongjmp().
    if (!can) {
        use(stage_.get() == kEnded ? &kPastCache : &kNoCache);
        return own_cache();
    }
    const StackPlace here = stack_place(__builtin_frame_address(0));
    InterruptedCode code = enter(here, {here.pointer + kCallers, here.alternate});
    Cache* const cache = code.level < kLevels ? choose_any(frames_[code.level]) : nullptr;
    if (cache != nullptr) code.cache = cache;
    leave(code);
    return cache;
}

void ThreadHandlers::settle(const StackPlace& here) noexcept {
    forget_ended(here);
    if (depth_.get() != 0) return;
    // As a handler, so that one that interrupts this sees what is being mended.
    const InterruptedCode code = enter(here, {here.pointer + kCallers, here.alternate});
    if (code.level < kLevels) {
        for (std::uint32_t i = 0; i < kCaches; ++i) {
            if (choose_cut(frames_[code.level]) == nullptr) break;
        }
    }
    leave(code);
}

void ThreadHandlers::end() noexcept {
    use(&kPastCache);
    compiler_fence();
    stage_.set(kEnded);
    for (auto& place : caches_) {
        Cache* const cache = place.exchange(nullptr);
        if (cache != nullptr) existing_process()->end_cache(cache);
    }
}

std::span<Cache* const> ThreadHandlers::list(Cache* (&into)[kCaches]) const noexcept {
    for (std::uint32_t i = 0; i < kCaches; ++i) into[i] = caches_[i].get();
    return into;
}

}  // namespace ashlar::cache

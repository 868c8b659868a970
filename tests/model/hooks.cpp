// The accesses of the code under test. Its sources are compiled with
// -fsanitize=thread, so that the compiler calls a function for each access to
// memory, atomic or plain. This file defines these functions: accesses to the
// shared range go to the scheduler and the memory model, others are made at
// once. The linker also redirects memcpy and its like, abort, the clock, and
// the calls that map memory.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "real.hpp"
#include "scheduler.hpp"
#include "space.hpp"

namespace {

using interleave::Memory;
using interleave::memory;
using interleave::scheduler;

std::uintptr_t address(const volatile void* at) { return reinterpret_cast<std::uintptr_t>(at); }
bool scheduled() { return scheduler != nullptr && scheduler->running(); }
unsigned caller() { return scheduled() ? scheduler->thread() : interleave::Space::kAlone; }

// The pages must be open.
void look_up(const volatile void* at, std::size_t bytes) {
    if (scheduler == nullptr || interleave::space->may_access(caller(), address(at), bytes)) return;
    scheduler->fail("memory is used that is not committed, as far as this thread knows");
}

template <class T>
Memory::Word word_at(const volatile T* at) {
    return {address(at), sizeof(T)};
}

template <class T>
T load(const volatile T* at, int order, const void* caller) {
    if (!interleave::is_shared(at) || scheduler == nullptr) return *at;
    look_up(at, sizeof(T));
    if (!scheduled()) {
        scheduler->count_alone();
        return *at;
    }
    scheduler->before_atomic(word_at(at), false);
    const unsigned readable = memory->readable(scheduler->thread(), word_at(at), order);
    const std::uint64_t value =
        memory->load(scheduler->thread(), word_at(at), order, scheduler->choose(readable));
    scheduler->traced("load", word_at(at), order, value, caller);
    return static_cast<T>(value);
}

template <class T, class F>
T modify(volatile T* at, int order, const void* caller, F f) {
    if (interleave::is_shared(at)) look_up(at, sizeof(T));
    if (interleave::is_shared(at) && scheduled()) {
        scheduler->before_atomic(word_at(at), true);
        const std::uint64_t old =
            memory->modify(scheduler->thread(), word_at(at), order, [&](std::uint64_t value) {
                return static_cast<std::uint64_t>(f(static_cast<T>(value)));
            });
        scheduler->traced("rmw", word_at(at), order, Memory::raw(word_at(at)), caller);
        return static_cast<T>(old);
    }
    if (interleave::is_shared(at)) memory->note_write(address(at), sizeof(T));
    const T old = *at;
    *at = f(old);
    return old;
}

template <class T>
void store(volatile T* at, T value, int order, const void* caller) {
    if (interleave::is_shared(at)) look_up(at, sizeof(T));
    if (interleave::is_shared(at) && scheduled()) {
        scheduler->before_atomic(word_at(at), true);
        memory->store(scheduler->thread(), word_at(at), static_cast<std::uint64_t>(value), order);
        scheduler->traced("store", word_at(at), order, static_cast<std::uint64_t>(value), caller);
        return;
    }
    if (interleave::is_shared(at)) memory->note_write(address(at), sizeof(T));
    *at = value;
}

// Succeeds if the newest value is the expected one; a failure is a load, which
// may read an older one.
template <class T>
bool cas(volatile T* at, T* expected, T desired, int success, int failure, const void* caller) {
    if (interleave::is_shared(at)) look_up(at, sizeof(T));
    if (!interleave::is_shared(at) || !scheduled()) {
        const T old = *at;
        if (interleave::is_shared(at)) memory->note_write(address(at), sizeof(T));
        if (old == *expected) *at = desired;
        const bool same = old == *expected;
        *expected = old;
        return same;
    }
    scheduler->before_atomic(word_at(at), true);
    const unsigned thread = scheduler->thread();
    const auto wanted = static_cast<std::uint64_t>(*expected);
    const unsigned readable = memory->readable(thread, word_at(at), failure);
    unsigned age[8] = {0};  // always the newest; older ones if they make it fail
    unsigned choices = 1;
    for (unsigned i = 1; i < readable; ++i) {
        if (memory->peek(word_at(at), i) != wanted) age[choices++] = i;
    }
    const unsigned chosen = age[scheduler->choose(choices)];
    if (chosen == 0 && memory->peek(word_at(at), 0) == wanted) {
        memory->modify(thread, word_at(at), success,
                       [&](std::uint64_t) { return static_cast<std::uint64_t>(desired); });
        scheduler->traced("cas", word_at(at), success, static_cast<std::uint64_t>(desired), caller);
        return true;
    }
    *expected = static_cast<T>(memory->load(thread, word_at(at), failure, chosen));
    scheduler->traced("no cas", word_at(at), failure, static_cast<std::uint64_t>(*expected),
                      caller);
    return false;
}

void read_plain(const volatile void* at, std::size_t bytes) {
    if (bytes == 0 || !interleave::is_shared(at) || scheduler == nullptr) return;
    look_up(at, bytes);
    if (!scheduled()) return;
    if (!memory->read_plain(scheduler->thread(), address(at), bytes))
        scheduler->fail("data race: a plain read");
}

void write_plain(const volatile void* at, std::size_t bytes) {
    if (bytes == 0 || !interleave::is_shared(at) || scheduler == nullptr) return;
    look_up(at, bytes);
    if (!scheduled()) return memory->note_write(address(at), bytes);
    scheduler->before_plain_write();
    if (!memory->write_plain(scheduler->thread(), address(at), bytes))
        scheduler->fail("data race: a plain write");
}

// By words, since a fork may cut between them. False: nothing is copied yet,
// only noted.
bool copy_words(void* to, const void* from, std::size_t bytes) {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    const bool upwards = address(to) <= address(from) || address(to) >= address(from) + bytes;
    if (!interleave::is_shared(to) || !scheduled() || !upwards ||
        (bytes | address(to) | address(from)) % kWord != 0) {
        read_plain(from, bytes);
        write_plain(to, bytes);
        return false;
    }
    for (std::size_t i = 0; i < bytes / kWord; ++i) {
        const auto* source = static_cast<const std::uint64_t*>(from) + i;
        auto* target = static_cast<std::uint64_t*>(to) + i;
        read_plain(source, kWord);
        write_plain(target, kWord);
        *target = *source;
    }
    return true;
}

}  // namespace

// NOLINTBEGIN: names and signatures are the compilers'
extern "C" {

void __tsan_init();
void __tsan_init() {}

#define PLAIN(name)               \
    void __tsan_##name(void* at); \
    void __tsan_##name(void* at)
#define READ(size) \
    PLAIN(read##size) { read_plain(at, size); }
#define WRITE(size) \
    PLAIN(write##size) { write_plain(at, size); }
#define UNALIGNED_READ(size) \
    PLAIN(unaligned_read##size) { read_plain(at, size); }
#define UNALIGNED_WRITE(size) \
    PLAIN(unaligned_write##size) { write_plain(at, size); }
READ(1)
READ(2)
READ(4)
READ(8)
READ(16)
WRITE(1)
WRITE(2)
WRITE(4)
WRITE(8)
WRITE(16)
UNALIGNED_READ(2)
UNALIGNED_READ(4)
UNALIGNED_READ(8)
UNALIGNED_READ(16)
UNALIGNED_WRITE(2)
UNALIGNED_WRITE(4)
UNALIGNED_WRITE(8)
UNALIGNED_WRITE(16)

void __tsan_read_range(void* at, std::size_t bytes);
void __tsan_read_range(void* at, std::size_t bytes) { read_plain(at, bytes); }
void __tsan_write_range(void* at, std::size_t bytes);
void __tsan_write_range(void* at, std::size_t bytes) { write_plain(at, bytes); }
void __tsan_vptr_update(void** at, void* value);
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void** at);
void __tsan_vptr_read(void**) {}

#define ATOMIC(bits, type)                                                                       \
    type __tsan_atomic##bits##_load(const volatile type* at, int order);                         \
    type __tsan_atomic##bits##_load(const volatile type* at, int order) {                        \
        return load(at, order, __builtin_return_address(0));                                     \
    }                                                                                            \
    void __tsan_atomic##bits##_store(volatile type* at, type value, int order);                  \
    void __tsan_atomic##bits##_store(volatile type* at, type value, int order) {                 \
        store(at, value, order, __builtin_return_address(0));                                    \
    }                                                                                            \
    type __tsan_atomic##bits##_exchange(volatile type* at, type value, int order);               \
    type __tsan_atomic##bits##_exchange(volatile type* at, type value, int order) {              \
        return modify(at, order, __builtin_return_address(0), [&](type) { return value; });      \
    }                                                                                            \
    bool __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected,        \
                                                       type desired, int success, int failure);  \
    bool __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected,        \
                                                       type desired, int success, int failure) { \
        return cas(at, expected, desired, success, failure, __builtin_return_address(0));        \
    }                                                                                            \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type* at, type expected,            \
                                                    type desired, int success, int failure);     \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type* at, type expected,            \
                                                    type desired, int success, int failure) {    \
        cas(at, &expected, desired, success, failure, __builtin_return_address(0));              \
        return expected;                                                                         \
    }
#define FETCH(bits, type, name, operation)                                               \
    type __tsan_atomic##bits##_fetch_##name(volatile type* at, type value, int order);   \
    type __tsan_atomic##bits##_fetch_##name(volatile type* at, type value, int order) {  \
        return modify(at, order, __builtin_return_address(0),                            \
                      [&](type old) { return static_cast<type>(old operation value); }); \
    }
#define ATOMICS(bits, type)   \
    ATOMIC(bits, type)        \
    FETCH(bits, type, add, +) \
    FETCH(bits, type, sub, -) \
    FETCH(bits, type, or, |)  \
    FETCH(bits, type, and, &)
ATOMICS(8, std::uint8_t)
ATOMICS(16, std::uint16_t)
ATOMICS(32, std::uint32_t)
ATOMICS(64, std::uint64_t)

// The code under test has no fences but those for the compiler.
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int) {}
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int) {
    interleave::fail("a thread fence, which the memory model does not have");
}

void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __real_memmove(void* to, const void* from, std::size_t bytes);
void* __wrap_memcpy(void* to, const void* from, std::size_t bytes);
void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
    return copy_words(to, from, bytes) ? to : __real_memcpy(to, from, bytes);
}
void* __wrap_memmove(void* to, const void* from, std::size_t bytes);
void* __wrap_memmove(void* to, const void* from, std::size_t bytes) {
    return copy_words(to, from, bytes) ? to : __real_memmove(to, from, bytes);
}
void* __real_memset(void* to, int value, std::size_t bytes);
void* __wrap_memset(void* to, int value, std::size_t bytes);
void* __wrap_memset(void* to, int value, std::size_t bytes) {
    write_plain(to, bytes);
    return __real_memset(to, value, bytes);
}

[[noreturn]] void __wrap_abort();
void __wrap_abort() { interleave::fail("the library ends the program, see above"); }

// Time stands still unless a scenario moves it on.
int __wrap_clock_gettime(clockid_t clock, timespec* now);
int __wrap_clock_gettime(clockid_t, timespec* now) {
    *now = {static_cast<std::time_t>(interleave::now_ms / 1000),
            static_cast<long>(interleave::now_ms % 1000) * 1000000};
    return 0;
}
int __wrap_nanosleep(const timespec* wanted, timespec* left);
int __wrap_nanosleep(const timespec*, timespec*) {
    if (scheduled()) scheduler->yield();
    return 0;
}

int __wrap_sched_yield();
int __wrap_sched_yield() {
    if (scheduled()) scheduler->yield();
    return 0;
}

// The system calls for memory. `order`: their order among threads matters.
static unsigned in_system(bool order) {
    if (scheduled()) scheduler->before_call(order);
    return caller();
}
static int result(bool done) {
    if (!done) errno = ENOMEM;
    return done ? 0 : -1;
}

void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset);
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
    if (scheduler == nullptr || file >= 0)
        return __real_mmap(at, bytes, protection, flags, file, offset);  // of a coverage build
    // This model refuses where Linux would choose another address.
    const bool exactly = at != nullptr;
    if ((flags & MAP_ANONYMOUS) == 0)
        interleave::fail("a kind of mapping that the model does not have");
    const unsigned thread = in_system(true);
    const bool open = protection != PROT_NONE;
    void* start = interleave::system_refuses.map ? nullptr
                  : exactly ? interleave::space->map_at(thread, address(at), bytes, open)
                            : interleave::space->map(thread, bytes, open);
    static_cast<void>(result(start != nullptr));
    return start == nullptr ? MAP_FAILED : start;
}
int __wrap_munmap(void* start, std::size_t bytes);
int __wrap_munmap(void* start, std::size_t bytes) {
    if (!interleave::is_shared(start)) return __real_munmap(start, bytes);
    const unsigned thread = in_system(true);
    return result(interleave::space->unmap(thread, address(start), bytes));
}
int __wrap_mprotect(void* start, std::size_t bytes, int protection);
int __wrap_mprotect(void* start, std::size_t bytes, int protection) {
    if (protection == PROT_NONE) {
        const unsigned thread = in_system(true);
        return result(interleave::space->close(thread, address(start), bytes));
    }
    if (protection != (PROT_READ | PROT_WRITE))
        interleave::fail("a protection that the model does not have");
    const unsigned thread = in_system(false);
    if (interleave::system_refuses.commit) return result(false);
    if (!interleave::space->open(thread, address(start), bytes))
        interleave::fail("pages are committed after they were given back");
    return 0;
}
int __wrap_madvise(void* start, std::size_t bytes, int advice);
int __wrap_madvise(void* start, std::size_t bytes, int advice) {
    if (advice != MADV_DONTNEED) interleave::fail("an advice that the model does not have");
    const unsigned thread = in_system(false);
    if (interleave::system_refuses.purge) return result(false);
    ++interleave::system_purges;
    return result(interleave::space->empty(thread, address(start), bytes));
}
void* __wrap_mremap(void* start, std::size_t from, std::size_t to, int flags, ...);
void* __wrap_mremap(void* start, std::size_t from, std::size_t to, int flags, ...) {
    const unsigned thread = in_system(true);
    if (flags == 0) {
        const bool done = !interleave::system_refuses.growth &&
                          interleave::space->resize(thread, address(start), from, to);
        return result(done) == 0 ? start : MAP_FAILED;
    }
    if (flags != (MREMAP_MAYMOVE | MREMAP_FIXED))
        interleave::fail("flags of mremap that the model does not have");
    va_list arguments;
    va_start(arguments, flags);
    void* target = va_arg(arguments, void*);
    va_end(arguments);
    const bool done = interleave::space->move(thread, address(start), from, address(target), to,
                                              interleave::system_refuses.move);
    return result(done) == 0 ? target : MAP_FAILED;
}

// membarrier of the code under test, its only call through syscall(). In a
// coverage build _exit has one too.
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
    if (number == SYS_exit_group) {
        va_list arguments;
        va_start(arguments, number);
        const int status = va_arg(arguments, int);
        va_end(arguments);
        return __real_syscall(number, status);
    }
    if (number == SYS_gettid) return 1 + static_cast<long>(interleave::running_thread());
    if (number != SYS_membarrier) interleave::fail("a system call that the model does not have");
    if (!interleave::has_barriers) return -1;
    if (scheduled()) memory->barrier(scheduler->thread());
    return 0;
}
}
// NOLINTEND

#include "shared/recovery/life.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace ashlar::shared {

using base::acq;
using base::rel;
using base::rlx;

namespace {

void make_robust(pthread_mutex_t& mutex) noexcept {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

base::Atomic<Word>* words_of(pthread_mutex_t& mutex) noexcept {
    return reinterpret_cast<base::Atomic<Word>*>(&mutex);
}

}  // namespace

// Slots are zero at first, and any number of threads may meet at one. So a
// mutex is made by stores that may be repeated at any time: of those words of a
// fresh mutex that are not zero, if no lock changes them.
bool make_lives(Header& header) noexcept {
    pthread_mutex_t& sample = header.recovery;
    // Relaxed, all of it: the segment is not published yet.
    for (std::size_t i = 0; i < kMutexWords; ++i) words_of(sample)[i].store(0, rlx);
    make_robust(sample);
    // Relaxed, both: not published yet.
    for (std::size_t i = 0; i < kMutexWords; ++i)
        header.fresh_mutex[i].store(words_of(sample)[i].load(rlx), rlx);
    if (!try_robust(sample)) return false;
    bool constant = true;
    for (std::size_t i = 0; i < kMutexWords; ++i) {
        // Relaxed, as below: not published yet.
        const Word fresh = header.fresh_mutex[i].load(rlx);
        constant = constant && (fresh == 0 || words_of(sample)[i].load(rlx) == fresh);
    }
    leave_robust(sample);
    return constant;
}

// The clock tick at which this process started, the 22nd word of its line. The
// second word may hold blanks; it ends at the last parenthesis.
Word start_of_process() noexcept {
    char line[1024];
    const int saved = errno;
    const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = file < 0 ? 0 : read(file, line, sizeof line - 1);
    if (file >= 0) close(file);
    errno = saved;
    line[bytes > 0 ? bytes : 0] = '\0';
    const char* at = std::strrchr(line, ')');
    for (int blanks = 0; at != nullptr && blanks < 20; ++blanks) at = std::strchr(at + 1, ' ');
    Word ticks = 0;
    for (; at != nullptr && at[1] >= '0' && at[1] <= '9'; ++at)
        ticks = ticks * 10 + static_cast<Word>(at[1] - '0');
    return ticks;
}

void RobustLives::prepare(Slot& slot) noexcept {
    for (std::size_t i = 0; i < kMutexWords; ++i) {
        // Relaxed: written before the segment was ready.
        const Word fresh = segment_.header().fresh_mutex[i].load(rlx);
        if (fresh != 0) words_of(slot.life)[i].store(fresh, rlx);
    }
}

// A holder may die before it marks the mutex consistent: then the next one
// finds it dead again. One that is left inconsistent would be of no use for
// ever.
bool try_robust(pthread_mutex_t& mutex) noexcept {
    const int found = pthread_mutex_trylock(&mutex);
    if (found == EOWNERDEAD) pthread_mutex_consistent(&mutex);
    return found == 0 || found == EOWNERDEAD;
}

void leave_robust(pthread_mutex_t& mutex) noexcept { pthread_mutex_unlock(&mutex); }

SlotId RobustLives::attach(SlotId from, SlotId to) noexcept {
    constexpr auto kFree = static_cast<std::uint32_t>(SlotState::free);
    for (SlotId id = from; id < to; ++id) {
        // [E44]
        if (id >= segment_.header().slots_in_file.load(acq) && !segment_.cover_slot(id)) return 0;
        Slot& slot = segment_.slot(id);
        if (slot.state.load(rlx) != kFree) continue;  // relaxed: looked at again below
        prepare(slot);
        if (!try_robust(slot.life)) continue;
        if (slot.state.load(acq) == kFree) {  // [none: the mutex orders it]
            slot.process.store(static_cast<std::uint32_t>(getpid()), rlx);
            slot.started.store(start_of_process(), rlx);
            slot.record.store(Record::none().raw, rlx);
            // [none: the mutex orders it].
            slot.state.store(static_cast<std::uint32_t>(SlotState::attached), rel);
            return id;
        }
        leave_robust(slot.life);
    }
    return 0;
}

void RobustLives::detach(SlotId slot) noexcept {
    // [none: the mutex orders it].
    segment_.slot(slot).state.store(static_cast<std::uint32_t>(SlotState::free), rel);
    leave_robust(segment_.slot(slot).life);
}

}  // namespace ashlar::shared

#include "malloc/guards/guard_record.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/stack.hpp"

namespace ashlar::guards {

using base::acq;
using base::rel;

Calls Calls::now() noexcept {
    constexpr unsigned kOwn = 1;  // this function's
    std::uintptr_t found[kMost + kOwn];
    const unsigned n = base::capture_stack(found, kMost + kOwn, nullptr);
    Calls calls{};
    calls.thread = static_cast<std::uint32_t>(syscall(SYS_gettid));
    for (unsigned i = kOwn; i < n; ++i) calls.frames[calls.count++] = found[i];
    return calls;
}

Calls Calls::at_signal(const void* context) noexcept {
    Calls calls{};
    calls.thread = static_cast<std::uint32_t>(syscall(SYS_gettid));
    calls.count = base::capture_stack(calls.frames, kMost, context);
    return calls;
}

// [E61] release, all of it, pairs with copy(): a reader of one of these has the
// state that came before. The thread's number comes last: with it, the others
// are there.
void Record::AtomicCalls::set(const Calls& from) noexcept {
    thread.store(0, rel);
    count.store(from.count, rel);
    for (unsigned i = 0; i < from.count; ++i) frames[i].store(from.frames[i], rel);
    thread.store(from.thread, rel);  // [E61]
}

// [E61] acquire, all of it, pairs with set().
Calls Record::AtomicCalls::get() const noexcept {
    Calls calls{};
    calls.thread = thread.load(acq);
    if (calls.thread == 0) return calls;
    const std::uint32_t found = count.load(acq);
    calls.count = found < Calls::kMost ? found : Calls::kMost;
    for (unsigned i = 0; i < calls.count; ++i) calls.frames[i] = frames[i].load(acq);  // [E61]
    return calls;
}

// [E61] release, both, as in set().
void Record::set_block(std::uintptr_t block, std::size_t size, const Calls& calls) noexcept {
    freed_.set({});
    block_.store(block, rel);
    size_.store(size, rel);
    taken_.set(calls);
}

Record::Copy Record::copy() const noexcept {
    constexpr unsigned kTries = 3;
    Copy copy{};
    for (unsigned i = 0; i < kTries && !copy.whole; ++i) {
        copy.state = state();
        // [E61] acquire, both, pairs with set_block().
        copy.block = block_.load(acq);
        copy.size = size_.load(acq);
        copy.taken = taken_.get();
        copy.freed = freed_.get();
        copy.whole = state().word == copy.state.word && copy.state.kind() != PageState::taken;
    }
    return copy;
}

}  // namespace ashlar::guards

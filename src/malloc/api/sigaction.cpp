// ASHLAR_SIGNALS=1: handlers of signals may allocate. In the drop-in only.
// Replaces sigaction, signal and their kin: the kernel gets a wrapper of the
// program's handler, with the program's flags and mask, and queries get the
// program's handler back. Any thread, also in handlers. Without the setting
// each call is libc's. If libc lacks a name, sigaction() does the same.
//
//   slots of a signal | handler | handler | 0 | ...    written once each
//                         ^ wrapper 0   ^ wrapper 1    calls its own slot only
#include <dlfcn.h>
#include <signal.h>
#include <ucontext.h>

#include <cerrno>
#include <utility>

#include "base/config.hpp"
#include "malloc/api/signal_fallback.hpp"
#include "malloc/process/handlers.hpp"
#include "malloc/settings/settings.hpp"

// By their names for the linker: headers declare only some of them.
using ashlar::api::Plain;
#pragma GCC visibility push(default)
extern "C" {
int ashlar_sigaction(int number, const struct sigaction* wanted, struct sigaction* before) noexcept
    asm("sigaction");
int ashlar_libcs_sigaction(int number, const struct sigaction* wanted,
                           struct sigaction* before) noexcept asm("__sigaction");
Plain ashlar_signal(int number, Plain wanted) noexcept asm("signal");
Plain ashlar_bsd_signal(int number, Plain wanted) noexcept asm("bsd_signal");
Plain ashlar_ssignal(int number, Plain wanted) noexcept asm("ssignal");
Plain ashlar_sysv_signal(int number, Plain wanted) noexcept asm("sysv_signal");
Plain ashlar_libcs_sysv_signal(int number, Plain wanted) noexcept asm("__sysv_signal");
Plain ashlar_sigset(int number, Plain wanted) noexcept asm("sigset");
}
#pragma GCC visibility pop

namespace {

namespace cache = ashlar::cache;
using ashlar::api::Action;
using ashlar::api::SignalKind;
using ashlar::base::acq;
using ashlar::base::acq_rel;
using ashlar::base::Atomic;
using ashlar::base::rlx;

using Informed = void (*)(int, siginfo_t*, void*);

constexpr int kSignals = 65;        // numbers begin with 1
constexpr std::size_t kSlots = 16;  // handlers that a signal may have in a program's life
using Slots = std::make_index_sequence<kSlots>;

// The handlers of a signal. As Plain, whatever the type.
class HandlerSlots {
  public:
    // [E64] acquire, pairs with the CAS in find(): the handler as it was before
    // the kernel had the wrapper.
    [[nodiscard]] Plain at(std::size_t slot) const noexcept { return slots_[slot].load(acq); }
    // The slot of the handler, which never changes again. kSlots: others have
    // all.
    [[nodiscard]] std::size_t find(Plain handler) noexcept {
        for (std::size_t slot = 0; slot < kSlots; ++slot) {
            Plain found = nullptr;
            // [E64] release: the kernel gets the wrapper after that. Acquire:
            // as in at().
            if (slots_[slot].cas(found, handler, acq_rel, acq) || found == handler) return slot;
        }
        return kSlots;
    }

  private:
    Atomic<Plain> slots_[kSlots];  // null: not used yet
};
constinit HandlerSlots slots[kSignals]{};

// ------------------------------------------------------------------- wrappers

#if defined(__x86_64__)
constexpr bool kAlwaysInformed = true;  // the kernel passes the context to every handler
#else
constexpr bool kAlwaysInformed = false;
#endif

// Not noexcept: some programs throw through handlers. The frame is left out
// then, as by siglongjmp(), and the next miss forgets it.
template <std::size_t slot, bool informed>
void wrapper(int number, siginfo_t* info, void* opaque) {
    const int before = errno;
    const auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    cache::InterruptedCode code;
    if (informed || kAlwaysInformed) {
        const auto& context = *static_cast<const ucontext_t*>(opaque);
        code = cache::enter_handler(cache::interrupted_place(context),
                                    cache::place_within(context.uc_stack, frame));
    } else {
        const cache::StackPlace here = cache::stack_place(__builtin_frame_address(0));
        code = cache::enter_handler(here, here);
    }
    const Plain handler = slots[number].at(slot);
    // Except on x86-64 a plain handler gets what the kernel left in the
    // registers, as without a wrapper.
    reinterpret_cast<Informed>(reinterpret_cast<void*>(handler))(number, info, opaque);
    cache::leave_handler(code);
    errno = before;
}

struct Wrappers {
    Informed plain[kSlots];
    Informed informed[kSlots];
};
template <std::size_t... slot>
constexpr Wrappers make_wrappers(std::index_sequence<slot...>) noexcept {
    return {{wrapper<slot, false>...}, {wrapper<slot, true>...}};
}
constexpr Wrappers kWrappers = make_wrappers(Slots{});

template <class To, class From>
To cast(From handler) noexcept {
    return reinterpret_cast<To>(reinterpret_cast<void*>(handler));
}

// ----------------------------------------------------------- the program's own

// The program's handler behind a wrapper; other handlers as they are.
Plain unwrap(int number, Plain handler) noexcept {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
        if (handler == cast<Plain>(kWrappers.plain[slot]) ||
            handler == cast<Plain>(kWrappers.informed[slot])) {
            return slots[number].at(slot);
        }
    }
    return handler;
}

bool is_handler(Plain handler) noexcept {
    return handler != SIG_DFL && handler != SIG_IGN && handler != SIG_ERR && handler != SIG_HOLD;
}

// The wrapper of a handler. SIG_DFL and the like are returned as they are.
Plain wrap(int number, Plain handler, bool informed) noexcept {
    if (number <= 0 || number >= kSignals || !is_handler(handler)) return handler;
    const Plain own = unwrap(number, handler);
    const std::size_t slot = slots[number].find(own);
    if (slot == kSlots) return own;
    return cast<Plain>((informed ? kWrappers.informed : kWrappers.plain)[slot]);
}

// 1: the setting is off; 2: it is on; 0: the constructor below has not run.
constinit Atomic<std::uint8_t> known{};

bool wanted() noexcept {
    // Relaxed, as the store: there was one thread then.
    const std::uint8_t setting = known.load(rlx);
    return setting != 0 ? setting == 2 : ashlar::settings::environment().signals;
}

// ------------------------------------------------------------ libc's functions

// 1: the constructor below has looked for all names.
constinit Atomic<std::uint8_t> looked{};

// nullptr: libc has no such name.
template <class F>
F find(Atomic<F>& next, const char* name) noexcept {
    F found = next.load(rlx);  // relaxed, as the store: all threads find the same
    // Relaxed: there was one thread at the store.
    if (found != nullptr || looked.load(rlx) != 0) return found;
    found = reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
    next.store(found, rlx);
    return found;
}

using Signal = Plain (*)(int, Plain) noexcept;
constinit Atomic<Action> next_sigaction{};
constinit Atomic<Action> next_libcs_sigaction{};

struct NextSignal {
    const char* name;
    SignalKind kind;
    Atomic<Signal> function;
};
constinit NextSignal next_signals[] = {
    {"signal", SignalKind::bsd, {}},         {"bsd_signal", SignalKind::bsd, {}},
    {"ssignal", SignalKind::bsd, {}},        {"sysv_signal", SignalKind::sysv, {}},
    {"__sysv_signal", SignalKind::sysv, {}}, {"sigset", SignalKind::set, {}},
};

Action find_sigaction() noexcept { return find(next_sigaction, "sigaction"); }
Action find_libcs_sigaction() noexcept {
    const Action found = find(next_libcs_sigaction, "__sigaction");
    return found != nullptr ? found : find_sigaction();
}

// Of a dynamic loader that finds nothing at all.
int refuse() noexcept {
    errno = ENOSYS;
    return -1;
}

int act(Action next, int number, const struct sigaction* action,
        struct sigaction* before) noexcept {
    if (next == nullptr) return refuse();
    if (!wanted()) return next(number, action, before);
    struct sigaction wrapped;
    if (action != nullptr) {
        wrapped = *action;
        wrapped.sa_handler = wrap(number, action->sa_handler, (action->sa_flags & SA_SIGINFO) != 0);
    }
    const int result = next(number, action != nullptr ? &wrapped : nullptr, before);
    if (result == 0 && before != nullptr) before->sa_handler = unwrap(number, before->sa_handler);
    return result;
}

Plain call(NextSignal& libcs, int number, Plain handler) noexcept {
    if (const Signal next = find(libcs.function, libcs.name); next != nullptr)
        return next(number, handler);
    const Action next = find_sigaction();
    if (next != nullptr) return ashlar::api::signal_by(next, libcs.kind, number, handler);
    refuse();
    return SIG_ERR;
}

Plain act(NextSignal& libcs, int number, Plain handler) noexcept {
    if (!wanted()) return call(libcs, number, handler);
    const Plain before = call(libcs, number, wrap(number, handler, false));
    return is_handler(before) ? unwrap(number, before) : before;
}

// Finds libc's functions, since dlsym() takes the loader's lock, which another
// thread may hold when the child of a fork or a handler calls one. Then wraps
// handlers that were installed before this library was loaded.
[[gnu::constructor]] void wrap_earlier_handlers() noexcept {
    // Relaxed: there is one thread.
    known.store(ashlar::settings::environment().signals ? 2 : 1, rlx);
    const Action next = find_sigaction();
    find_libcs_sigaction();
    for (NextSignal& libcs : next_signals) find(libcs.function, libcs.name);
    dlerror();             // a libc may lack a name
    looked.store(1, rlx);  // relaxed: there is one thread
    if (!wanted() || next == nullptr) return;
    for (int number = 1; number < kSignals; ++number) {
        struct sigaction now {};
        if (next(number, nullptr, &now) != 0 || !is_handler(now.sa_handler)) continue;
        const Plain wrapped = wrap(number, now.sa_handler, (now.sa_flags & SA_SIGINFO) != 0);
        if (wrapped == now.sa_handler) continue;
        now.sa_handler = wrapped;
        next(number, &now, nullptr);
    }
}

}  // namespace

int ashlar_sigaction(int number, const struct sigaction* wanted,
                     struct sigaction* before) noexcept {
    return act(find_sigaction(), number, wanted, before);
}
int ashlar_libcs_sigaction(int number, const struct sigaction* wanted,
                           struct sigaction* before) noexcept {
    return act(find_libcs_sigaction(), number, wanted, before);
}

#define ASHLAR_SIGNAL(function, place)                   \
    Plain function(int number, Plain wanted) noexcept {  \
        return act(next_signals[place], number, wanted); \
    }
ASHLAR_SIGNAL(ashlar_signal, 0)
ASHLAR_SIGNAL(ashlar_bsd_signal, 1)
ASHLAR_SIGNAL(ashlar_ssignal, 2)
ASHLAR_SIGNAL(ashlar_sysv_signal, 3)
ASHLAR_SIGNAL(ashlar_libcs_sysv_signal, 4)
ASHLAR_SIGNAL(ashlar_sigset, 5)

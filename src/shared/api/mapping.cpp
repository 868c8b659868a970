#include "shared/api/mapping.hpp"

#include <utility>

#include "shared/api/mappings.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::rel;
using base::rlx;

namespace {

constexpr Word kThreads = (Word{1} << 31) - 1;
constexpr Word kClosed = Word{1} << 31;
constexpr unsigned kForkShift = 32;

Word next_id() noexcept {
    static constinit base::Atomic<Word> last{0};
    // Relaxed: any number that no other mapping has.
    return (last.fetch_add(1, rlx) + 1) << kForkShift;
}

}  // namespace

std::shared_ptr<Mapping> Mapping::open(const HeapPlace& place, SharedHeapMode mode,
                                       const SharedHeapOptions& options) {
    if (!fork_count.prepare())
        throw SharedHeapError(SharedHeapFault::system, "ashlar: shared heap: no memory");
    OpenedFile opened = open_segment(place, mode, options);
    std::shared_ptr<Mapping> mapping(new Mapping(std::move(opened), place.text),
                                     [](Mapping* open) { open->close(); });
    const std::uintptr_t start = mapping->view().start();
    if (!mappings.add(*mapping, start, start + mapping->view().bytes())) {
        throw SharedHeapError(SharedHeapFault::system,
                              "ashlar: shared heap " + place.text + ": expected at most " +
                                  std::to_string(Mappings::kMost) + " open heaps in a process");
    }
    if (mapping->enter().id == 0) {
        throw SharedHeapError(SharedHeapFault::too_many_threads,
                              "ashlar: shared heap " + place.text +
                                  ": no slot for this thread, expected fewer than " +
                                  std::to_string(kMaxSlots) + " threads and room in the file");
    }
    return mapping;
}

Mapping::Mapping(OpenedFile opened, std::string name) noexcept
    : opened_(std::move(opened)), name_(std::move(name)), id_(next_id()), blocks_(segment_),
      lives_(segment_), recovery_(blocks_, lives_) {
    segment_.attach(opened_.view.start(), opened_.units, opened_.file);
    recovery_.set_hook(
        [](void* self, SlotId dead) noexcept { static_cast<Mapping*>(self)->call_hooks(dead); },
        this);
}

Mapping::~Mapping() {
    // [none: no other thread is left].
    for (Callback* callback = callback_.load(acq); callback != nullptr;) {
        delete std::exchange(callback, callback->before);
    }
}

void Mapping::close() noexcept {
    mappings.remove(*this);
    detach_thread(*this);
    change_users(0, true);
}

void Mapping::enter_first() noexcept { change_users(1, false); }
void Mapping::leave() noexcept { change_users(~Word{0}, false); }

// The threads that the parent of a fork had are not in its child.
void Mapping::change_users(Word add, bool close) noexcept {
    const Word fork = fork_count.number();
    Word seen = users_.load(rlx);
    Word now = 0;
    // [none: of the loop's CAS: the last one sees all that others did]
    do {
        const Word kept = seen >> kForkShift == fork ? seen & (kClosed | kThreads) : seen & kClosed;
        now = (kept + add) | (close ? kClosed : 0);
        now &= kClosed | kThreads;
        now |= fork << kForkShift;
    } while (!users_.cas(seen, now, acq_rel, rlx));  // [none: see above]
    if ((now & (kClosed | kThreads)) == kClosed) delete this;
}

// ------------------------------------------------------------------- attaching

// All slots may be those of dead threads. A reserved slot then recovers them.
SlotId Mapping::take_slot() noexcept {
    const SlotId slot = lives_.attach();
    if (slot != 0) return slot;
    const Owner rescuer = enter_once();
    if (rescuer.id == 0) return 0;
    recovery_.recover(rescuer);
    leave_once(rescuer);
    return lives_.attach();
}

Owner Mapping::enter_once() noexcept {
    const SlotId slot = lives_.attach_reserved();
    return {segment_.slot(slot), slot};
}

void Mapping::leave_once(Owner me) noexcept {
    blocks_.slabs().leave_all(me);
    lives_.detach(me.id);
}

std::size_t Mapping::recover(Owner me) noexcept {
    const KeepSlot keep(*this);
    me.note(Record::none());
    return recovery_.recover(me).threads;
}

void Mapping::look(Owner me) noexcept {
    current_slot.calls = kCallsToLook;
    const KeepSlot keep(*this);
    me.note(Record::none());
    recovery_.look(me);
}

// ----------------------------------------------------------------------- hooks

bool Mapping::add_hook(Recovery::Hook hook, void* context) noexcept {
    const unsigned at = hooks_used_.fetch_add(1, rlx);  // relaxed: the hook's store publishes it
    if (at >= kMaxHooks) return false;
    hooks_[at].context = context;
    hooks_[at].call.store(hook, rel);  // [none: pairs with call_hooks()]
    return true;
}

void Mapping::on_death(std::function<void(pid_t)> callback) {
    auto* const added = new Callback{std::move(callback), callback_.load(rlx)};
    while (!callback_.cas(added->before, added, rel, rlx)) {  // [none: pairs with call_hooks()]
    }
}

void Mapping::call_hooks(SlotId dead) noexcept {
    for (const Hook& hook : hooks_) {
        const Recovery::Hook call = hook.call.load(acq);  // [none: pairs with add_hook()]
        if (call != nullptr) call(hook.context, dead);
    }
    const Callback* const callback = callback_.load(acq);  // [none: pairs with on_death()]
    if (callback != nullptr && callback->call)
        callback->call(static_cast<pid_t>(segment_.slot(dead).process.load(rlx)));
}

}  // namespace ashlar::shared

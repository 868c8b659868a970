#include "shared/api/threads.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/region/region.hpp"
#include "shared/api/mapping.hpp"

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::rlx;

constinit ForkCount fork_count;
constinit thread_local CurrentSlot current_slot{0, nullptr, 0, kCallsToLook};

namespace {

// A thread that uses more heaps detaches from another one first.
constexpr unsigned kHeapsOfThread = 16;

struct Attachment {
    Mapping* mapping;  // nullptr: unused
    SlotId slot;
    std::uint32_t kept;  // KeepSlot objects
};

// Has no destructor, so that it can be used while the thread ends.
struct Attachments {
    Word fork;  // the number of the process that the entries belong to
    unsigned next;
    Attachment list[kHeapsOfThread];
};
constinit thread_local Attachments attachments{};

// The number of the last process; never 0 in a page that forks keep.
constinit Atomic<Word> last_fork{0};

void detach(Attachment& entry) noexcept {
    Mapping& mapping = *entry.mapping;
    const SlotId slot = entry.slot;
    entry = {};
    if (current_slot.slot == slot) current_slot.key = 0;
    mapping.blocks().slabs().leave_all({mapping.segment().slot(slot), slot});
    mapping.lives().detach(slot);
    mapping.leave();
}

// Forgets entries of the parent: it still has these slots, and their mappings
// may be gone.
Attachments& own_attachments() noexcept {
    const Word fork = fork_count.number();
    if (attachments.fork != fork) attachments = {};
    attachments.fork = fork;
    return attachments;
}

Attachment* find(const Mapping& mapping) noexcept {
    for (Attachment& entry : own_attachments().list) {
        if (entry.mapping == &mapping) return &entry;
    }
    return nullptr;
}

// An unused entry; else one whose heap is not in a call.
Attachment* make_room() noexcept {
    Attachments& mine = own_attachments();
    for (Attachment& entry : mine.list) {
        if (entry.mapping == nullptr) return &entry;
    }
    for (unsigned i = 0; i < kHeapsOfThread; ++i) {
        Attachment& entry = mine.list[mine.next++ % kHeapsOfThread];
        if (entry.kept != 0) continue;
        detach(entry);
        return &entry;
    }
    return nullptr;
}

void detach_from_all() noexcept {
    for (Attachment& entry : own_attachments().list) {
        if (entry.mapping != nullptr) detach(entry);
    }
}

// A destructor of the program may run later and attach the thread once more.
// Then a key's destructor detaches it: keys come after thread_local objects.
constinit thread_local bool end_has_begun = false;
constinit Atomic<Word> late_key{0};  // 1 + the key

void detach_late() noexcept {
    Word key = late_key.load(acq);  // [none: a number]
    if (key == 0) {
        pthread_key_t fresh;
        if (pthread_key_create(&fresh, [](void*) { detach_from_all(); }) != 0) return;
        // [none: a number]
        if (late_key.cas(key, Word{fresh} + 1, acq_rel, acq)) {
            key = Word{fresh} + 1;
        } else {
            pthread_key_delete(fresh);
        }
    }
    pthread_setspecific(static_cast<pthread_key_t>(key - 1), &attachments);
}

// Detaches the thread from all heaps at its end.
struct AtThreadEnd {
    bool armed = false;
    AtThreadEnd() = default;
    AtThreadEnd(const AtThreadEnd&) = delete;
    AtThreadEnd& operator=(const AtThreadEnd&) = delete;
    ~AtThreadEnd() {
        detach_from_all();
        end_has_begun = true;
    }
};
thread_local AtThreadEnd at_thread_end;

}  // namespace

// ----------------------------------------------------------------------- forks

// The kernel may not know MADV_WIPEONFORK; fork() calls this.
// Relaxed: the child of a fork has one thread.
void ForkCount::after_fork() noexcept {
    Atomic<Word>* const page = fork_count.count_.load(rlx);
    if (page != nullptr) page->store(0, rlx);
}

// Threads may meet here. The handler may be there twice then, which does no
// harm.
bool ForkCount::prepare() noexcept {
    Atomic<Word>* page = count_.load(acq);  // [none: a page of zeros]
    if (page == nullptr) {
        void* const fresh = region::map(region::page_size());
        if (fresh == nullptr) return false;
        const bool wiped = madvise(fresh, region::page_size(), MADV_WIPEONFORK) == 0;
        const bool called = pthread_atfork(nullptr, nullptr, [] { after_fork(); }) == 0;
        const bool told = wiped || called;
        // [none: a page of zeros]
        if (!told || !count_.cas(page, static_cast<Atomic<Word>*>(fresh), acq_rel, acq))
            region::unmap(fresh, region::page_size());
        if (!told) return false;
    }
    number();
    return true;
}

// Raised before it is used: no two processes of a chain have one number.
Word ForkCount::number() noexcept {
    Atomic<Word>& count = *count_.load(rlx);  // relaxed, as below: set before any heap is open
    Word seen = count.load(rlx);
    if (seen != 0) return seen;
    const Word mine = last_fork.fetch_add(1, rlx) + 1;
    return count.cas(seen, mine, acq_rel, rlx) ? mine : seen;  // [none: a number]
}

// ------------------------------------------------------------------- attaching

SlotId attach_thread(Mapping& mapping) noexcept {
    Attachment* entry = find(mapping);
    if (entry == nullptr) {
        entry = make_room();
        if (entry == nullptr) return 0;
        const SlotId slot = mapping.take_slot();
        if (slot == 0) return 0;
        mapping.enter_first();
        *entry = {&mapping, slot, 0};
        if (end_has_begun) {
            detach_late();
        } else {
            at_thread_end.armed = true;  // from here on its destructor runs at the thread's end
        }
    }
    current_slot.key = mapping.key();
    current_slot.address = &mapping.segment().slot(entry->slot);
    current_slot.slot = entry->slot;
    return entry->slot;
}

void detach_thread(Mapping& mapping) noexcept {
    Attachment* const entry = find(mapping);
    if (entry != nullptr) detach(*entry);
}

void keep_slot(const Mapping& mapping) noexcept {
    Attachment* const entry = find(mapping);
    if (entry != nullptr) ++entry->kept;
}

void release_slot(const Mapping& mapping) noexcept {
    Attachment* const entry = find(mapping);
    if (entry != nullptr && entry->kept != 0) --entry->kept;
}

}  // namespace ashlar::shared

#include "shared/names/names.hpp"

#include <cstring>

namespace ashlar::shared {

using base::acq;
using base::acq_rel;
using base::Atomic;
using base::compiler_fence;
using base::rel;
using base::rlx;

namespace {

// FNV-1a, then mixed: the low bits choose the bucket.
Word hash_of(std::string_view name) noexcept {
    Word hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash ^ hash >> 32;
}

}  // namespace

// --------------------------------------------------------------------- entries

// An entry is trusted as far as its own block reaches.
Entry* Names::entry_at(Offset at) const noexcept {
    const Blocks::Found found = blocks_.find(at);
    if (found.fault != Fault::none || found.start != at || found.size < sizeof(Entry))
        return nullptr;
    auto* const entry = reinterpret_cast<Entry*>(segment_.start() + at);
    const Word length = entry->length.load(rlx);  // relaxed: constant
    return length <= kMaxName && length <= found.size - sizeof(Entry) ? entry : nullptr;
}

Entry* Names::search(std::string_view name, Word hash, Offset from, Offset last) const noexcept {
    Entry* found = nullptr;
    each_from(from, last, [&](Entry& entry, Offset) noexcept {
        // Relaxed: constant.
        if (entry.hash.load(rlx) != hash || entry.length.load(rlx) != name.size()) return true;
        if (std::memcmp(entry.name(), name.data(), name.size()) != 0) return true;
        found = &entry;
        return false;
    });
    return found;
}

// Until the entry is linked, the slot names it: recovery frees it then.
Entry* Names::make(Owner me, std::string_view name, Word hash) noexcept {
    const Offset at = blocks_.allocate_to(me, offset_of(me.slot.entry), sizeof(Entry) + name.size(),
                                          alignof(Entry));
    if (at == 0) return nullptr;
    auto* const entry = reinterpret_cast<Entry*>(segment_.start() + at);
    // Relaxed, all of it: the CAS of the bucket publishes the entry.
    entry->state.store(0, rlx);
    entry->object.store(0, rlx);
    entry->size.store(0, rlx);
    entry->type.store(0, rlx);
    entry->hash.store(hash, rlx);
    entry->length.store(name.size(), rlx);
    std::memcpy(entry->name(), name.data(), name.size());
    return entry;
}

Entry* Names::insert(Owner me, std::string_view name, Word hash) noexcept {
    Atomic<Word>& bucket = segment_.header().buckets[hash % kBuckets];
    Word head = bucket.load(acq);  // [E49]
    if (Entry* const found = search(name, hash, head, 0); found != nullptr) return found;
    Entry* const entry = make(me, name, hash);
    if (entry == nullptr) return nullptr;
    for (;;) {
        const Word seen = head;
        entry->next.store(seen, rlx);  // relaxed: as make()
        // [E49] release: the entry. Acquire, also on failure: the entries that
        // others put before.
        if (bucket.cas(head, offset_of(*entry), acq_rel, acq)) break;
        Entry* const found = search(name, hash, head, seen);
        if (found == nullptr) continue;
        static_cast<void>(blocks_.deallocate_from(me, offset_of(me.slot.entry)));
        return found;
    }
    compiler_fence();
    me.slot.entry.store(0, rlx);  // relaxed, after the CAS: read after the thread's death [E43]
    return entry;
}

bool Names::is_linked(Offset entry) const noexcept {
    const Entry* const wanted = entry_at(entry);
    if (wanted == nullptr) return false;
    // Relaxed: constant.
    const auto bucket = static_cast<std::uint32_t>(wanted->hash.load(rlx) % kBuckets);
    return !each_entry(bucket, [&](Entry&, Offset at) noexcept { return at != entry; });
}

// ---------------------------------------------------------------------- states

bool Names::holds(Offset object, Word size) const noexcept {
    const Blocks::Found block = blocks_.find(object);
    return block.fault == Fault::none && block.start == object && block.size >= size;
}

// False: the name is not ready, or was not for a moment of this call.
bool Names::snapshot(const Entry& entry, Snapshot& seen) const noexcept {
    seen.state = {entry.state.load(acq)};  // [E50] the object
    if (seen.state.kind() != NameKind::ready) return false;
    // [E50] acquire, pairs with the releases in begin(): a value of a later
    // object shows in the state.
    seen.object = entry.object.load(acq);
    seen.size = entry.size.load(acq);
    seen.type = entry.type.load(acq);
    return entry.state.load(acq) == seen.state.raw;  // [E50]
}

Named Names::look(Entry* entry, const NamedType& type) const noexcept {
    Snapshot seen{};
    if (entry == nullptr) return {NameAnswer::absent, nullptr, {0}, 0, 0};
    if (!snapshot(*entry, seen)) {
        const NameKind kind = seen.state.kind();
        const bool busy = kind == NameKind::constructing || kind == NameKind::destroying;
        return {busy ? NameAnswer::busy : NameAnswer::absent, entry, seen.state, 0, 0};
    }
    Named named{NameAnswer::other_type, entry, seen.state, 0, seen.size};
    const bool right =
        seen.size == type.size && seen.type == type.hash && seen.object % type.alignment == 0;
    if (right && holds(seen.object, type.size)) {
        named.answer = NameAnswer::done;
        named.object = seen.object;
    } else if (right && entry->state.load(acq) != seen.state.raw) {  // [E50]
        return {NameAnswer::absent, entry, seen.state, 0, 0};        // it was destroyed meanwhile
    }
    return named;
}

Named Names::find(std::string_view name, const NamedType& type) const noexcept {
    const Word hash = hash_of(name);
    const Offset head = segment_.header().buckets[hash % kBuckets].load(acq);  // [E49]
    return look(search(name, hash, head, 0), type);
}

Named Names::begin(Owner me, std::string_view name, const NamedType& type) noexcept {
    Entry* const entry = insert(me, name, hash_of(name));
    if (entry == nullptr) return {NameAnswer::no_room, nullptr, {0}, 0, 0};
    Word seen = entry->state.load(acq);  // [E50]
    while (NameState{seen}.kind() == NameKind::absent) {
        const NameState mine = NameState{seen}.next(NameKind::constructing, me.id);
        // [E50] acquire: the last object's end. Release: `mine`, before the
        // fields below change.
        if (!entry->state.cas(seen, mine.raw, acq_rel, acq)) continue;
        Named named{NameAnswer::done, entry, mine, 0, type.size};
        entry->size.store(type.size, rel);  // [E50]
        entry->type.store(type.hash, rel);  // [E50]
        named.object = blocks_.allocate_to(me, offset_of(entry->object), type.size, type.alignment);
        if (named.object != 0) return named;
        cancel(me, named);
        return {NameAnswer::no_room, entry, {0}, 0, 0};
    }
    Named named = look(entry, type);
    if (named.answer == NameAnswer::done || named.answer == NameAnswer::other_type)
        named.answer = NameAnswer::exists;
    // It changed twice meanwhile.
    if (named.answer == NameAnswer::absent) named.answer = NameAnswer::busy;
    return named;
}

void Names::commit(const Named& mine) noexcept {
    Word expected = mine.state.raw;
    // [E50] release: the object.
    mine.entry->state.cas(expected, mine.state.next(NameKind::ready).raw, acq_rel, rlx);
}

Named Names::begin_destroy(Owner me, std::string_view name, const NamedType& type) noexcept {
    for (;;) {
        Named named = find(name, type);
        if (named.answer != NameAnswer::done) return named;
        Word expected = named.state.raw;
        const NameState mine = named.state.next(NameKind::destroying, me.id);
        // [E50] acquire: the object.
        if (!named.entry->state.cas(expected, mine.raw, acq_rel, rlx)) continue;
        named.state = mine;
        return named;
    }
}

// The block first: recovery frees that of a name which still is the thread's.
void Names::end(Owner me, const Named& mine) noexcept {
    static_cast<void>(blocks_.deallocate_from(me, offset_of(mine.entry->object)));
    Word expected = mine.state.raw;
    // [E50] release: the object's end, before it is constructed again.
    mine.entry->state.cas(expected, mine.state.next(NameKind::absent).raw, acq_rel, rlx);
}

bool Names::visit(NameVisitor visitor, void* context) const noexcept {
    for (std::uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
        const bool more = each_entry(bucket, [&](const Entry& entry, Offset) noexcept {
            Snapshot seen{};
            if (!snapshot(entry, seen) || !holds(seen.object, seen.size)) return true;
            const std::string_view name(entry.name(), entry.length.load(rlx));  // relaxed: constant
            return visitor(context, {name, seen.object, seen.size, seen.type});
        });
        if (!more) return false;
    }
    return true;
}

}  // namespace ashlar::shared

#include "memory.hpp"

#include <sys/mman.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "real.hpp"
#include "scenario.hpp"

namespace interleave {

namespace {

constexpr unsigned kMostAges = 4;
constexpr std::size_t kGranule = 4;  // bytes, for plain accesses
constexpr std::size_t kUndoBytes = 8;
constexpr std::uint8_t kWritten = 1 << kMaxThreads;

// These copy without memcpy, whose calls reach the hooks.
template <class T>
struct Alias {
    using Type [[gnu::may_alias]] = T;
    static std::uint64_t load(std::uintptr_t at) {
        return *reinterpret_cast<const volatile Type*>(at);
    }
    static void store(std::uintptr_t at, std::uint64_t value) {
        *reinterpret_cast<volatile Type*>(at) = static_cast<T>(value);
    }
};

bool acquires(int order) {
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}
bool releases(int order) {
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

void* map(void* at, std::size_t bytes, int flags) {
    void* start = __real_mmap(at, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (start == MAP_FAILED || (at != nullptr && start != at)) {
        std::perror("interleave: mmap");
        std::exit(2);
    }
    return start;
}

template <class T>
T* table(std::size_t count) {
    return static_cast<T*>(map(nullptr, count * sizeof(T), 0));
}

}  // namespace

Memory::Memory()
    : word_of_(table<Stamped>(kSharedBytes)), plain_of_(table<Stamped>(kSharedBytes / kGranule)),
      undone_(table<std::uint32_t>(kSharedBytes / kUndoBytes)),
      users_(table<std::uint8_t>(kSharedBytes)), written_(kSharedBytes / kPageBytes) {
    map(reinterpret_cast<void*>(kSharedStart), kSharedBytes, MAP_FIXED_NOREPLACE);
}

void* Memory::reserve(std::size_t bytes, std::size_t alignment) {
    const std::size_t at = (reserved_ + alignment - 1) / alignment * alignment;
    if (bytes > kObjectBytes || at > kObjectBytes - bytes) return nullptr;
    reserved_ = at + bytes;
    use(kSharedStart + reserved_);
    return reinterpret_cast<void*>(kSharedStart + at);
}

// ------------------------------------------------------------------------ runs

void Memory::begin_run(unsigned threads) {
    undo_.clear();
    begin_child(threads);
}

void Memory::begin_child(unsigned threads) {
    ++run_;
    threads_ = threads;
    located_ = 0;
    viewed_ = 0;
    plain_.clear();
    for (unsigned t = 0; t < threads; ++t) {
        view_[t].assign(kMaxThreads, 0);
        view_[t][t] = 1;
    }
}

void Memory::end_run() {
    // Backwards: bytes that a child wrote again are there twice.
    for (std::size_t i = undo_.size(); i > 0; --i)
        Alias<std::uint64_t>::store(undo_[i - 1].at, undo_[i - 1].value);
    undo_.clear();
}

void Memory::note_write(std::uintptr_t at, std::size_t bytes) noexcept {
    for (std::uintptr_t word = at & ~(kUndoBytes - 1); word < at + bytes; word += kUndoBytes) {
        written_[(word - kSharedStart) / kPageBytes] = true;
        std::uint32_t& stamp = undone_[(word - kSharedStart) / kUndoBytes];
        if (stamp == run_) continue;
        stamp = run_;
        undo_.push_back({word, Alias<std::uint64_t>::load(word)});
    }
}

void Memory::remember() {
    copy_.resize(used_);
    std::memcpy(copy_.data(), reinterpret_cast<const void*>(kSharedStart), used_);
}

bool Memory::restored() const {
    const auto* start = reinterpret_cast<const std::uint8_t*>(kSharedStart);
    return std::memcmp(copy_.data(), start, copy_.size()) == 0 &&
           std::all_of(start + copy_.size(), start + used_,
                       [](std::uint8_t byte) { return byte == 0; });
}

// ----------------------------------------------------------------------- views

std::uint16_t Memory::known(unsigned thread, std::uint32_t index) const {
    const std::size_t at = kMaxThreads + index;
    return at < view_[thread].size() ? view_[thread][at] : std::uint16_t{0};
}

void Memory::set_known(unsigned thread, std::uint32_t index, std::uint32_t position) {
    View& view = view_[thread];
    const std::size_t at = kMaxThreads + index;
    if (at >= view.size()) view.resize(at + 1, 0);
    if (view[at] < position) view[at] = static_cast<std::uint16_t>(position);
}

void Memory::learn(unsigned thread, const View& from) {
    View& view = view_[thread];
    if (view.size() < from.size()) view.resize(from.size(), 0);
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (view[i] < from[i]) view[i] = from[i];
    }
}

std::int32_t Memory::new_view(const View& from) {
    if (viewed_ == views_.size()) views_.emplace_back();
    views_[viewed_].assign(from.begin(), from.end());
    return static_cast<std::int32_t>(viewed_++);
}

// ---------------------------------------------------------------- atomic words

std::uint64_t Memory::raw(Word word) noexcept {
    switch (word.size) {
        case 1: return Alias<std::uint8_t>::load(word.at);
        case 2: return Alias<std::uint16_t>::load(word.at);
        case 4: return Alias<std::uint32_t>::load(word.at);
        default: return Alias<std::uint64_t>::load(word.at);
    }
}

void Memory::set_raw(Word word, std::uint64_t value) noexcept {
    note_write(word.at, word.size);
    switch (word.size) {
        case 1: return Alias<std::uint8_t>::store(word.at, value);
        case 2: return Alias<std::uint16_t>::store(word.at, value);
        case 4: return Alias<std::uint32_t>::store(word.at, value);
        default: return Alias<std::uint64_t>::store(word.at, value);
    }
}

Memory::Location& Memory::location(Word word, std::uint32_t& index) {
    Stamped& entry = word_of_[word.at - kSharedStart];
    if (entry.run != run_) {
        entry = {run_, located_++};
        if (entry.index == locations_.size()) locations_.emplace_back();
        Location& fresh = locations_[entry.index];
        fresh.stores.clear();
        fresh.stores.push_back({raw(word), -1});  // from before the run: every thread knows it
        fresh.newest_by_sc = 0;
        fresh.size = word.size;
    }
    index = entry.index;
    // The owner of a word may also write it by plain stores. Such a store is
    // found here. Threads that it happened before know it; others may still
    // read older values.
    Location& here = locations_[index];
    if (here.size == word.size && here.stores.back().value != raw(word)) {
        here.stores.push_back({raw(word), -1});
        const Plain& written = plain(word.at & ~(kGranule - 1));
        for (unsigned t = 0; t < threads_; ++t) {
            if (written.write_clock <= view_[t][written.writer])
                set_known(t, index, static_cast<std::uint32_t>(here.stores.size() - 1));
        }
    }
    return locations_[entry.index];
}

// Coherence: a load returns nothing older than a store that happened before it
// or that its thread has read. Sequential consistency: the executed order of a
// run's seq_cst accesses is their single total order S. So a seq_cst access
// reads nothing older than an earlier one of the same word read or wrote.
unsigned Memory::readable(unsigned thread, Word word, int order) {
    std::uint32_t index;
    const Location& here = location(word, index);
    std::uint32_t oldest = known(thread, index);
    if (order == __ATOMIC_SEQ_CST && oldest < here.newest_by_sc) oldest = here.newest_by_sc;
    const auto count = static_cast<unsigned>(here.stores.size() - oldest);
    return count < kMostAges ? count : kMostAges;
}

std::uint64_t Memory::peek(Word word, unsigned age) {
    std::uint32_t index;
    const Location& here = location(word, index);
    return here.stores[here.stores.size() - 1 - age].value;
}

std::uint64_t Memory::load(unsigned thread, Word word, int order, unsigned age) {
    std::uint32_t index;
    Location& here = location(word, index);
    const auto position = static_cast<std::uint32_t>(here.stores.size() - 1 - age);
    const Store& read = here.stores[position];
    set_known(thread, index, position);
    if (acquires(order) && read.view >= 0)
        learn(thread, views_[static_cast<std::size_t>(read.view)]);
    return read.value;
}

// `continues`: a read-modify-write stays in the release sequence of the store
// that it read.
void Memory::append(unsigned thread, Word word, std::uint64_t value, int order, bool continues) {
    std::uint32_t index;
    Location& here = location(word, index);
    const std::int32_t inherited = continues ? here.stores.back().view : -1;
    const auto position = static_cast<std::uint32_t>(here.stores.size());
    set_known(thread, index, position);
    std::int32_t view = inherited;
    if (releases(order)) {
        view = new_view(view_[thread]);
        if (inherited >= 0) {
            const View& before = views_[static_cast<std::size_t>(inherited)];
            View& joined = views_[static_cast<std::size_t>(view)];
            if (joined.size() < before.size()) joined.resize(before.size(), 0);
            for (std::size_t i = 0; i < before.size(); ++i)
                joined[i] = before[i] > joined[i] ? before[i] : joined[i];
        }
        ++view_[thread][thread];  // later actions of the thread are not passed on
    }
    here.stores.push_back({value, view});
    if (order == __ATOMIC_SEQ_CST) here.newest_by_sc = position;
    set_raw(word, value);
}

void Memory::store(unsigned thread, Word word, std::uint64_t value, int order) {
    append(thread, word, value, order, false);
}

void Memory::barrier(unsigned thread) {
    for (std::uint32_t index = 0; index < located_; ++index) {
        const std::uint16_t knew = known(thread, index);
        for (unsigned other = 0; other < threads_; ++other) set_known(other, index, knew);
        set_known(thread, index, static_cast<std::uint32_t>(locations_[index].stores.size() - 1));
    }
    if (!barriers_order_plain) return;
    const View before = view_[thread];
    ++view_[thread][thread];
    for (unsigned other = 0; other < threads_; ++other) {
        if (other == thread) continue;
        learn(thread, view_[other]);
        ++view_[other][other];
        learn(other, before);
    }
}

// -------------------------------------------------------------- plain accesses

Memory::Plain& Memory::plain(std::uintptr_t granule) {
    Stamped& entry = plain_of_[(granule - kSharedStart) / kGranule];
    if (entry.run != run_) {
        entry = {run_, static_cast<std::uint32_t>(plain_.size())};
        plain_.push_back({});
    }
    return plain_[entry.index];
}

bool Memory::read_plain(unsigned thread, std::uintptr_t at, std::size_t bytes) {
    bool ordered = true;
    for (std::uintptr_t granule = at & ~(kGranule - 1); granule < at + bytes; granule += kGranule) {
        Plain& here = plain(granule);
        if (here.write_clock > view_[thread][here.writer]) ordered = false;
        here.read_clock[thread] = view_[thread][thread];
    }
    return ordered;
}

bool Memory::write_plain(unsigned thread, std::uintptr_t at, std::size_t bytes) {
    note_write(at, bytes);
    bool ordered = true;
    for (std::uintptr_t granule = at & ~(kGranule - 1); granule < at + bytes; granule += kGranule) {
        Plain& here = plain(granule);
        if (here.write_clock > view_[thread][here.writer]) ordered = false;
        for (unsigned t = 0; t < threads_; ++t) {
            if (t != thread && here.read_clock[t] > view_[thread][t]) ordered = false;
        }
        here.writer = static_cast<std::uint8_t>(thread);
        here.write_clock = view_[thread][thread];
    }
    return ordered;
}

// ----------------------------------------------------------------------- pages

std::int32_t Memory::pass(unsigned thread) {
    const std::int32_t view = new_view(view_[thread]);
    ++view_[thread][thread];
    return view;
}

// For atomic words of this run it is a relaxed store, for all other bytes a
// plain one.
bool Memory::zero_word(unsigned thread, std::uintptr_t word) {
    bool atomic = false;
    for (std::uintptr_t at = word; at < word + kUndoBytes && thread < threads_; ++at) {
        const Stamped entry = word_of_[at - kSharedStart];
        if (entry.run != run_) continue;
        store(thread, {at, locations_[entry.index].size}, 0, __ATOMIC_RELAXED);
        atomic = true;
    }
    const bool ordered = atomic || thread >= threads_ || write_plain(thread, word, kUndoBytes);
    note_write(word, kUndoBytes);
    Alias<std::uint64_t>::store(word, 0);
    return ordered;
}

bool Memory::zero(unsigned thread, std::uintptr_t page, std::size_t bytes) {
    bool ordered = true;
    for (const std::uintptr_t end = page + bytes; page < end; page += kPageBytes) {
        if (thread < threads_)
            ordered = write_plain(thread, page + kGuardOffset, sizeof(std::uint32_t)) && ordered;
        if (!written_[(page - kSharedStart) / kPageBytes]) continue;
        for (std::uintptr_t word = page; word < page + kPageBytes; word += kUndoBytes) {
            if (Alias<std::uint64_t>::load(word) != 0) ordered = zero_word(thread, word) && ordered;
        }
    }
    return ordered;
}

bool Memory::copy(unsigned thread, std::uintptr_t to, std::uintptr_t from, std::size_t bytes) {
    bool ordered = true;
    for (std::size_t at = 0; at < bytes; at += kUndoBytes) {
        if (!written_[(from + at - kSharedStart) / kPageBytes]) {
            at += kPageBytes - kUndoBytes;
            continue;
        }
        const std::uint64_t value = Alias<std::uint64_t>::load(from + at);
        if (value == 0) continue;
        if (thread < threads_)
            ordered = read_plain(thread, from + at, kUndoBytes) &&
                      write_plain(thread, to + at, kUndoBytes) && ordered;
        note_write(to + at, kUndoBytes);
        Alias<std::uint64_t>::store(to + at, value);
    }
    return ordered;
}

// --------------------------------------------------------------------- visible

bool Memory::note_use(unsigned thread, Word word, bool writes) noexcept {
    std::uint8_t& users = users_[word.at - kSharedStart];
    const auto is_visible = [](unsigned now) {
        const unsigned threads = now & (kWritten - 1U);
        return (now & kWritten) != 0 && (threads & (threads - 1)) != 0;
    };
    const bool before = is_visible(users);
    users = static_cast<std::uint8_t>(users | 1U << thread | (writes ? kWritten : 0U));
    const bool now = is_visible(users);
    if (now && !before) grew_ = true;
    return now;
}

bool Memory::grew() noexcept {
    const bool grown = grew_;
    grew_ = false;
    return grown;
}

}  // namespace interleave

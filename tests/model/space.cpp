#include "space.hpp"

#include <algorithm>

namespace interleave {

namespace {
// The objects of the scenarios lie below.
constexpr std::uintptr_t kMapped = kSharedStart + kSharedBytes / 4;
}  // namespace

Space* space = nullptr;

void Space::begin_run() { in_run_ = true; }

void Space::begin_child() {
    for (std::size_t i = 0; i < pages_.size(); ++i) {
        if (pages_[i].known) continue;
        change(i).known = true;
    }
}

void Space::end_run() {
    for (std::size_t i = undo_.size(); i > 0; --i) pages_[undo_[i - 1].page] = undo_[i - 1].before;
    undo_.clear();
    in_run_ = false;
}

Space::Page& Space::change(std::size_t page) {
    if (in_run_) undo_.push_back({page, pages_[page]});
    return pages_[page];
}

bool Space::may_access(unsigned thread, std::uintptr_t at, std::size_t bytes) const {
    if (at < kMapped) return true;
    for (std::size_t i = page_of(at); i <= page_of(at + bytes - 1); ++i) {
        const Page& page = pages_[i];
        if (page.state != State::open) return false;
        bool known = page.known || thread == kAlone;
        for (unsigned by = 0; by < kMaxThreads && !known; ++by) {
            known = page.opened[by] != 0 && memory_.knows(thread, by, page.opened[by]);
        }
        if (!known) return false;
    }
    return true;
}

std::size_t Space::mapped() const {
    return static_cast<std::size_t>(std::count_if(
        pages_.begin(), pages_.end(), [](const Page& page) { return page.state != State::free; }));
}
std::size_t mapped_pages() { return space->mapped(); }
PageState page_state(std::uintptr_t at) { return space->state(at); }

bool Space::are(State state, std::uintptr_t start, std::size_t bytes) const {
    if (start < kMapped || start + bytes > kSharedStart + kSharedBytes) return false;
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        if (pages_[page_of(at)].state != state) return false;
    }
    return true;
}

void Space::open_page(unsigned thread, Page& page) {
    if (page.state != State::open) {
        page.known = thread == kAlone;
        for (std::uint16_t& clock : page.opened) clock = 0;
    }
    page.state = State::open;
    if (thread != kAlone && !page.known && page.opened[thread] == 0)
        page.opened[thread] = memory_.clock(thread);
}

// The system orders the thread that unmaps a page before the next that maps it.
void Space::take(unsigned thread, std::uintptr_t start, std::size_t bytes, bool open) {
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        Page& page = change(page_of(at));
        if (thread != kAlone && page.freed >= 0) memory_.receive(thread, page.freed);
        page.state = State::reserved;
        if (open) open_page(thread, page);
    }
}

void* Space::map(unsigned thread, std::size_t bytes, bool open) {
    std::uintptr_t start = kMapped;
    for (std::uintptr_t at = start; at - start < bytes; at += kPage) {
        if (at == kSharedStart + kSharedBytes) return nullptr;
        if (pages_[page_of(at)].state != State::free) start = at + kPage;
    }
    take(thread, start, bytes, open);
    memory_.use(start + bytes);
    return reinterpret_cast<void*>(start);
}

void* Space::map_at(unsigned thread, std::uintptr_t start, std::size_t bytes, bool open) {
    if (start < kMapped || start + bytes > kSharedStart + kSharedBytes ||
        !are(State::free, start, bytes))
        return nullptr;
    take(thread, start, bytes, open);
    memory_.use(start + bytes);
    return reinterpret_cast<void*>(start);
}

bool Space::unmap(unsigned thread, std::uintptr_t start, std::size_t bytes) {
    if (start < kMapped || start + bytes > kSharedStart + kSharedBytes) return false;
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        if (state(at) == State::open && !memory_.zero(thread, at, kPage))
            fail("data race: a page in use is unmapped");
    }
    const std::int32_t passed = thread == kAlone ? -1 : memory_.pass(thread);
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        if (state(at) == State::free) continue;
        Page& page = change(page_of(at));
        page.state = State::free;
        page.freed = passed;
    }
    return true;
}

bool Space::open(unsigned thread, std::uintptr_t start, std::size_t bytes) {
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        if (start < kMapped || pages_[page_of(at)].state == State::free) return false;
        open_page(thread, change(page_of(at)));
    }
    return true;
}

bool Space::close(unsigned thread, std::uintptr_t start, std::size_t bytes) {
    if (!empty(thread, start, bytes)) return false;
    for (std::uintptr_t at = start; at < start + bytes; at += kPage)
        change(page_of(at)).state = State::reserved;
    return true;
}

bool Space::empty(unsigned thread, std::uintptr_t start, std::size_t bytes) {
    for (std::uintptr_t at = start; at < start + bytes; at += kPage) {
        if (start < kMapped || pages_[page_of(at)].state == State::free) return false;
        if (!memory_.zero(thread, at, kPage)) fail("data race: a page in use is emptied");
    }
    return true;
}

bool Space::resize(unsigned thread, std::uintptr_t start, std::size_t from, std::size_t to) {
    if (!are(State::open, start, from)) return false;
    if (to <= from) return unmap(thread, start + to, from - to);
    if (!are(State::free, start + from, to - from)) return false;
    take(thread, start + from, to - from, true);
    memory_.use(start + to);
    return true;
}

bool Space::move(unsigned thread, std::uintptr_t start, std::size_t from, std::uintptr_t to,
                 std::size_t bytes, bool refused) {
    if (!are(State::open, start, from) || !unmap(thread, to, bytes) || refused) return false;
    take(thread, to, bytes, true);
    if (!memory_.copy(thread, to, start, from < bytes ? from : bytes))
        fail("data race: a page in use is moved");
    return unmap(thread, start, from);
}

}  // namespace interleave

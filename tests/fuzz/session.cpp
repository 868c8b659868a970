#include "session.hpp"

#include <cerrno>

#include <ashlar/ashlar.h>

namespace fuzz {

namespace {
constexpr std::size_t kMostBlocks = 3000;
constexpr std::size_t kMostBytes = std::size_t{48} << 20;
constexpr std::size_t kMostCalls = 2000;
}  // namespace

bool Session::full() const { return model_.count() >= kMostBlocks || bytes_ >= kMostBytes; }

void Session::added(void* data, std::size_t size, std::size_t alignment, std::uint32_t number,
                    bool plain) {
    auto* bytes = static_cast<unsigned char*>(data);
    const std::size_t usable =
        number == 0 ? ash_malloc_usable_size(data) : heap(number).usable_size(data);
    if (number == 0 && plain)
        require(usable == ash_good_size(size), "not the good size", data, size);
    bytes_ += size;
    model_.add({bytes, size, usable, alignment, number, ++marks_, plain});
}

// Frees a block by free, whatever allocated it, a heap included.
void Session::free_block(std::size_t i) {
    const Block block = model_.remove(i);
    bytes_ -= block.size;
    errno = 77;
    if (block.heap == 0 || in_.byte() % 2 == 0) {
        ash_free(block.data);
    } else {
        heap(block.heap).deallocate(block.data);
    }
    require(errno == 77, "a free changed errno", block.data, block.size);
}

void Session::look() {
    require(ash_check() == 0, "the heap is not sound");
    const ash_stats seen = ash_statistics();
    require(seen.live >= model_.bytes(0), "fewer bytes are live than the program holds", nullptr,
            seen.live);
    require(seen.held >= seen.live, "more live than held", nullptr, seen.held);
    require(seen.peak >= seen.held && seen.held + seen.free <= seen.reserved, "statistics", nullptr,
            seen.peak);
    if (model_.count() != 0) Model::verify(model_.at(any()));
}

void Session::trim() { (void)ash_malloc_trim(0); }

void Session::end_thread() { team_.end(1 + in_.below(Team::kThreads - 1)); }

void Session::run() {
    // A repeated case has more weight: the fuzzer's bytes are uniform at first.
    static constexpr Call calls[] = {
        &Session::take,         &Session::take,      &Session::take,       &Session::take_zeroed,
        &Session::take_aligned, &Session::resize,    &Session::resize,     &Session::give,
        &Session::give,         &Session::give,      &Session::give_sized, &Session::give_sized,
        &Session::burst,        &Session::burst,     &Session::take_batch, &Session::give_batch,
        &Session::give_batch,   &Session::heap_take, &Session::heap_take,  &Session::heap_resize,
        &Session::heap_end,     &Session::heap_look, &Session::resource,   &Session::refuse,
        &Session::look,         &Session::trim,      &Session::end_thread,
    };
    constexpr std::size_t kinds = sizeof calls / sizeof *calls;
    for (std::size_t i = 0; in_.goes_on() && i < kMostCalls; ++i) {
        const std::uint8_t head = in_.byte();
        const Call call = calls[head % 64 % kinds];
        if (call == &Session::end_thread) {
            end_thread();  // only thread 0 can wait for its end
        } else {
            team_.run(head / 64, [this, call] { (this->*call)(); });
        }
    }
    while (model_.count() != 0) free_block(model_.count() - 1);
    for (auto& heap : heaps_) heap.reset();
    for (std::size_t i = 0; i < Team::kThreads; ++i) team_.end(i);
    (void)ash_malloc_trim(0);
    require(ash_check() == 0, "the heap is not sound at the end");
    const ash_stats seen = ash_statistics();
    require(seen.live == 0, "bytes are live after all frees", nullptr, seen.live);
    require(seen.held == 0, "bytes are held after all frees", nullptr, seen.held);
}

}  // namespace fuzz

// The pages of the shared range as the system has them: free, reserved without
// access, or open. The calls of libc that map, open, empty and return pages
// come here. It is a fault to access a page that is not open, or whose opening
// does not happen before the access.
#ifndef ASHLAR_TESTS_MODEL_SPACE_HPP
#define ASHLAR_TESTS_MODEL_SPACE_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory.hpp"
#include "scenario.hpp"

namespace interleave {

class Space {
  public:
    static constexpr std::size_t kPage = kPageBytes;
    static constexpr unsigned kAlone = kMaxThreads;  // the caller if no thread runs

    explicit Space(Memory& memory) : memory_(memory), pages_(kSharedBytes / kPage) {}

    void begin_run();
    // All threads know the pages that are open now.
    void begin_child();
    void end_run();

    [[nodiscard]] bool may_access(unsigned thread, std::uintptr_t at, std::size_t bytes) const;

    // The system calls. They take the lowest free range, so that addresses are
    // reused soon.
    [[nodiscard]] void* map(unsigned thread, std::size_t bytes, bool open);
    [[nodiscard]] void* map_at(unsigned thread, std::uintptr_t start, std::size_t bytes, bool open);
    [[nodiscard]] bool unmap(unsigned thread, std::uintptr_t start, std::size_t bytes);
    // False: a page is free.
    [[nodiscard]] bool open(unsigned thread, std::uintptr_t start, std::size_t bytes);
    // Takes the access away, and keeps the range reserved.
    [[nodiscard]] bool close(unsigned thread, std::uintptr_t start, std::size_t bytes);
    [[nodiscard]] bool empty(unsigned thread, std::uintptr_t start, std::size_t bytes);
    // Shrinks, or grows if the pages behind are free.
    [[nodiscard]] bool resize(unsigned thread, std::uintptr_t start, std::size_t from,
                              std::size_t to);
    // Replaces the pages at `to`, as the system does. With `refused` it only
    // unmaps the pages at `to`.
    [[nodiscard]] bool move(unsigned thread, std::uintptr_t start, std::size_t from,
                            std::uintptr_t to, std::size_t bytes, bool refused);

    [[nodiscard]] std::size_t mapped() const;
    [[nodiscard]] PageState state(std::uintptr_t at) const { return pages_[page_of(at)].state; }

  private:
    using State = PageState;
    struct Page {
        State state = State::free;
        bool known = true;  // open for every thread
        // For each thread, its clock when it opened the page in this run; 0: it
        // did not.
        std::uint16_t opened[kMaxThreads]{};
        std::int32_t freed = -1;  // what is passed on to the next that has it
    };
    struct Undo {
        std::size_t page;
        Page before;
    };

    [[nodiscard]] static std::size_t page_of(std::uintptr_t at) {
        return (at - kSharedStart) / kPage;
    }
    [[nodiscard]] bool are(State state, std::uintptr_t start, std::size_t bytes) const;
    Page& change(std::size_t page);
    void take(unsigned thread, std::uintptr_t start, std::size_t bytes, bool open);
    void open_page(unsigned thread, Page& page);

    Memory& memory_;
    std::vector<Page> pages_;
    std::vector<Undo> undo_;
    bool in_run_ = false;
};

// The pages of the current run.
extern Space* space;

}  // namespace interleave

#endif

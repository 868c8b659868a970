// A segment whose threads run one after another in one process. After the n-th
// change of an operation a jump leaves it: its thread has stopped there, and
// may be killed later. Under ASHLAR_COUNT each Atomic calls note() after an
// access, which also shows accesses outside the file and endless operations.
#ifndef ASHLAR_TESTS_FUZZ_SHARED_SHARED_WORLD_HPP
#define ASHLAR_TESTS_FUZZ_SHARED_SHARED_WORLD_HPP

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "shared/recovery/recovery.hpp"

namespace fuzz {

using ashlar::base::UnitId;
using ashlar::base::Word;
using ashlar::shared::Blocks;
using ashlar::shared::Names;
using ashlar::shared::Owner;
using ashlar::shared::Recovery;
using ashlar::shared::Segment;
using ashlar::shared::SlotId;

[[noreturn]] void fail(const char* what);
inline void require(bool fine, const char* what) {
    if (!fine) fail(what);
}

// As the kernel knows a thread. A stopped one never goes on; it can only be
// killed.
enum class Life { detached, running, stopped, dead };

class SharedWorld final : public ashlar::shared::Backing, public ashlar::shared::Lives {
  public:
    static constexpr UnitId kUnits = 40;
    static constexpr SlotId kThreads = 7;  // slots 1 ... 6; and 7, which is never cut
    static constexpr SlotId kLast = kThreads;

    SharedWorld();
    SharedWorld(const SharedWorld&) = delete;
    SharedWorld& operator=(const SharedWorld&) = delete;
    ~SharedWorld();

    // An empty heap that all threads are attached to.
    void begin();
    // Runs a part of an operation of `thread`. False: it was cut after `cut`
    // changes, and the thread has stopped. 0: never.
    bool run(SlotId thread, std::size_t cut, const std::function<void()>& operation);

    [[nodiscard]] Life life(SlotId thread) const { return life_[thread]; }
    void kill(SlotId thread);
    // Of a thread that has left its blocks.
    void detach(SlotId thread);
    // False: its slot is not free.
    bool attach(SlotId thread);
    // Whether some thread is stopped, or dead and not recovered.
    [[nodiscard]] bool is_cut();
    // Whether the block's pages are in the file.
    [[nodiscard]] bool has_pages(std::uint64_t offset, std::size_t bytes) const;

    // Each process has the file elsewhere.
    [[nodiscard]] Blocks& blocks(SlotId thread) { return process(thread).blocks; }
    [[nodiscard]] Segment& segment(SlotId thread) { return process(thread).segment; }
    [[nodiscard]] Recovery& recovery(SlotId thread) { return process(thread).recovery; }
    [[nodiscard]] Names& names(SlotId thread) { return process(thread).names; }
    [[nodiscard]] Owner me(SlotId thread) { return {segment(thread).slot(thread), thread}; }
    template <class T>
    [[nodiscard]] T* address(SlotId thread, std::uint64_t offset) {
        return reinterpret_cast<T*>(segment(thread).start() + offset);
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    // Free units that may get pages in the file.
    std::size_t room = kUnits;
    // From here on words of the file may be wrong.
    bool damaged = false;

    void saw(ashlar::base::Event event, std::uintptr_t word);

    bool commit(std::size_t offset, std::size_t bytes) noexcept override;
    bool punch(std::size_t offset, std::size_t bytes) noexcept override;
    bool take_dead(SlotId slot) noexcept override;
    void leave(SlotId slot) noexcept override;
    bool try_recovery() noexcept override;
    void leave_recovery() noexcept override;

  private:
    static constexpr std::size_t kPage = 4096;
    struct Process {
        explicit Process(Lives& lives) : recovery(blocks, lives) {}
        std::uintptr_t start = 0;
        Segment segment{};
        Blocks blocks{segment};
        Names names{blocks};
        Recovery recovery;
    };
    [[nodiscard]] Process& process(SlotId thread) { return processes_[thread % 2]; }
    void map(Process& process);
    void changed() noexcept;
    void look_up(std::uintptr_t word) const;
    [[nodiscard]] std::size_t missing(UnitId from, UnitId to) const;
    [[nodiscard]] std::byte* unit(UnitId id) {
        return address<std::byte>(kLast, processes_[kLast % 2].segment.first()) +
               (std::size_t{id} << ashlar::base::kUnitShift);
    }

    std::size_t bytes_;
    int file_;
    Process processes_[2]{Process{*this}, Process{*this}};
    std::vector<bool> pages_;
    std::vector<unsigned char> absent_;  // a unit without pages
    Life life_[kThreads + 1] = {};
    SlotId holder_[kThreads + 1] = {};  // of each slot's life, beside its own thread; 0: none
    SlotId recovers_ = 0;
    SlotId thread_ = 0;  // the one that runs; 0: the test does
    std::size_t left_ = 0;
    std::size_t seen_ = 0;
    std::jmp_buf cut_{};
};

extern SharedWorld* shared_world;

}  // namespace fuzz

#endif

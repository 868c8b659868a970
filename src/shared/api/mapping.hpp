// A shared heap in this process: the mapped file, and what this process knows
// beside it. It stays mapped until the heap is closed and the last attached
// thread of this process has detached: a thread's robust mutex lies in it. Any
// thread.
#ifndef ASHLAR_SHARED_API_MAPPING_HPP
#define ASHLAR_SHARED_API_MAPPING_HPP

#include <functional>
#include <memory>
#include <string>

#include "shared/api/opening.hpp"
#include "shared/api/threads.hpp"
#include "shared/blocks/blocks.hpp"
#include "shared/recovery/life.hpp"
#include "shared/recovery/recovery.hpp"

namespace ashlar::shared {

// Calls of a thread between two looks for dead threads.
inline constexpr std::uint32_t kCallsToLook = 1024;

class Mapping {
  public:
    // Throws SharedHeapError. The last owner of the pointer closes the heap.
    [[nodiscard]] static std::shared_ptr<Mapping> open(const HeapPlace& place, SharedHeapMode mode,
                                                       const SharedHeapOptions& options);
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    // The calling thread in this heap; id 0: no slot is free. Its record is
    // empty, or of an earlier call that has ended. At times it looks for dead
    // threads, and recovers them.
    [[nodiscard]] Owner enter() noexcept {
        if (current_slot.key != key()) [[unlikely]] {
            if (attach_thread(*this) == 0) return {segment_.slot(0), 0};
        }
        const Owner me{*current_slot.address, current_slot.slot};
        if (current_slot.calls == 0 || --current_slot.calls == 0) [[unlikely]]
            look(me);
        return me;
    }
    // True: current_owner() is the calling thread, and no look is due.
    [[nodiscard]] bool enter_quickly() const noexcept {
        return current_slot.key == key() && --current_slot.calls != 0;
    }
    [[nodiscard]] static Owner current_owner() noexcept {
        return {*current_slot.address, current_slot.slot};
    }
    // A slot for one call, if enter() has none; id 0: those are in use too.
    [[nodiscard]] Owner enter_once() noexcept;
    void leave_once(Owner me) noexcept;
    // Recovers all dead threads. Returns how many.
    std::size_t recover(Owner me) noexcept;

    [[nodiscard]] Segment& segment() noexcept { return segment_; }
    [[nodiscard]] Blocks& blocks() noexcept { return blocks_; }
    [[nodiscard]] RobustLives& lives() noexcept { return lives_; }
    [[nodiscard]] Doubts& doubts() noexcept { return recovery_.doubts(); }
    [[nodiscard]] const File& file() const noexcept { return opened_.file; }
    [[nodiscard]] const View& view() const noexcept { return opened_.view; }
    [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }

    // Adds a hook that is called for each dead thread; see Recovery. It stays.
    // False: no memory, or too many hooks.
    [[nodiscard]] bool add_hook(Recovery::Hook hook, void* context) noexcept;
    // Replaces the program's callback. Throws std::bad_alloc.
    void on_death(std::function<void(pid_t)> callback);

    // For threads.cpp. Equal to CurrentSlot::key if the thread's current slot
    // is one of this heap, and no fork happened since.
    [[nodiscard]] Word key() const noexcept { return id_ | fork_count.seen(); }
    [[nodiscard]] SlotId take_slot() noexcept;
    void enter_first() noexcept;
    void leave() noexcept;

  private:
    struct Hook {
        base::Atomic<Recovery::Hook> call;
        void* context;
    };
    // Callbacks of the program. Another thread may be in one that was replaced,
    // so all stay until the mapping ends.
    struct Callback {
        std::function<void(pid_t)> call;
        Callback* before;
    };
    static constexpr unsigned kMaxHooks = 4;

    Mapping(OpenedFile opened, std::string name) noexcept;
    ~Mapping();
    void close() noexcept;
    void change_users(Word add, bool close) noexcept;
    void look(Owner me) noexcept;
    void call_hooks(SlotId dead) noexcept;

    OpenedFile opened_;
    std::string name_;
    Word id_;
    Segment segment_;
    Blocks blocks_;
    RobustLives lives_;
    Recovery recovery_;
    Hook hooks_[kMaxHooks] = {};
    base::Atomic<unsigned> hooks_used_{0};
    base::Atomic<Callback*> callback_{nullptr};
    base::Atomic<Word> users_{0};  // fork number | closed | attached threads of this process
};

}  // namespace ashlar::shared

#endif

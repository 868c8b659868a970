// The memory that the threads of a scenario share, under the C++ memory model.
// Each atomic word keeps the stores of the run, and a load may return any that
// its order and its thread's knowledge allow. Plain accesses without an order
// are races. Knows threads by number only; the scheduler calls it, from one
// thread of the system.
#ifndef ASHLAR_TESTS_MODEL_MEMORY_HPP
#define ASHLAR_TESTS_MODEL_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace interleave {

inline constexpr unsigned kMaxThreads = 4;

// The shared memory has a fixed address, so that a schedule means the same in
// every process.
inline constexpr std::uintptr_t kSharedStart = std::uintptr_t{1} << 44;
inline constexpr std::size_t kSharedBytes = std::size_t{64} << 20;

// For objects of the set-up; mappings use the rest.
inline constexpr std::size_t kObjectBytes = kSharedBytes / 4;
inline constexpr std::size_t kPageBytes = 4096;

// Users read this word of a page, and a thread that empties the page writes it.
// So the two race even if the page was emptied first.
inline constexpr std::size_t kGuardOffset = kPageBytes / 2 - 12;

inline bool is_shared(std::uintptr_t at) noexcept { return at - kSharedStart < kSharedBytes; }
inline bool is_shared(const volatile void* at) noexcept {
    return is_shared(reinterpret_cast<std::uintptr_t>(at));
}

// The knowledge of a thread, or that a store passes on: for each thread how
// much of it happened before, for each word the oldest store that may still be
// read.
//   | thread 0 | ... | thread 3 | word 0 | word 1 | ...
using View = std::vector<std::uint16_t>;

class Memory {
  public:
    Memory();

    // For the set-up: unused bytes of the shared range, all zero.
    [[nodiscard]] void* reserve(std::size_t bytes, std::size_t alignment);

    // Begins a run: end_run() undoes all later writes.
    void begin_run(unsigned threads);
    // Continues a run with other threads, those of a fork's child, which know
    // all that was done before.
    void begin_child(unsigned threads);
    void end_run();
    // Whether the memory is byte by byte as before the first run.
    [[nodiscard]] bool restored() const;
    // Every run begins with the present contents of the memory.
    void remember();

    // An atomic word of 1, 2, 4 or 8 bytes.
    struct Word {
        std::uintptr_t at;
        unsigned size;
    };
    [[nodiscard]] static std::uint64_t raw(Word word) noexcept;
    void set_raw(Word word, std::uint64_t value) noexcept;

    // The number of the newest stores that this thread may read with this
    // order, at most four.
    [[nodiscard]] unsigned readable(unsigned thread, Word word, int order);
    // The value `age` stores ago, without reading it.
    [[nodiscard]] std::uint64_t peek(Word word, unsigned age);
    std::uint64_t load(unsigned thread, Word word, int order, unsigned age);
    void store(unsigned thread, Word word, std::uint64_t value, int order);
    // A read-modify-write, which reads the newest store. Returns the old value.
    template <class F>
    std::uint64_t modify(unsigned thread, Word word, int order, F f) {
        const std::uint64_t old = load(thread, word, order, 0);
        append(thread, word, f(old), order, true);
        return old;
    }

    // membarrier: this thread sees all earlier stores of the others, and they
    // see what it knew. Orders plain accesses if `barriers_order_plain`.
    void barrier(unsigned thread);

    // Plain accesses. False: another thread's access to the same bytes is
    // ordered neither before nor after this one.
    bool read_plain(unsigned thread, std::uintptr_t at, std::size_t bytes);
    bool write_plain(unsigned thread, std::uintptr_t at, std::size_t bytes);
    // Called before each write of a run.
    void note_write(std::uintptr_t at, std::size_t bytes) noexcept;

    // The system changes whole pages: they become zero, or get the contents of
    // another page. False: a race, as above. A page that was never written
    // stays as it is, but for the word that names its last user.
    bool zero(unsigned thread, std::uintptr_t page, std::size_t bytes);
    bool copy(unsigned thread, std::uintptr_t to, std::uintptr_t from, std::size_t bytes);

    // For other ordering: a thread's knowledge, and the moments of it that
    // another thread knows.
    [[nodiscard]] std::uint16_t clock(unsigned thread) const { return view_[thread][thread]; }
    [[nodiscard]] bool knows(unsigned thread, unsigned other, std::uint16_t clock) const {
        return view_[thread][other] >= clock;
    }
    [[nodiscard]] std::int32_t pass(unsigned thread);
    void receive(unsigned thread, std::int32_t passed) {
        learn(thread, views_[static_cast<std::size_t>(passed)]);
    }
    // The end of the used part of the shared range.
    void use(std::uintptr_t end) {
        used_ = end - kSharedStart > used_ ? end - kSharedStart : used_;
    }

    // Whether a word is visible: in some run so far two threads used it, and
    // one of them wrote. Accesses to other words need no place in the schedule:
    // a switch before such an access can move to the thread's next visible one,
    // which changes nothing.
    bool note_use(unsigned thread, Word word, bool writes) noexcept;
    // Whether words became visible since this was last asked.
    [[nodiscard]] bool grew() noexcept;

  private:
    struct Store {
        std::uint64_t value;
        std::int32_t view;  // into views_; -1: passes nothing on
    };
    struct Location {
        std::vector<Store> stores;
        std::uint32_t newest_by_sc;
        unsigned size;
    };
    struct Plain {
        std::uint16_t write_clock;
        std::uint8_t writer;
        std::uint16_t read_clock[kMaxThreads];
    };
    struct Stamped {
        std::uint32_t run;
        std::uint32_t index;
    };

    Location& location(Word word, std::uint32_t& index);
    Plain& plain(std::uintptr_t granule);
    void append(unsigned thread, Word word, std::uint64_t value, int order, bool continues);
    [[nodiscard]] std::int32_t new_view(const View& from);
    [[nodiscard]] std::uint16_t known(unsigned thread, std::uint32_t index) const;
    void learn(unsigned thread, const View& from);
    void set_known(unsigned thread, std::uint32_t index, std::uint32_t position);

    [[nodiscard]] bool zero_word(unsigned thread, std::uintptr_t word);

    std::uint32_t run_ = 0;
    std::size_t reserved_ = 0;  // for the set-up's objects
    std::size_t used_ = 0;
    unsigned threads_ = 0;
    bool grew_ = false;

    std::vector<Location> locations_;
    std::uint32_t located_ = 0;  // the number of locations_ in this run
    std::vector<View> views_;
    std::uint32_t viewed_ = 0;
    View view_[kMaxThreads];
    std::vector<Plain> plain_;

    struct Undo {
        std::uintptr_t at;
        std::uint64_t value;
    };
    std::vector<Undo> undo_;
    std::vector<std::uint8_t> copy_;  // for restored()

    // By shared address: the location or plain record of this run, whether it
    // is in undo_, and its users in any run.
    Stamped* word_of_;
    Stamped* plain_of_;
    std::uint32_t* undone_;
    std::uint8_t* users_;
    std::vector<bool> written_;  // pages that may hold something else than zero
};

}  // namespace interleave

#endif

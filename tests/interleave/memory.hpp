// The memory that the threads of a scenario share, as the C++ memory model sees it: every atomic word keeps the stores of this
// run, a load may return any that its order and what its thread knows leave open, and plain accesses that nothing orders are
// found. Knows nothing of threads but their numbers; the scheduler asks it. One thread of the system uses it.
#ifndef ASHLAR_TESTS_INTERLEAVE_MEMORY_HPP
#define ASHLAR_TESTS_INTERLEAVE_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace interleave {

inline constexpr unsigned kMaxThreads = 4;

// Where the shared memory lies: always at the same place, so that a schedule means the same in every process.
inline constexpr std::uintptr_t kSharedStart = std::uintptr_t{1} << 44;
inline constexpr std::size_t kSharedBytes = std::size_t{64} << 20;

inline bool is_shared(std::uintptr_t at) noexcept { return at - kSharedStart < kSharedBytes; }
inline bool is_shared(const volatile void* at) noexcept { return is_shared(reinterpret_cast<std::uintptr_t>(at)); }

// What a thread knows, or what a store passes on: for each thread how much of it happened before, for each word the oldest
// store that may still be read.
//   | thread 0 | ... | thread 3 | word 0 | word 1 | ...
using View = std::vector<std::uint16_t>;

class Memory {
  public:
    Memory();

    // For the set-up: bytes of the shared range that nobody has yet, all zero.
    [[nodiscard]] void* reserve(std::size_t bytes, std::size_t alignment);

    // A run begins: from here on what is written is undone by end_run().
    void begin_run(unsigned threads);
    // A run goes on with other threads, who know everything that was done so far: those of a fork's child.
    void begin_child(unsigned threads);
    void end_run();
    // Whether the memory is what it was when the first run began, byte by byte.
    [[nodiscard]] bool restored() const;
    // What the memory holds now is what every run begins with.
    void remember();

    // An atomic word of 1, 2, 4 or 8 bytes.
    struct Word {
        std::uintptr_t at;
        unsigned size;
    };
    [[nodiscard]] static std::uint64_t raw(Word word) noexcept;
    void set_raw(Word word, std::uint64_t value) noexcept;

    // How many of the newest stores this thread may read with this order, most four.
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

    // A barrier that this thread has the system put into every other one: it sees all that they stored before, and they see
    // what it knew. Orders no plain accesses.
    void barrier(unsigned thread);

    // Plain accesses. False: another thread's access to the same bytes is ordered neither before nor after this one.
    bool read_plain(unsigned thread, std::uintptr_t at, std::size_t bytes);
    bool write_plain(unsigned thread, std::uintptr_t at, std::size_t bytes);
    // Before anything is written in a run, by whomever.
    void note_write(std::uintptr_t at, std::size_t bytes) noexcept;

    // Whether a word is visible: in some run so far two threads used it, and one of them wrote. What is not visible needs no
    // place in the schedule: moving a switch from before such an access to the thread's next visible one changes nothing.
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

    std::uint32_t run_ = 0;
    std::size_t used_ = 0;
    unsigned threads_ = 0;
    bool grew_ = false;

    std::vector<Location> locations_;
    std::uint32_t located_ = 0;  // of locations_ in this run
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

    // By the shared address: which location or plain record this run uses for it, whether it is in undo_ already, and who uses
    // it in any run.
    Stamped* word_of_;
    Stamped* plain_of_;
    std::uint32_t* undone_;
    std::uint8_t* users_;
};

}  // namespace interleave

#endif

// A thread that outlives the victim: it works on the same classes, recovers,
// and accounts for every byte. It throws Failure at the first fault.
#ifndef ASHLAR_KILL_SURVIVOR_HPP
#define ASHLAR_KILL_SURVIVOR_HPP

#include <stdexcept>
#include <string>
#include <vector>

#include "operations.hpp"
#include "support/random.hpp"

namespace kills {

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Survivor {
  public:
    Survivor(View& view, Lives& lives, Owner me, const Notes& notes, const Operation& operation,
             std::uint64_t seed);

    /// Allocates and frees blocks of all kinds, and frees some of the noted
    /// ones. Keeps up to ten.
    void work();
    /// Takes a slab, and some of its blocks.
    void hold();
    /// Frees its blocks, and leaves its slabs.
    void release();
    /// Recovers until no dead thread is left. Fails if one stays although this
    /// thread, and the holder of other slabs, have left theirs.
    void recover(std::uint32_t dead, Survivor& holder);
    /// While no thread is dead, or another thread recovers, nothing is done.
    void recover_in_vain();
    /// Every live block is known, or the one in doubt; then every block of a
    /// class can be allocated once; then all units are free. Ends with an empty
    /// heap. `died`: else the operation has been completed.
    void account(bool died);
    /// Tells the notes which blocks are live, its own ones too.
    void note_to(Notes& notes) const;

  private:
    void check_content(Known block);
    [[nodiscard]] Known take(std::size_t size);
    void free(Known block);
    void free_noted();
    void check_own_slabs() const;
    void step();

    void check_live(bool died);
    void expect_target(bool died, std::vector<Known>& expected, std::uint32_t& unknown);
    void check_doubts(const std::vector<Known>& extra);
    void fill(std::size_t size);
    void check_full(std::uint32_t size_class) const;
    void finish_half();
    void empty();

    View& view_;
    Blocks& blocks_;
    Lives& lives_;
    Owner me_;
    const Notes& notes_;
    const Operation& operation_;
    Random random_;
    std::vector<Known> noted_;  // blocks of the notes that this thread has not freed
    std::vector<Known> own_;
    std::vector<Known> live_;  // all blocks, as found
    bool half_done_ = false;   // the free of Notes::half
};

}  // namespace kills

#endif

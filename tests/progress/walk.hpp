// Steps a scripted worker through one operation, and stops it inside the
// allocator.
#ifndef ASHLAR_PROGRESS_WALK_HPP
#define ASHLAR_PROGRESS_WALK_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operations.hpp"
#include "support/tracee.hpp"
#include "worker_process.hpp"

namespace progress {

using tracing::Place;
using tracing::Text;
using tracing::Tracee;

struct Tally {
    std::uint64_t instructions = 0;  // of the allocator: the most in one instance
    std::uint64_t calls = 0;         // of the allocator in one instance
    std::uint64_t frozen = 0;        // points at which the victim stood still, or ended
    std::uint64_t blocked = 0;
    std::uint64_t longest_call = 0;  // in the victim's own instructions
    std::int64_t most_lost = 0;      // units, by one end
    std::int64_t lost = 0;
    bool spreads = false;                    // the heap grew although memory was free
    std::map<std::string, unsigned> places;  // where it blocked the others
};

/// The points of one operation, numbered from 1 by the victim's instructions
/// inside the allocator and in functions that it calls.
class Walk {
  public:
    Walk(Worker& worker, std::uint32_t operation, double patience);

    /// Goes through one instance, and lets the helpers do a round at each of
    /// the points, in order. Stops at the first that blocks them. Returns the
    /// number of points that it reached.
    std::size_t freeze(const std::vector<std::uint64_t>& points);
    /// Goes to one point, lets the helpers do a round, ends the victim there,
    /// and lets them do another round and an audit. False: the instance was
    /// shorter.
    bool end_at(std::uint64_t point);
    /// Counts the memory before the first end, to compare with.
    void take_stock();

    [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
    void merge_into(Tally& sum) const;

  private:
    /// The position: in a call of the allocator or between two.
    struct Progress {
        bool inside = false;
        std::uintptr_t back = 0;  // the call returns to here
        std::uintptr_t sp = 0;    // its stack at entry
        std::uint64_t in_call = 0;
        std::uint64_t inside_all = 0;
        std::uint64_t calls = 0;
    };

    void begin();
    /// Updates the position after a step; true: at a new instruction inside.
    bool look(Progress& progress);
    /// Steps to the next instruction inside. Any other event than `stopped`:
    /// the operation is over.
    Tracee::Event advance(Progress& progress);
    void finish(const Progress& progress);
    bool round(Round kind = Round::work);
    /// Called if the helpers did not finish: lets the victim go on, and then
    /// they must.
    void blame();

    Worker& worker_;
    std::uint32_t operation_;
    double patience_;
    Text text_;
    std::optional<Tracee> victim_;
    std::int64_t held_ = 0;
    std::uint64_t spread_ = 0;
    Tally tally_;
};

}  // namespace progress

#endif

// Strategies: all schedules of a scenario up to a bound, random ones from a
// seed, or a given one.
#ifndef ASHLAR_TESTS_MODEL_EXPLORER_HPP
#define ASHLAR_TESTS_MODEL_EXPLORER_HPP

#include <cstdint>
#include <vector>

#include "scheduler.hpp"

namespace interleave {

struct Bounds {
    // Away from a thread that could go on: preemptions, in the words of
    // Musuvathi and Qadeer.
    unsigned switches;
    unsigned old;  // loads that read something else than the newest store
};

// Runs every schedule within the bounds once, in depth-first order.
class Exhaustive : public Strategy {
  public:
    explicit Exhaustive(Bounds bounds) : bounds_(bounds) {}

    // Before each run. False: there are no more schedules.
    [[nodiscard]] bool next();
    void restart() { path_.clear(), begun_ = false; }

    Move turn(const Turn& turn) override;
    unsigned age(std::uint32_t step, unsigned readable) override;

  private:
    struct Choice {
        std::uint16_t chosen;
        std::uint16_t options;
    };
    unsigned pick(unsigned options);

    Bounds bounds_;
    Bounds spent_{};
    std::vector<Choice> path_;
    std::size_t depth_ = 0;
    bool begun_ = false;
};

// A schedule that the seed determines. Even seeds walk at random: the seed sets
// the rates of switches and of old values. Odd seeds give the threads
// priorities, which change at a few random steps (Burckhardt et al., "A
// randomized scheduler with probabilistic guarantees of finding bugs", 2010).
class Random : public Strategy {
  public:
    Random(std::uint64_t seed, std::uint32_t usual_steps);

    Move turn(const Turn& turn) override;
    unsigned age(std::uint32_t step, unsigned readable) override;

  private:
    std::uint64_t draw();
    bool one_in(std::uint64_t n) { return draw() % n == 0; }
    [[nodiscard]] unsigned some(unsigned set);
    [[nodiscard]] unsigned first_by_priority(unsigned set) const;

    std::uint64_t state_;
    bool by_priority_;
    bool stops_ = false;
    std::uint64_t switch_rate_;
    std::uint64_t old_rate_;
    std::uint64_t stop_step_;
    std::uint64_t death_step_[2];
    // Steps at which the running thread gets the lowest priority.
    std::vector<std::uint32_t> changes_;
    unsigned priority_[kMaxThreads];
    unsigned lowest_ = 0;
};

class Replay : public Strategy {
  public:
    explicit Replay(const Schedule& schedule) : schedule_(schedule) {}

    // The repeated run knew which words are visible.
    [[nodiscard]] bool everywhere() const override { return true; }
    Move turn(const Turn& turn) override;
    unsigned age(std::uint32_t step, unsigned readable) override;

  private:
    [[nodiscard]] const Deviation* at(std::uint32_t step, bool old) const;

    Schedule schedule_;
};

}  // namespace interleave

#endif

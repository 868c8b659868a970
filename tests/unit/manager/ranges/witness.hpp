// A policy around another one that knows all holes itself, says by brute force
// which one must be chosen, and whether the heap keeps to what policy.hpp
// promises a policy.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_RANGES_WITNESS_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_RANGES_WITNESS_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <ashlar/policy.hpp>

struct Hole {
    ashlar::RangeId id;
    ashlar::Offset start;
    ashlar::Size size;
    std::uint64_t changed;  // when it was inserted or moved last, counted in calls
    std::uint64_t listed;   // when it was inserted, or grew, or moved to another class of TLSF

    // Where an aligned block would begin.
    [[nodiscard]] ashlar::Offset cut(ashlar::Size alignment) const;
    [[nodiscard]] bool fits(ashlar::Size wanted, ashlar::Size alignment) const;
};

// The class of a size in TLSF's first list, by definition: sizes below 64 have
// each their own, and then each power of two has 32.
[[nodiscard]] unsigned tlsf_class(ashlar::Size size);

class Witness final : public ashlar::Policy {
  public:
    explicit Witness(ashlar::Placement placement);

    [[nodiscard]] const char* name() const noexcept override { return inner_->name(); }
    [[nodiscard]] std::size_t state_bytes(ashlar::Size limit) const noexcept override {
        return inner_->state_bytes(limit);
    }
    void attach(ashlar::Ranges ranges, void* state, bool fresh) noexcept override;
    void insert(ashlar::RangeId hole) noexcept override;
    void erase(ashlar::RangeId hole) noexcept override;
    void move(ashlar::RangeId hole, ashlar::Offset start, ashlar::Size size) noexcept override;
    [[nodiscard]] ashlar::RangeId find(ashlar::Size size, ashlar::Size alignment) noexcept override;
    [[nodiscard]] bool knows(ashlar::Strategy strategy) const noexcept override {
        return inner_->knows(strategy);
    }
    [[nodiscard]] ashlar::RangeId find_by(ashlar::Strategy strategy, ashlar::Size size,
                                          ashlar::Size alignment) noexcept override;
    [[nodiscard]] ashlar::Size largest() const noexcept override { return inner_->largest(); }
    [[nodiscard]] ashlar::Size rounded(ashlar::Size size,
                                       ashlar::Size alignment) const noexcept override {
        return inner_->rounded(size, alignment);
    }
    [[nodiscard]] ashlar::Size piece(ashlar::Offset start,
                                     ashlar::Size size) const noexcept override {
        return inner_->piece(start, size);
    }
    [[nodiscard]] bool shaped() const noexcept override { return inner_->shaped(); }
    [[nodiscard]] bool merges(const ashlar::Range& low,
                              const ashlar::Range& high) const noexcept override {
        return inner_->merges(low, high);
    }
    [[nodiscard]] bool check(std::uint64_t holes) const noexcept override {
        return holes == holes_.size() && inner_->check(holes);
    }

    [[nodiscard]] const std::map<ashlar::RangeId, Hole>& holes() const { return holes_; }
    // The hole that was found last.
    [[nodiscard]] const Hole& chosen() const { return chosen_; }
    // The first fault; empty if there was none.
    [[nodiscard]] const std::string& fault() const { return fault_; }
    std::uint64_t calls() const { return calls_; }

  private:
    void blame(const std::string& what);
    void expect_unchanged(ashlar::RangeId hole, const char* call);
    [[nodiscard]] bool better(const Hole& a, const Hole& b) const;
    [[nodiscard]] const Hole* best(ashlar::Size size, ashlar::Size alignment) const;
    [[nodiscard]] const Hole* best_from(ashlar::Offset from, ashlar::Size size,
                                        ashlar::Size alignment) const;
    template <class Good>
    [[nodiscard]] const Hole* best_of(Good good) const;
    [[nodiscard]] const Hole* tlsf_choice(ashlar::Size size, ashlar::Size alignment) const;
    // Of linear and ring: the hole that touches the tip, at which the last
    // block ended.
    [[nodiscard]] bool has_tip() const;
    [[nodiscard]] const Hole* gap(ashlar::Size size, ashlar::Size alignment) const;
    [[nodiscard]] const Hole* linear_choice(ashlar::Size size, ashlar::Size alignment) const;
    void look_for_tip(const Hole& hole);
    void judge(const std::string& call, ashlar::RangeId found, const Hole* expected);
    [[nodiscard]] const Hole* buddy_choice(ashlar::Size size, ashlar::Size alignment) const;

    ashlar::Placement placement_;
    std::unique_ptr<ashlar::Policy> inner_;
    std::map<ashlar::RangeId, Hole> holes_;
    Hole chosen_{};
    ashlar::Offset rover_ = 0;  // of next fit; the tip of linear and ring
    ashlar::RangeId gap_ = ashlar::no_range;
    std::uint64_t calls_ = 0;
    std::string fault_;
};

#endif

// A policy of the program: a set of holes, of which it gives the first that
// fits. For tests that derive from it.
#ifndef ASHLAR_TESTS_UNIT_MANAGER_SET_POLICY_HPP
#define ASHLAR_TESTS_UNIT_MANAGER_SET_POLICY_HPP

#include <algorithm>
#include <ashlar/policy.hpp>
#include <cstdint>
#include <set>

class SetPolicy : public ashlar::Policy {
  public:
    const char* name() const noexcept override { return "set"; }
    void attach(ashlar::Ranges ranges, void*, bool) noexcept override { ranges_ = ranges; }
    void insert(ashlar::RangeId hole) noexcept override { holes_.insert(hole); }
    void erase(ashlar::RangeId hole) noexcept override { holes_.erase(hole); }
    ashlar::RangeId find(ashlar::Size size, ashlar::Size alignment) noexcept override {
        for (const ashlar::RangeId hole : holes_) {
            if (fits(ranges_[hole], size, alignment)) return hole;
        }
        return ashlar::no_range;
    }
    ashlar::Size largest() const noexcept override {
        ashlar::Size most = 0;
        for (const ashlar::RangeId hole : holes_) most = std::max(most, ranges_[hole].size);
        return most;
    }
    bool check(std::uint64_t holes) const noexcept override { return holes_.size() == holes; }

  private:
    std::set<ashlar::RangeId> holes_;
};

#endif

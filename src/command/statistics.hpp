// Whether two series of runs differ.
//
// Runs are compared in pairs: each round runs every allocator once, and gives
// each one ratio to the system malloc of the same round, so that what changes
// slowly (clock frequency, neighbours, caches of the disk) cancels. The ratio
// that is reported is the median of these. Around it lies the interval from the
// k-th smallest to the k-th largest ratio, with the largest k for which it
// covers the true median with at least 15/16 probability: the classic
// order-statistics interval, that is the sign test turned round, which assumes
// nothing about how the times are distributed. P(not covered) = 2 *
// P(Binomial(n, 1/2) < k). Five runs give the whole range (15/16); nine leave
// out one on each side. There is a difference if the interval lies wholly below
// 0.99 or above 1.01; less than one percent is never called a difference. With
// fewer than five runs no interval is that sure.
#ifndef ASHLAR_COMMAND_STATISTICS_HPP
#define ASHLAR_COMMAND_STATISTICS_HPP

#include <vector>

namespace ashlar::command {

struct Spread {
    double median = 0;
    double low = 0;   // the smallest value
    double high = 0;  // the largest
    /// Half the range, as a share of the median.
    [[nodiscard]] double relative() const noexcept {
        return median > 0 ? (high - low) / 2 / median : 0;
    }
};

enum class Outcome { less, more, no_difference, too_few };

struct Difference {
    double ratio = 1;  // median of the paired ratios
    double low = 1;    // the interval around it; of too few runs: their range
    double high = 1;
    Outcome outcome = Outcome::no_difference;
};

/// `values` must not be empty.
Spread spread(std::vector<double> values);

/// The rank k of the interval for n pairs, counted from 1; 0 where n is too
/// few.
int interval_rank(int pairs);

/// values[i] and baseline[i] belong to the same round. Both have the same,
/// positive length. A pair in which the baseline is not positive counts as
/// equal.
Difference difference(const std::vector<double>& values, const std::vector<double>& baseline);

}  // namespace ashlar::command

#endif

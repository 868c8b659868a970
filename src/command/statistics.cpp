#include "command/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace ashlar::command {
namespace {

constexpr double kMissed = 1.0 / 16;
constexpr double kMargin = 0.01;

double middle(const std::vector<double>& sorted) {
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 != 0 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

}  // namespace

Spread spread(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {middle(values), values.front(), values.back()};
}

int interval_rank(int pairs) {
    int rank = 0;
    double term = std::ldexp(1.0, -pairs);  // P(Binomial = rank)
    double below = term;                    // P(Binomial <= rank)
    while (2 * below <= kMissed) {
        ++rank;
        term *= static_cast<double>(pairs - rank + 1) / rank;
        below += term;
    }
    return rank;
}

Difference difference(const std::vector<double>& values, const std::vector<double>& baseline) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < values.size(); ++i)
        ratios.push_back(baseline[i] > 0 ? values[i] / baseline[i] : 1);
    std::sort(ratios.begin(), ratios.end());
    const int rank = interval_rank(static_cast<int>(ratios.size()));
    const auto edge = static_cast<std::size_t>(std::max(rank, 1) - 1);
    Difference result{middle(ratios), ratios[edge], ratios[ratios.size() - 1 - edge],
                      Outcome::no_difference};
    if (rank == 0) {
        result.outcome = Outcome::too_few;
    } else if (result.high < 1 - kMargin) {
        result.outcome = Outcome::less;
    } else if (result.low > 1 + kMargin) {
        result.outcome = Outcome::more;
    }
    return result;
}

}  // namespace ashlar::command

"""Separates real changes from noise: tests of two small samples, and the correction for many of them."""
import math
import statistics
from itertools import chain


def rank_p(first, second):
    """Mann and Whitney's test, two-sided; exact without ties (their published recurrence), by the normal approximation with
    its correction for ties otherwise."""
    m, n = len(first), len(second)
    u = sum((a > b) + 0.5 * (a == b) for a in first for b in second)
    everything = sorted(chain(first, second))
    ties = [everything.count(value) for value in set(everything)]
    if max(ties) == 1:
        counts = _rank_counts(m, n)
        low = sum(counts[:int(min(u, m * n - u)) + 1])
        return min(1.0, 2 * low / math.comb(m + n, m))
    total = m + n
    variance = m * n / 12 * (total + 1 - sum(t ** 3 - t for t in ties) / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(abs(u - m * n / 2) - 0.5, 0) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _rank_counts(m, n):
    """The number of arrangements of m and n values with each U: the coefficients of the Gaussian binomial."""
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return counts


def _beta_fraction(a, b, x):
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    result = d
    for k in range(1, 300):
        for step in (k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)),
                     -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))):
            d = 1 / (1 + step * d or tiny)
            c = 1 + step / c or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-13:
            break
    return result


def incomplete_beta(a, b, x):
    """The regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, 1 - x) / b


def welch_p(first, second):
    """Welch's t-test, two-sided: samples may differ in variance."""
    parts = [statistics.variance(sample) / len(sample) for sample in (first, second)]
    difference = statistics.fmean(first) - statistics.fmean(second)
    error = sum(parts)
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    t = difference / math.sqrt(error)
    freedom = error ** 2 / sum(part ** 2 / (len(sample) - 1) for part, sample in zip(parts, (first, second)))
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def adjusted(ps):
    """Benjamini and Hochberg: among all values of at most q, the expected share of false ones is at most q."""
    order = sorted(range(len(ps)), key=ps.__getitem__, reverse=True)
    result, least = [0.0] * len(ps), 1.0
    for place, index in enumerate(order):
        least = min(least, ps[index] * len(ps) / (len(ps) - place))
        result[index] = least
    return result


def quantile(found, share):
    """By interpolation; 0 without values."""
    found = sorted(found)
    if not found:
        return 0.0
    place = share * (len(found) - 1)
    low = int(place)
    return found[low] + (place - low) * (found[min(low + 1, len(found) - 1)] - found[low])

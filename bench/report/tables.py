"""Prints the tables of bench/peers.py."""
import statistics

from . import figures


def _text(value):
    if value is None:
        return "failed"
    return f"{value:,.1f}" if value < 10000 else f"{value:,.0f}"


def print_table(results, allocators, metric, title, subject, peers):
    """One line a workload, the worst ratio first; "(least)" is the ratio between the best rounds, which noise disturbs less
    than it does medians. Returns the ratios by workload."""
    print(f"\n{title}\n")
    names = "".join(f"{name:>12}" for name in allocators)
    print(f"{'workload':26}{names}{'ratio':>9}{'(least)':>11}  best peer")
    lines = []
    ratios = {}
    for workload, one in results.items():
        medians = figures.row_of(one["runs"], metric.key)
        ratio, best = figures.ratio_to_best(medians, subject, peers)
        least, _ = figures.ratio_to_best(figures.row_of(one["runs"], metric.key, min), subject, peers)
        cells = "".join(f"{_text(value and value * metric.factor):>12}" for value in medians.values())
        tail = f"{ratio:9.2f}{f'({least:.2f})':>11}  {best}" if ratio else f"{'-':>9}{'-':>11}"
        lines.append((ratio or 0, f"{workload:26}{cells}{tail}"))
        if ratio:
            ratios[workload] = ratio
    for _, line in sorted(lines, key=lambda item: -item[0]):
        print(line)
    return ratios


def print_means(results, allocators, metric, peers):
    """Every allocator's geometric mean of the ratio to the best peer, over the workloads that all have done."""
    def base(row):
        ratios = {name: figures.ratio_to_best(row, name, peers)[0] for name in row}
        return {name: ratio for name, ratio in ratios.items() if ratio}

    means, count = figures.mean_ratios(results, metric.key, list(allocators), base)
    cells = [f"{name} {mean:.3f}" for name, mean in means.items() if mean]
    if cells:
        print(f"\ngeometric mean of the ratio to the best peer, over {count} workloads: " + ", ".join(cells))


def print_over(ratios, metric, what, subject):
    over = sorted(((ratio, workload) for workload, ratio in ratios.items() if ratio > metric.limit), reverse=True)
    if not ratios:
        return
    names = ", ".join(f"{workload} {ratio:.2f}" for ratio, workload in over) or "none"
    print(f"{subject} over {metric.limit:.2f} of the best peer's {what}: {len(over)} of {len(ratios)}: {names}")


def print_startup(results, rounds, starts):
    print(f"\nStart-up of `true`: {rounds} rounds of {starts} starts\n")
    print(f"{'allocator':12}{'mean us':>10}{'least us':>10}{'peak KiB':>10}")
    for name, runs in results.items():
        mean, least, peak = (figures.figure(runs, key, statistics.median) for key in ("mean_us", "least_us", "peak_kib"))
        print(f"{name:12}{mean:10.1f}{least:10.1f}{peak:10.0f}")


def print_instructions(results):
    print("\nInstructions for malloc and free of 64 bytes (callgrind; the loop and the calls included)\n")
    for name, count in results.items():
        print(f"{name:12}{'does not run under valgrind' if count is None else f'{count:10.2f}'}", flush=True)

"""Runs the benchmarks under every allocator, saves and plots the results: for run.sh, peers.py and compare.py.

    allocators, machine      the compared allocators, and the machine
    workloads, programs,     run their programs under every allocator, in turn, and return the runs
    counts
    figures, noise           medians, spreads and ratios; changes and noise
    records, tables          results as files, and on a terminal
    plots, gnuplot, page     the report
"""

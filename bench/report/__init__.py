"""Runs the benchmarks under every allocator, keeps what they said, and draws it: for run.sh, peers.py and compare.py.

    allocators, machine      what is compared, and where
    workloads, programs,     what is run: each runs it under every allocator, in turn, and returns the runs
    counts
    figures, noise           medians, spreads and ratios; what is a change and what is noise
    records, tables          results as files, and on a terminal
    plots, gnuplot, page     the report
"""

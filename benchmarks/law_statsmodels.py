#!/usr/bin/env python3
"""Time that statsmodels takes for part of what LawFit does: reads runs as CSV on standard input, prints Markdown.

Per run: OLS of the score on exp(H) with Newey-West errors, and AR(1) by GLSAR with 10 rounds; intervals of both, R² and
the residuals. Guards, influence and the restricted likelihood have no counterpart. Medians of five, processor time of
one thread; the figure for 10,000 runs is the time per run times 10,000.
"""
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import csv
import statistics
import sys
import time

try:
    import numpy as np
    import statsmodels
    import statsmodels.api as sm
except ImportError as error:
    print(f"statsmodels is not compared with: {error}")
    sys.exit()

REPETITIONS = 5


def runs():
    found = {}
    for row in csv.DictReader(sys.stdin):
        found.setdefault(row["run"], []).append((float(row["entropy"]), float(row["score"])))
    return [np.array(points) for points in found.values()]


def newey_west(points):
    h, r = points.T
    lags = int(4 * (len(r) / 100) ** (2 / 9))
    fit = sm.OLS(r, sm.add_constant(np.exp(h))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    fit.conf_int(), fit.t_test([1, 1]).conf_int(), fit.rsquared, fit.resid


def glsar(points):
    h, r = points.T
    fit = sm.GLSAR(r, sm.add_constant(np.exp(h)), rho=1).iterative_fit(maxiter=10)
    fit.conf_int(), fit.t_test([1, 1]).conf_int(), fit.rsquared, fit.resid


def median_time(work, data):
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        for points in data:
            work(points)
        times.append((time.process_time() - start) / len(data))
    return statistics.median(times)


def main():
    data = runs()
    print(f"\n| statsmodels {statsmodels.__version__}, {len(data)} runs of {len(data[0])} points "
          "| µs per run | 10,000 runs, extrapolated, seconds |")
    print("| --- | --: | --: |")
    for name, work in (("OLS with Newey-West errors", newey_west), ("GLSAR, 10 rounds", glsar)):
        seconds = median_time(work, data)
        print(f"| {name} | {seconds * 1e6:.0f} | {seconds * 1e4:.1f} |")


main()

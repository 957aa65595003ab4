"""Reference values for ExpFit/Comparison by scipy and statsmodels.

Run: python3 compare_reference.py > compare_reference.json
"""

import json
import sys
from itertools import product

import numpy as np
import pandas
import scipy
import statsmodels
from scipy import stats
from scipy.special import gammaln
from statsmodels.formula.api import ols
from statsmodels.multivariate.manova import MANOVA
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway

rng = np.random.default_rng(20250522)


def hedges_g_av(arm, base):
    """Mean difference over the root of the mean variance, times the exact factor."""
    m = len(arm) - 1
    size = (arm.mean() - base.mean()) / np.sqrt((arm.var(ddof=1) + base.var(ddof=1)) / 2)
    return size * np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)


def paired(n, shift, margin=0.02, level=0.95):
    base = rng.normal(0.3, 0.02, n)
    arm = base + rng.normal(shift, 0.01, n)
    t = stats.ttest_rel(arm, base)
    interval = t.confidence_interval(level)
    flip = stats.permutation_test(
        (arm - base,), lambda x, axis: x.mean(axis=axis), permutation_type="samples",
        vectorized=True, n_resamples=np.inf)
    tost = max(
        stats.ttest_1samp(arm - base, -margin, alternative="greater").pvalue,
        stats.ttest_1samp(arm - base, margin, alternative="less").pvalue)
    return {
        "arm": arm.tolist(), "baseline": base.tolist(), "p": t.pvalue, "low": interval.low,
        "high": interval.high, "sign_flip_p": flip.pvalue, "equivalence_p": tost,
        "g": hedges_g_av(arm, base) if n > 2 else None,
    }


def law(arms, blocks, missing, effect, seed):
    """Additive model of arm and block: F by statsmodels' type II table, Pillai by MANOVA."""
    own = np.random.default_rng(seed)
    rows = []
    for arm, block in product(range(arms), range(blocks)):
        if (arm, block) in missing:
            continue
        a = 0.2 + 0.01 * block + effect * arm + own.normal(0, 0.004)
        c = 0.4 + 0.005 * block - 0.5 * effect * arm + own.normal(0, 0.006)
        rows.append({"arm": arm, "block": block, "a": a, "ceiling": c, "b": a + c})
    data = pandas.DataFrame(rows)
    tests = {}
    for name in ["a", "b", "ceiling"]:
        table = anova_lm(ols(f"{name} ~ C(block) + C(arm)", data).fit(), typ=1)
        row = table.loc["C(arm)"]
        tests[name] = [row["F"], row["df"], table.loc["Residual", "df"], row["PR(>F)"]]
    pillai, wilks = None, None
    if tests["a"][2] >= 2:
        result = MANOVA.from_formula("a + ceiling ~ C(block) + C(arm)", data).mv_test()
        table = result.results["C(arm)"]["stat"]
        pillai = float(table.loc["Pillai's trace", "Value"])
        row = table.loc["Wilks' lambda"]
        wilks = [float(row[k]) for k in ["F Value", "Num DF", "Den DF", "Pr > F"]]
    return {"rows": rows, "tests": tests, "pillai": pillai, "wilks": wilks}


def pooled(groups, level=0.95):
    """Mean of sizes' means; Satterthwaite by hand, one-way F by scipy."""
    k = len(groups)
    value = np.mean([g.mean() for g in groups])
    parts = np.array([g.var(ddof=1) / len(g) for g in groups]) / k**2
    df = parts.sum() ** 2 / sum(p**2 / (len(g) - 1) for p, g in zip(parts, groups))
    error = np.sqrt(parts.sum())
    half = error * stats.t.ppf(0.5 + level / 2, df)
    f = stats.f_oneway(*groups)
    return {
        "groups": [g.tolist() for g in groups], "value": value, "error": error, "df": df,
        "low": value - half, "high": value + half, "f": f.statistic, "f_p": f.pvalue,
    }


def curves(count, points, seed):
    """Johansen's statistic (1980) in matrices, over given laws and degrees of freedom."""
    own = np.random.default_rng(seed)
    laws = []
    for _ in range(count):
        root = own.normal(0, 0.01, (2, 2))
        covariance = root @ root.T + np.eye(2) * 2e-5
        theta = own.multivariate_normal([0.2, 0.4], covariance)
        laws.append((theta, covariance, float(own.integers(6, points))))
    weights = [np.linalg.inv(c) for _, c, _ in laws]
    total = sum(weights)
    common = np.linalg.solve(total, sum(w @ t for w, (t, _, _) in zip(weights, laws)))
    statistic = sum((t - common) @ w @ (t - common) for w, (t, _, _) in zip(weights, laws))
    correction = 0.0
    for w, (_, _, df) in zip(weights, laws):
        m = np.eye(2) - np.linalg.solve(total, w)
        correction += 0.5 * (np.trace(m @ m) + np.trace(m) ** 2) / df
    d1 = 2 * (count - 1)
    scale = d1 + 2 * correction - 6 * correction / (d1 + 2)
    d2 = d1 * (d1 + 2) / (3 * correction)
    return {
        "laws": [
            {"a": t[0], "ceiling": t[1], "var_a": c[0, 0], "cov": c[0, 1], "var_c": c[1, 1],
             "df": df} for t, c, df in laws],
        "f": statistic / scale, "df1": d1, "df2": d2,
        "p": stats.f.sf(statistic / scale, d1, d2),
    }


def main():
    p_values = [[0.01, 0.04, 0.03, 0.005], [0.2, 0.01, 0.01, 0.9, 0.03], [0.6]]
    f_tail = [
        [f, d1, d2, float(stats.f.sf(f, d1, d2))]
        for f in [0.01, 0.5, 1.0, 3.7, 40.0, 1e4]
        for d1, d2 in [(1, 1), (2, 1), (2, 5.5), (10, 20), (22, 4), (3, 400)]
    ]
    # Welch's one-way test is Johansen's with one number; checked here, not in the package.
    groups = [rng.normal(0, s, n) for s, n in [(1, 6), (2, 9), (0.5, 7)]]
    welch = anova_oneway(groups, use_var="unequal", welch_correction=True)
    w = np.array([len(g) / g.var(ddof=1) for g in groups])
    mean = sum(wi * g.mean() for wi, g in zip(w, groups)) / w.sum()
    d = sum((1 - wi / w.sum()) ** 2 / (len(g) - 1) for wi, g in zip(w, groups))
    own = sum(wi * (g.mean() - mean) ** 2 for wi, g in zip(w, groups)) / (2 + 2 * d - 6 * d / 4)
    assert abs(own - welch.statistic) < 1e-10, (own, welch.statistic)
    json.dump({
        "versions": {
            "python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__,
            "statsmodels": statsmodels.__version__, "pandas": pandas.__version__},
        "f_tail": f_tail,
        "holm": [
            {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in p_values],
        "paired": [paired(n, s) for n, s in [
            (2, 0.01), (3, 0.0), (3, 0.03), (5, 0.01), (8, -0.004), (16, 0.003)]],
        "pooled": [
            pooled([rng.normal(m, s, n) for m, s, n in case]) for case in [
                [(0.01, 0.01, 3), (0.0, 0.02, 3)],
                [(0.01, 0.01, 2), (0.03, 0.01, 4), (-0.01, 0.04, 3)],
                [(0.02, 0.005, 2)] * 5]],
        "law": [
            law(2, 4, set(), 0.004, 1), law(3, 3, set(), 0.0, 2), law(11, 3, set(), 0.003, 3),
            law(4, 5, {(0, 1), (2, 4), (3, 0)}, 0.002, 4), law(2, 2, set(), 0.0, 5),
            law(3, 2, set(), 0.002, 6)],
        "curves": [curves(2, 20, 1), curves(5, 40, 2), curves(12, 12, 3)],
    }, sys.stdout, indent=1)
    print()


main()

"""Reference values for ExpFitTests from independent implementations: prints one JSON document."""
import json
import sys

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats

rng = np.random.default_rng(20250522)


def quantiles():
    rows = []
    for dof in (1, 1.5, 2, 3, 4.7, 10, 38, 198, 5000, 2e6):
        for p in (0.5001, 0.6, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9995, 0.999999):
            rows.append([dof, p, float(stats.t.ppf(p, dof))])
        rows.append([dof, 0.025, float(stats.t.ppf(0.025, dof))])
    return rows


def curve(n, a, b, h0, h1, sigma, rho, offset=0.0):
    t = np.linspace(0, 1, n)
    h = h1 + (h0 - h1) * np.exp(-3 * t) + 0.003 * rng.standard_normal(n)
    e = np.empty(n)
    z = rng.standard_normal(n)
    e[0] = z[0]
    for i in range(1, n):
        e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * z[i]
    r = b - a * np.exp(h) + sigma * e + offset
    return 4 * np.arange(n), h, r


def dense_ar1(x, y):
    """REML estimate of rho in [0, 0.98], and the sandwich covariance of the OLS (intercept, slope)."""
    n = len(x)
    X = np.column_stack([np.ones(n), x - x.mean()])
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))

    def form(rho):
        V = rho**lags
        Vi = np.linalg.inv(V)
        G = X.T @ Vi @ X
        beta = np.linalg.solve(G, X.T @ Vi @ y)
        r = y - X @ beta
        q = r @ Vi @ r
        return q, -0.5 * ((n - 2) * np.log(q) + np.linalg.slogdet(V)[1] + np.linalg.slogdet(G)[1])

    grid = np.linspace(0, 0.98, 99)
    best = max(range(len(grid)), key=lambda i: form(grid[i])[1])
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(
        lambda r: -form(r)[1], bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    rho = max([float(found.x), 0.0, 0.98], key=lambda r: form(r)[1])
    s2 = form(rho)[0] / (n - 2)
    B = np.linalg.inv(X.T @ X)
    cov = s2 * B @ X.T @ (rho**lags) @ X @ B
    return rho, cov


def law(n, *args, **kwargs):
    step, h, r = curve(n, *args, **kwargs)
    x = np.exp(h)
    fit = sm.OLS(r, np.column_stack([np.ones(n), x])).fit()
    b, slope = fit.params
    out = {
        "step": step.tolist(), "entropy": h.tolist(), "score": r.tolist(), "a": -slope, "b": b,
        "ceiling": b + slope, "r2": fit.rsquared, "rmse": float(np.sqrt(np.mean(fit.resid**2))),
        "plain_a_se": fit.bse[1], "plain_b_se": fit.bse[0],
        "plain_ceiling_se": float(fit.t_test([1, 1]).sd[0, 0]),
        "plain_ab_covariance": -float(fit.cov_params()[0, 1]),
        "plain_ceiling_interval": fit.t_test([1, 1]).conf_int(0.05)[0].tolist(),
    }
    if n >= 8:
        rho, cov = dense_ar1(x, r)
        xb = x.mean()
        out["rho"] = rho
        # At x = x0 the height has gradient (1, x0 - mean); b is the height at 0, the ceiling at 1.
        gb, gc = np.array([1, -xb]), np.array([1, 1 - xb])
        out["a_se"] = float(np.sqrt(cov[1, 1]))
        out["b_se"] = float(np.sqrt(gb @ cov @ gb))
        out["ceiling_se"] = float(np.sqrt(gc @ cov @ gc))
        dof = max(1, n * (1 - rho) / (1 + rho) - 2)
        q = stats.t.ppf(0.975, dof)
        c = out["ceiling"]
        out["ceiling_interval"] = [c - q * out["ceiling_se"], c + q * out["ceiling_se"]]
    return out


def rivals():
    step, h, r = curve(41, 0.3, 0.7, 0.7, 0.2, 0.006, 0.3)
    k = 25

    def errors(features, test):
        X = np.column_stack([np.ones(k)] + [f[:k] for f in features])
        beta = np.linalg.lstsq(X, r[:k], rcond=None)[0]
        full = np.column_stack([np.ones(len(r))] + features) @ beta
        return float(np.sqrt(np.mean((full[test] - r[test]) ** 2)))

    test = slice(k, None)

    def aicc(features, count):
        X = np.column_stack([np.ones(len(r))] + features)
        beta = np.linalg.lstsq(X, r, rcond=None)[0]
        n = len(r)
        sse = ((r - X @ beta) ** 2).sum()
        return float(n * np.log(sse / n) + 2 * count + 2 * count * (count + 1) / (n - count - 1))

    def saturation(p, s):
        return p[0] - p[1] * np.exp(-p[2] * s / 160)

    best = min(
        (optimize.least_squares(lambda p: saturation(p, step[:k]) - r[:k], [r[k], 0.3, start],
                                xtol=1e-15, ftol=1e-15, gtol=1e-15) for start in (0.5, 2, 5, 10)),
        key=lambda f: f.cost)
    predicted = saturation(best.x, step)
    return {
        "step": step.tolist(), "entropy": h.tolist(), "score": r.tolist(), "training_points": k,
        "rmse": {
            "law": errors([np.exp(h)], test), "linear_in_entropy": errors([h], test),
            "line_in_step": errors([step.astype(float)], test), "mean": errors([], test),
            "saturation_in_step": float(np.sqrt(np.mean((predicted[test] - r[test]) ** 2))),
        },
        "aicc": {
            "law": aicc([np.exp(h)], 3), "linear_in_entropy": aicc([h], 3),
            "line_in_step": aicc([step.astype(float)], 3), "mean": aicc([], 2),
        },
    }


def scaling(sizes, counts, size_sd, seed_sd):
    """Moment estimates with dense matrices: E[y'My] = tr(M Omega) for M around the line and within sizes."""
    x = np.log(np.repeat(sizes, counts))
    n = len(x)
    group = np.repeat(np.arange(len(sizes)), counts)
    s = rng.uniform(0.002, 0.006, n)
    y = (-0.54 + 0.074 * x + size_sd * rng.standard_normal(len(sizes))[group]
         + np.sqrt(seed_sd**2 + s**2) * rng.standard_normal(n))
    X = np.column_stack([np.ones(n), x])
    B = np.linalg.inv(X.T @ X)
    M = np.eye(n) - X @ B @ X.T
    U = (group[:, None] == group[None, :]).astype(float)
    W = np.eye(n) - U / U.sum(1)
    S = np.diag(s**2)
    K = len(sizes)
    tv = max(0.0, (y @ W @ y - np.trace(W @ S)) / np.trace(W)) if n > K else None
    tu = max(0.0, (y @ M @ y - (tv or 0) * np.trace(M) - np.trace(M @ S)) / np.trace(M @ U))
    omega = tu * U + (tv or 0) * np.eye(n) + S
    beta = B @ X.T @ y
    x0 = np.log(2.0e6)
    z = np.array([1, x0])
    w = X @ B @ z
    var = w @ omega @ w + tu + (tv or 0) + np.mean(s**2)
    # Satterthwaite: the estimate is c1 Q1 + c2 Q2 + known, with Q1 and Q2 independent sums of squares.
    q1, q2 = y @ M @ y - y @ W @ y, y @ W @ y
    gu, gv = w @ U @ w + 1, w @ w + 1
    c1 = gu / np.trace(M @ U) if tu > 0 else 0
    c2 = 0.0
    if tv:
        c2 = gv / (n - K) - (c1 * (K - 2) / (n - K))
    err = (c1 * q1) ** 2 / (K - 2) + ((c2 * q2) ** 2 / (n - K) if n > K else 0)
    dof = min(n - 2, max(1, var**2 / err)) if err > 0 else n - 2
    if K == 3:
        dof = 1
    half = stats.t.ppf(0.975, dof) * np.sqrt(var)
    return {
        "sizes": np.repeat(sizes, counts).tolist(), "values": y.tolist(), "errors": s.tolist(),
        "intercept": beta[0], "slope": beta[1], "size_sd": np.sqrt(tu),
        "seed_sd": None if tv is None else float(np.sqrt(tv)), "at": 2.0e6,
        "low": float(z @ beta - half), "high": float(z @ beta + half),
    }


document = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__,
                 "statsmodels": statsmodels.__version__},
    "t_quantiles": quantiles(),
    "laws": [
        law(7, 0.3, 0.7, 0.7, 0.2, 0.006, 0.0),
        law(3, 0.1, 0.4, 0.9, 0.3, 0.01, 0.0),
        law(10, 0.3, 0.7, 0.7, 0.2, 0.006, 0.0),
        law(41, 0.39, 0.88, 0.65, 0.17, 0.009, 0.5),
        law(200, 0.21, 0.6, 0.55, 0.02, 0.009, 0.8),
        law(600, 0.08, 0.43, 1.24, 0.66, 0.005, 0.2),
        # A large offset of the score and hardly any movement of H: digits must not be lost.
        law(60, 0.3, 0.7, 0.501, 0.5, 0.0001, 0.3, offset=1000.0),
    ],
    "rivals": rivals(),
    "scaling": [
        scaling([13920, 23680, 83232, 302720], [2, 2, 2, 1], 0.02, 0.005),
        scaling([13920, 23680, 83232, 302720, 974080], [3, 3, 3, 3, 3], 0.0, 0.02),
        scaling([13920, 23680, 83232, 302720], [1, 1, 1, 1], 0.02, 0.01),
        scaling([13920, 83232, 302720], [2, 2, 2], 0.02, 0.005),
    ],
}
json.dump(document, sys.stdout, indent=1, default=float)
print()

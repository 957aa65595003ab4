"""Reference values for the estimators of one run: statsmodels, and dense matrices where it has none. Prints JSON."""
import json
import sys

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import integrate, optimize

rng = np.random.default_rng(20260117)
LIMIT = np.arctanh(0.98)


def run(n, rho, kind):
    t = np.linspace(0, 1, n)
    h = 0.2 + 0.5 * np.exp(-3 * t) + 0.003 * rng.standard_normal(n)
    z = rng.standard_t(3, n) / np.sqrt(3) if kind == "heavy" else rng.standard_normal(n)
    e = np.empty(n)
    e[0] = z[0]
    for i in range(1, n):
        e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * z[i]
    r = 0.7 - 0.3 * np.exp(h)
    r = r + (np.sqrt(r * (1 - r) / 1024) if kind == "binomial" else 0.008) * e
    return h, r


class Restricted:
    """The restricted likelihood of rho by dense matrices."""

    def __init__(self, X, y):
        self.X, self.y, self.n = X, y, len(y)
        self.lags = np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n)))

    def parts(self, rho):
        V = np.where(self.lags == 0, 1.0, np.power(rho, self.lags))
        Vi = np.linalg.inv(V)
        G = self.X.T @ Vi @ self.X
        r = self.y - self.X @ np.linalg.solve(G, self.X.T @ Vi @ self.y)
        return V, Vi, G, r, r @ Vi @ r

    def log(self, rho):
        V, _, G, _, q = self.parts(rho)
        return -0.5 * ((self.n - 2) * np.log(q) + np.linalg.slogdet(V)[1] + np.linalg.slogdet(G)[1])

    def score(self, rho):
        V, Vi, G, r, q = self.parts(rho)
        D = np.where(self.lags == 0, 0.0, self.lags * np.power(rho, np.maximum(self.lags - 1, 0)))
        ViX, Vir = Vi @ self.X, Vi @ r
        return -0.5 * (-(self.n - 2) * Vir @ D @ Vir / q + np.trace(Vi @ D)
                       - np.trace(np.linalg.solve(G, ViX.T @ D @ ViX)))

    def maximum(self):
        grid = np.tanh(np.linspace(-LIMIT, LIMIT, 121))
        best = int(np.argmax([self.log(r) for r in grid]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 120)]
        if self.score(low) * self.score(high) > 0:
            return float(grid[best])
        return optimize.brentq(self.score, low, high, xtol=1e-15, rtol=1e-14)

    def average(self):
        peak = self.maximum()
        top = self.log(peak)
        def mean(f):
            return integrate.quad(
                lambda z: f(z) * np.exp(self.log(np.tanh(z)) - top) * (1 - np.tanh(z) ** 2), -LIMIT, LIMIT,
                points=sorted({0.0, float(np.arctanh(peak)) * 0.999}), epsabs=1e-13, epsrel=1e-11,
                limit=400)[0]

        def degrees(z):
            r = max(0.0, np.tanh(z))
            return max(1.0, self.n * (1 - r) / (1 + r) - 2)

        total = mean(lambda z: 1.0)
        return np.tanh(mean(lambda z: z) / total), total / mean(lambda z: 1 / degrees(z))

    def sandwich(self, rho):
        V, _, _, _, q = self.parts(rho)
        B = np.linalg.inv(self.X.T @ self.X)
        return q / (self.n - 2) * B @ self.X.T @ V @ self.X @ B


def numbers(params, cov):
    """a, b, ceiling and their errors from the coefficients of 1 and exp(H)."""
    b, slope = params
    ends = {"a": np.array([0, 1.0]), "b": np.array([1.0, 0]), "ceiling": np.array([1.0, 1.0])}
    out = {"a": -slope, "b": b, "ceiling": b + slope, "ab_covariance": -cov[0, 1]}
    for name, g in ends.items():
        out[name + "_se"] = float(np.sqrt(g @ cov @ g))
    return {key: float(value) for key, value in out.items()}


def binomial(X, r, prompts):
    params = sm.OLS(r, X).fit().params
    for _ in range(300):
        share = np.clip(X @ params, 0.5 / prompts, 1 - 0.5 / prompts)
        fit = sm.WLS(r, X, weights=prompts / (share * (1 - share))).fit()
        params = fit.params
    return fit


def references(n, rho, kind):
    h, r = run(n, rho, kind)
    X = np.column_stack([np.ones(n), np.exp(h)])
    ols = sm.OLS(r, X).fit()
    out = {"entropy": h.tolist(), "score": r.tolist(), "ols": numbers(ols.params, ols.cov_params())}
    lags = int(np.floor(4 * (n / 100) ** (2 / 9)))
    hac = sm.OLS(r, X).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    out["hac"] = numbers(hac.params, hac.cov_params())
    out["hac_lags"] = lags
    huber = sm.RLM(r, X, M=sm.robust.norms.HuberT(1.345)).fit(tol=1e-15, conv="coefs", maxiter=3000)
    out["huber"] = numbers(huber.params, huber.cov_params())
    wls = binomial(X, r, 128)
    out["binomial"] = numbers(wls.params, wls.cov_params())
    likelihood = Restricted(X - np.array([0, X[:, 1].mean()]), r)
    peak = likelihood.maximum()
    gls = sm.GLS(r, X, sigma=likelihood.parts(peak)[0]).fit()
    out["gls"] = numbers(gls.params, gls.cov_params()) | {"rho": peak}
    mean, degrees = likelihood.average()
    turn = np.array([[1, -X[:, 1].mean()], [0, 1]])
    cov = turn @ likelihood.sandwich(mean) @ turn.T
    out["autoregressive"] = numbers(ols.params, cov) | {"rho": mean, "degrees_of_freedom": degrees}
    return out


json.dump({
    "versions": {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__,
                 "statsmodels": statsmodels.__version__},
    "runs": [references(*case) for case in (
        (12, 0.4, "even"), (41, 0.0, "even"), (60, 0.5, "binomial"), (100, 0.2, "heavy"), (240, 0.7, "even"))],
}, sys.stdout, indent=1)
print()

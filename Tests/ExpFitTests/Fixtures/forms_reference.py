"""Reference values for the forecast by both forms across sizes, by dense matrices and scipy. Prints JSON."""
import json
import sys

import numpy as np
import scipy
from scipy import optimize, stats

rng = np.random.default_rng(20260313)
SIZES = np.array([1.4e4, 3.3e4, 7.1e4, 1.5e5, 3.1e5])
TARGET, UNIT = 1e6, 1e5

size, base = [x.ravel() for x in np.meshgrid(SIZES, [0, 0, 0, 1, 1], indexing="ij")]
log_size = np.log(size)
count = len(size)
of_sizes = {n: 0.006 * rng.normal(size=2) for n in SIZES}
of_bases = {(n, k): 0.015 * rng.normal(size=2) for n in SIZES for k in (0, 1)}
draw = np.array([of_sizes[n] + of_bases[n, k] for n, k in zip(size, base)])
a = 0.10 + 0.02 * log_size + draw[:, 0] + 0.008 * rng.normal(size=count)
b = a - 0.22 + 0.042 * log_size + draw[:, 1] + 0.007 * rng.normal(size=count)
ceiling = b - a
error = {name: rng.uniform(0.004, 0.01, count) for name in ("a", "b", "ceiling")}

same_size = (size[:, None] == size).astype(float)
same_base = same_size * (base[:, None] == base)
parts = [same_size, same_base, np.eye(count)]


def covariance(components, known):
    return sum(c * part for c, part in zip(components, parts)) + np.diag(known)


def projection(V, X):
    Vi = np.linalg.inv(V)
    return Vi - Vi @ X @ np.linalg.solve(X.T @ Vi @ X, X.T @ Vi)


def restricted(y, X, known):
    """Variances of sizes, bases and runs by restricted likelihood; squares keep them above 0."""
    scale = np.var(y)

    def deviance(roots):
        V = covariance(roots**2 * scale, known)
        A = X.T @ np.linalg.solve(V, X)
        return np.linalg.slogdet(V)[1] + np.linalg.slogdet(A)[1] + y @ projection(V, X) @ y

    starts = [(0.5, 0.5, 0.5), (0.1, 0.5, 0.5), (0.5, 0.1, 0.5), (0.1, 0.1, 0.5)]
    options = dict(xatol=1e-11, fatol=1e-14, maxiter=20000, maxfev=20000)
    found = [optimize.minimize(deviance, s, method="Nelder-Mead", options=options) for s in starts]
    best = min(found, key=lambda f: f.fun).x
    best = optimize.minimize(deviance, best, method="Nelder-Mead", options=options).x ** 2
    return np.where(best < 1e-9 * best.max(), 0, best) * scale


X = np.c_[np.ones(count), log_size - log_size.mean()]
known = error["ceiling"] ** 2
components = restricted(ceiling, X, known)
V = covariance(components, known)
coefficients = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, ceiling))
place = np.array([1, np.log(TARGET) - log_size.mean()])

# Means of sizes by the ceiling's own weights, and the weights of the sizes.
means = np.zeros((len(SIZES), count))
weights, mean_variances = [], []
for row, n in enumerate(SIZES):
    inside = size == n
    block = V[np.ix_(inside, inside)]
    weights.append(np.linalg.solve(block, np.ones(inside.sum())).sum())
    within = block - components[0]
    precision = np.linalg.solve(within, np.ones(inside.sum()))
    means[row, inside] = precision / precision.sum()
    mean_variances.append(1 / precision.sum())
weights, mean_variances = np.array(weights), np.array(mean_variances)


def spread(y, X, known, left, right, new=1):
    """Variances of y around X, and the derivatives of left'Vright and a new run by them."""
    found = restricted(y, X, known)
    P = projection(covariance(found, known), X)
    active = [i for i in range(3) if found[i] > 0]
    information = np.array([[np.trace(P @ parts[i] @ P @ parts[j]) for j in active] for i in active])
    slope = np.array([left @ parts[i] @ right + new for i in active])
    return found, slope @ (2 * np.linalg.inv(information)) @ slope


def degrees(variance, own):
    return min(count - 2, max(1, 2 * variance**2 / own))


line_weights = place @ np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.inv(V))
found, own = spread(ceiling, X, known, line_weights, line_weights)
line_value = place @ coefficients
line_variance = line_weights @ V @ line_weights + found.sum() + np.median(known)
line_degrees = degrees(line_variance, own)


def power(y):
    target = means @ y
    residual = lambda p: np.sqrt(weights) * (p[0] * (SIZES / UNIT) ** p[1] - target) / np.std(target)
    p = optimize.least_squares(residual, (target.mean(), 0.1), xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    value = lambda n: p[0] * (n / UNIT) ** p[1]
    slopes = lambda n: np.array([(n / UNIT) ** p[1], value(n) * np.log(n / UNIT)]).T
    J = slopes(SIZES)
    return value, slopes(size), slopes(TARGET) @ np.linalg.solve(J.T @ (weights[:, None] * J), J.T * weights)


value_a, slopes_a, weights_a = power(a)
value_b, slopes_b, weights_b = power(b)
run_a, run_b = weights_a @ means, weights_b @ means
variance_a = covariance(restricted(a - value_a(size), slopes_a, error["a"] ** 2), error["a"] ** 2)
variance_b = covariance(restricted(b - value_b(size), slopes_b, error["b"] ** 2), error["b"] ** 2)
rest = ceiling - (value_b(size) - value_a(size))
found, own = spread(rest, slopes_b, known, run_a, run_b)
cross = (variance_a + variance_b - covariance(found, known)) / 2
power_value = value_b(TARGET) - value_a(TARGET)
power_variance = (run_a @ variance_a @ run_a + run_b @ variance_b @ run_b - 2 * run_a @ cross @ run_b
                  + found.sum() + np.median(known))
power_degrees = degrees(power_variance, own)


def evidence(residuals):
    deviance = lambda s: np.sum(np.log(s + mean_variances) + residuals**2 / (s + mean_variances))
    top = np.max(residuals**2)
    grid = np.r_[0, np.geomspace(1e-12 * top, top, 20001)]
    best = grid[np.argmin([deviance(s) for s in grid])]
    near = optimize.minimize_scalar(deviance, bounds=(0.99 * best, 1.01 * best), method="bounded",
                                    options=dict(xatol=1e-14)).fun if best > 0 else np.inf
    return -0.5 * min(deviance(0), deviance(best), near)


line_rest = means @ ceiling - np.c_[np.ones(len(SIZES)), np.log(SIZES) - log_size.mean()] @ coefficients
power_rest = means @ ceiling - (value_b(SIZES) - value_a(SIZES))
weight = 1 / (1 + np.exp(evidence(power_rest) - evidence(line_rest)))


def mixture(x, share):
    line = stats.t.cdf((x - line_value) / np.sqrt(line_variance), line_degrees)
    curve = stats.t.cdf((x - power_value) / np.sqrt(power_variance), power_degrees)
    return weight * line + (1 - weight) * curve - share


json.dump({
    "made_with": f"numpy {np.__version__}, scipy {scipy.__version__}, python {sys.version.split()[0]}",
    "target": TARGET, "size": size.tolist(), "base": base.tolist(), "a": a.tolist(), "b": b.tolist(),
    "ceiling": ceiling.tolist(), "a_se": error["a"].tolist(), "b_se": error["b"].tolist(),
    "ceiling_se": error["ceiling"].tolist(), "components": components.tolist(),
    "line": line_value, "line_half_width": stats.t.ppf(0.975, line_degrees) * np.sqrt(line_variance),
    "power": power_value, "power_half_width": stats.t.ppf(0.975, power_degrees) * np.sqrt(power_variance),
    "weight": weight, "average": weight * line_value + (1 - weight) * power_value,
    "low": optimize.brentq(mixture, -1, 2, args=(0.025,), xtol=1e-14),
    "high": optimize.brentq(mixture, -1, 2, args=(0.975,), xtol=1e-14),
}, sys.stdout, indent=1)
print()

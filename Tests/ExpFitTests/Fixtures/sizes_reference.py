"""The second stage by dense matrices: statsmodels' GLS under given variances, and variances by
restricted likelihood with scipy's optimisers. Writes sizes_reference.json beside this file.

    python3 sizes_reference.py
"""

import json
import pathlib

import numpy
import scipy
import scipy.optimize
import scipy.stats
import statsmodels
import statsmodels.api

rng = numpy.random.default_rng(20)


def design(sizes, bases, runs, drop=0):
    rows = [(size, base) for size in sizes for base in range(bases) for _ in range(runs)]
    keep = rng.permutation(len(rows))[: len(rows) - drop]
    return [rows[index] for index in sorted(keep)]


def matrices(rows):
    same_size = numpy.array([[float(p[0] == q[0]) for q in rows] for p in rows])
    same_base = numpy.array([[float(p == q) for q in rows] for p in rows])
    return same_size, same_base, numpy.eye(len(rows))


def deviance(components, parts, known, x, y):
    v = sum(c * part for c, part in zip(components, parts)) + numpy.diag(known)
    inverse = numpy.linalg.inv(v)
    normal = x.T @ inverse @ x
    beta = numpy.linalg.solve(normal, x.T @ inverse @ y)
    rest = y - x @ beta
    return (
        numpy.linalg.slogdet(v)[1] + numpy.linalg.slogdet(normal)[1] + rest @ inverse @ rest
    )


def restricted(parts, free, known, x, y):
    """Logarithms of the free variances by Nelder-Mead from several starts and every set of zeros."""
    scale = numpy.var(y)
    best = (deviance([0, 0, 0], parts, known, x, y), [0.0, 0.0, 0.0])
    places = [index for index in range(3) if free[index]]
    for mask in range(1, 2 ** len(places)):
        active = [place for bit, place in enumerate(places) if mask >> bit & 1]

        def value(logs):
            components = [0.0, 0.0, 0.0]
            for place, log in zip(active, logs):
                components[place] = scale * numpy.exp(numpy.clip(log, -60, 20))
            return deviance(components, parts, known, x, y)

        for start in (-1.0, -3.0, -6.0):
            found = numpy.full(len(active), start)
            for _ in range(3):
                found = scipy.optimize.minimize(
                    value, found, method="Nelder-Mead",
                    options={"xatol": 1e-11, "fatol": 1e-14, "maxiter": 8000, "maxfev": 8000},
                ).x
            at = [0.0, 0.0, 0.0]
            for place, log in zip(active, found):
                at[place] = float(scale * numpy.exp(log))
            # A set with fewer variances wins a tie: the larger set has then run towards 0.
            if value(found) < best[0] - 1e-9:
                best = (value(found), at)
    return best


def prediction(rows, components, parts, known, x, y, size):
    """Interval of a new run: Satterthwaite's degrees of freedom from the expected information of
    the variances above 0, the variance of a typical run's first stage the median."""
    v = sum(c * part for c, part in zip(components, parts)) + numpy.diag(known)
    inverse = numpy.linalg.inv(v)
    spread = numpy.linalg.inv(x.T @ inverse @ x)
    projector = inverse - inverse @ x @ spread @ x.T @ inverse
    place = numpy.array([1.0, numpy.log(size)])
    weights = place @ spread @ x.T @ inverse
    variance = weights @ v @ weights + sum(components) + numpy.median(known)
    active = [index for index in range(3) if components[index] > 0]
    information = numpy.array(
        [[numpy.trace(projector @ parts[i] @ projector @ parts[j]) for j in active] for i in active]
    )
    factors = numpy.array([weights @ parts[i] @ weights + 1 for i in active])
    degrees = len(rows) - 2.0
    if active:
        error = factors @ numpy.linalg.solve(information, 2 * factors)
        degrees = min(degrees, max(1.0, 2 * variance**2 / error))
    center = weights @ y
    half = scipy.stats.t.ppf(0.975, degrees) * numpy.sqrt(variance)
    return center - half, center + half


cases = []
for name, sizes, bases, runs, drop, sds, spread in [
    ("balanced", [13920, 23680, 83232, 302720], 2, 2, 0, (0.02, 0.015, 0.01), 1.0),
    ("unbalanced", [13920, 23680, 83232, 150912, 302720], 2, 3, 9, (0.02, 0.02, 0.01), 3.0),
    ("one base", [13920, 23680, 83232, 302720], 1, 3, 2, (0.03, 0.0, 0.01), 3.0),
    ("single runs", [13920, 23680, 83232, 150912, 302720], 1, 1, 0, (0.03, 0.0, 0.0), 3.0),
    ("no spread of sizes", [13920, 23680, 83232, 302720], 2, 3, 5, (0.0, 0.01, 0.01), 3.0),
    ("one run a base", [13920, 23680, 83232, 302720], 3, 1, 2, (0.03, 0.01, 0.01), 2.0),
    ("many", [1e4, 2e4, 4e4, 1e5, 3e5, 1e6, 3e6], 3, 3, 20, (0.02, 0.03, 0.02), 5.0),
    ("one uncertain run", [13920, 23680, 83232, 302720], 1, 2, 0, (0.02, 0.0, 0.01), 1e5),
]:
    rows = design(sizes, bases, runs, drop)
    errors = 0.006 * numpy.exp(rng.uniform(-0.5, 0.5, len(rows)) * numpy.log(spread))
    if spread > 1e4:
        errors = numpy.full(len(rows), 0.006)
        errors[3] = 1e3
    of_size = {size: sds[0] * rng.standard_normal() for size in sizes}
    of_base = {key: sds[1] * rng.standard_normal() for key in sorted(set(rows))}
    values = numpy.array(
        [
            0.08 * numpy.log(row[0]) - 0.5 + of_size[row[0]] + of_base[row]
            + sds[2] * rng.standard_normal() + error * rng.standard_normal()
            for row, error in zip(rows, errors)
        ]
    )
    parts = matrices(rows)
    x = numpy.column_stack([numpy.ones(len(rows)), numpy.log([row[0] for row in rows])])
    known = errors**2
    counts = len(rows), len(set(rows)), len(set(row[0] for row in rows))
    free = (counts[2] >= 3, counts[0] > counts[1] > counts[2], counts[0] > counts[2])
    least, components = restricted(parts, free, known, x, values)
    given = [3e-4, 2e-4 if free[1] else 0.0, 1e-4]
    v = sum(c * part for c, part in zip(given, parts)) + numpy.diag(known)
    model = statsmodels.api.GLS(values, x, sigma=v).fit()
    covariance = model.normalized_cov_params
    low, high = prediction(rows, components, parts, known, x, values, 2700000)
    cases.append(
        {
            "name": name, "sizes": [row[0] for row in rows], "bases": [row[1] for row in rows],
            "values": values.tolist(), "errors": errors.tolist(), "given": given,
            "intercept": model.params[0], "slope": model.params[1],
            "covariance": [covariance[0, 0], covariance[0, 1], covariance[1, 1]],
            "components": components, "deviance": least, "low": low, "high": high,
        }
    )

path = pathlib.Path(__file__).with_name("sizes_reference.json")
versions = {
    "numpy": numpy.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__
}
path.write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")

"""Reference fits of the rivals with numpy and scipy; run: python3 rivals_reference.py

Writes rivals_reference.json beside itself: for several runs the sigmoid in compute
R = R0 + (A - R0) / (1 + (Cmid / C)^B), R0 the first score and C the compute since the first point,
by scipy.optimize.least_squares over (A, ln Cmid, ln B) from a grid of starts within the bounds that
ExpFit searches, on all points and on the first 60 %; AICc with 5 parameters; held-out errors.
"""

import json
import math
import pathlib

import numpy
import scipy
from scipy.optimize import least_squares

HERE = pathlib.Path(__file__).parent


def sigmoid(parameters, start, log_compute):
    asymptote, middle, log_exponent = parameters
    with numpy.errstate(over="ignore"):
        share = 1 / (1 + numpy.exp(numpy.exp(log_exponent) * (middle - log_compute)))
    return start + (asymptote - start) * share


def fit(compute, scores):
    with numpy.errstate(divide="ignore"):
        log_compute = numpy.log(compute - compute[0])
    positive = log_compute[numpy.isfinite(log_compute)]
    low, high = positive[0] - math.log(10), positive[-1] + math.log(10)
    reach = 100 * (numpy.ptp(scores) + 1e-9)
    best = None
    for middle in numpy.linspace(low + 0.1, high - 0.1, 9):
        for log_exponent in numpy.log([0.3, 0.6, 1.2, 2.5, 5]):
            result = least_squares(
                lambda p: sigmoid(p, scores[0], log_compute) - scores,
                [scores[-1], middle, log_exponent],
                bounds=(
                    [scores[0] - reach, low, math.log(0.2)],
                    [scores[0] + reach, high, math.log(10)],
                ),
                x_scale=[0.1, 1, 1], xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000)
            if best is None or result.cost < best.cost:
                best = result
    return best, log_compute


def case(name, rng, count, exponent, middle, start, asymptote, noise, bend=0.0):
    steps = 4 * numpy.arange(count)
    compute = 1e12 * steps * (1 + bend * steps / steps[-1])
    with numpy.errstate(divide="ignore"):
        scores = sigmoid((asymptote, math.log(middle * 1e12), math.log(exponent)), start,
                         numpy.log(compute))
    scores = scores + noise * rng.standard_normal(count)
    cut = max(3, math.ceil(0.6 * count))
    whole, log_compute = fit(compute, scores)
    part, _ = fit(compute[:cut], scores[:cut])
    errors = sigmoid(part.x, scores[0], log_compute)[cut:] - scores[cut:]
    squares = 2 * whole.cost
    k = 5
    return {
        "name": name, "step": steps.tolist(), "compute": compute.tolist(),
        "score": scores.tolist(), "sse": squares,
        "aicc": count * math.log(squares / count) + 2 * k + 2 * k * (k + 1) / (count - k - 1),
        "asymptote": whole.x[0], "log_midpoint": whole.x[1],
        "held_out_rmse": float(numpy.sqrt(numpy.mean(errors**2))),
        "held_out_final": float(errors[-1]), "training_sse": 2 * part.cost,
    }


rng = numpy.random.default_rng(20260101)
cases = [
    case("usual", rng, 41, 1.4, 60, 0.05, 0.45, 0.004),
    case("early bend", rng, 60, 1.0, 20, 0.12, 0.33, 0.006, bend=0.5),
    case("steep", rng, 50, 4.0, 70, 0.1, 0.6, 0.005),
    case("falling", rng, 41, 1.2, 50, 0.5, 0.3, 0.004),
    case("long", rng, 300, 0.8, 300, 0.2, 0.7, 0.01, bend=1.0),
    case("short", rng, 9, 1.5, 12, 0.1, 0.4, 0.003),
]
document = {"numpy": numpy.__version__, "scipy": scipy.__version__, "cases": cases}
(HERE / "rivals_reference.json").write_text(json.dumps(document, indent=1) + "\n")

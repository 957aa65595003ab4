"""An Optuna study in SQLite: python optuna_study.py STORAGE nothing|true TRIALS.

Values are drawn at random, which is the cheapest way that Optuna has to choose them.
"""
import subprocess
import sys

import optuna

storage, objective, trials = sys.argv[1], sys.argv[2], int(sys.argv[3])


def run(trial):
    seed = trial.suggest_int("seed", 0, 1_000_000)
    if objective == "true":
        subprocess.run(["true"], check=True)
    return seed


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    storage=f"sqlite:///{storage}", study_name="bench", sampler=optuna.samplers.RandomSampler())
study.optimize(run, n_trials=trials)

"""Judges what a sweep left: every point done once, with the values of a sweep that nothing disturbed."""

import csv
import fcntl
import hashlib
import io
import json
import math
import pathlib

from place import Fault


def is_time(name):
    return name.endswith(("_seconds", "_per_second"))


def recorded(events):
    """The values that count, told from the event log alone: {step: {name: value}}, and repeated steps.

    An attempt voids all later steps of earlier ones; what it then records twice is a fault.
    """
    values, repeated, own = {}, 0, set()
    for line in events.read_bytes().split(b"\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "attempt":
            resumed = event["resume_step"]
            values = {step: kept for step, kept in values.items() if step <= resumed}
            own = set()
        elif event.get("event") == "metrics":
            repeated += event["step"] in own
            own.add(event["step"])
            values[event["step"]] = {
                name: value for name, value in event["values"].items() if not is_time(name)}
    return values, repeated


def table(text):
    """`exp metrics --csv` without the columns that measure time."""
    rows = list(csv.reader(io.StringIO(text)))
    kept = [index for index, name in enumerate(rows[0]) if not is_time(name)]
    return [[row[index] for index in kept] for row in rows]


class Truth:
    """What an undisturbed sweep of a spec records, by the hash of each point's configuration."""

    def __init__(self, place):
        status, _, errors = place.run("sweep", place.spec)
        if status != 0:
            raise Fault(f"the undisturbed sweep failed: {errors[-400:]}")
        self.points = {}
        for point in place.plan():
            self.points[point["config_hash"]] = self.facts(place, point["run"])
        if not all(math.isfinite(len(facts["values"])) for facts in self.points.values()):
            raise Fault("the undisturbed sweep recorded nothing")

    @staticmethod
    def facts(place, run):
        folder = place.runs / run
        result = json.loads((folder / "result.json").read_text())
        values, _ = recorded(folder / "events.jsonl")
        status, text, errors = place.run("metrics", run, "--csv")
        if status != 0:
            raise Fault(f"'exp metrics {run}' failed: {errors[-400:]}")
        policy = (folder / result["checkpoint"]).read_bytes()
        return {
            "series": result["series_sha256"], "values": values, "table": table(text),
            "policy": hashlib.sha256(policy).hexdigest()}


class Verdict:
    """What is wrong with a sweep that was carried on to its end."""

    def __init__(self):
        self.losses, self.duplicates, self.differing, self.others = [], [], [], []

    @property
    def problems(self):
        return self.losses + self.duplicates + self.differing + self.others

    def judge(self, place, truth, spoiled, store_is_spoiled):
        """Compares all points with the truth, then looks for what was left behind.

        `spoiled` counts for each run how often a final record of it was damaged: it may then succeed once more.
        """
        self.check_points(place, truth, spoiled)
        self.check_leftovers(place)
        self.check_store(place, store_is_spoiled)
        self.check_tables(place, truth)

    def check_points(self, place, truth, spoiled):
        seen = set()
        for point in place.plan():
            run, key = point["run"], point["config_hash"]
            folder = place.runs / run
            if key in seen:
                self.duplicates.append(f"{point['label']} is in the plan twice")
            seen.add(key)
            try:
                result = json.loads((folder / "result.json").read_text())
                values, repeated = recorded(folder / "events.jsonl")
                policy = hashlib.sha256((folder / result["checkpoint"]).read_bytes()).hexdigest()
            except (OSError, ValueError) as error:
                self.losses.append(f"run {run} ({point['label']}) is lost: {error}")
                continue
            expected = truth.points[key]
            if result["series_sha256"] != expected["series"] or values != expected["values"]:
                self.differing.append(f"run {run} ({point['label']}) recorded other values")
            if policy != expected["policy"]:
                self.differing.append(f"run {run} ({point['label']}) learned another policy")
            if repeated:
                self.duplicates.append(f"run {run} recorded {repeated} steps twice in one attempt")
            self.check_attempts(folder, spoiled.get(run, 0))
        for key in truth.points.keys() - seen:
            self.losses.append(f"point {key} is not in the plan")

    def check_attempts(self, folder, spoiled):
        path = folder / "attempts.jsonl"
        # Where nobody lived to write down the end, the final record alone says that the run succeeded.
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        successes = 0
        for line in lines:
            try:
                successes += json.loads(line).get("outcome") == "succeeded"
            except ValueError:
                self.others.append(f"'{path}' still has a line that is none")
        if successes > 1 + spoiled:
            self.duplicates.append(f"run {folder.name} succeeded {successes} times")

    def check_leftovers(self, place):
        for pid in place.trainers() + place.orchestrators():
            self.others.append(f"process {pid} is left")
        for pattern in ("*.lock", "*/trainer.lock", "bases/*/trainer.lock", "sweeps/*/lock"):
            for path in place.runs.glob(pattern):
                if not is_free(path):
                    self.others.append(f"'{path}' is held")

    def check_store(self, place, store_is_spoiled):
        status, output, errors = place.run("db", "check")
        if status != 0 and store_is_spoiled:
            # A flipped bit may be a wrong value that only the files can tell from the right one.
            place.run("db", "rebuild")
            status, output, errors = place.run("db", "check")
        if status != 0:
            self.others.append(f"'exp db check' says: {(output + errors)[-600:]}")

    def check_tables(self, place, truth):
        status, text, errors = place.run("runs", "--json")
        rows = json.loads(text) if status == 0 else []
        states = {row["config_hash"]: row["status"] for row in rows}
        if len(states) != len(rows):
            self.duplicates.append("'exp runs' lists a point twice")
        for point in place.plan():
            if states.get(point["config_hash"]) != "succeeded":
                state = states.get(point["config_hash"], "absent")
                self.losses.append(f"{point['label']} is {state} in 'exp runs' {errors[-200:]}")
            status, text, errors = place.run("metrics", point["run"], "--csv")
            if status != 0 or table(text) != truth.points[point["config_hash"]]["table"]:
                self.differing.append(f"'exp metrics' of {point['label']} differs {errors[-200:]}")


def is_free(path: pathlib.Path):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False

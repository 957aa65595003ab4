#!/usr/bin/env python3
"""A soak: real sweeps under random faults, each carried on to its end and compared with an undisturbed one.

Python, because signals, mounts and broken files are its daily work, and because a judge should share no code with what
it judges. `--seed` repeats the faults of a round; at which instant they hit is up to the machine.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import rounds
from judge import Truth
from place import Fault, Place

SPECS = [
    {"algorithm": "grpo", "steps": 240, "seeds": 3},
    {"algorithm": "reinforce", "steps": 400, "seeds": 2},
    {"algorithm": "ppo", "steps": 160, "seeds": 3},
]


def arguments():
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.split("\n")[0])
    parser.add_argument("programs", help="the folder of the built exp and exp-trainer")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, help="of the first round (default: from the clock)")
    parser.add_argument("--rounds", type=int, help="stop after so many")
    parser.add_argument("--kind", choices=sorted(rounds.KINDS), help="rounds of this kind only")
    parser.add_argument("--report", default="soak-report.txt", help="where the report goes")
    return parser.parse_args()


def enter_own_mounts():
    """Starts over in a mount namespace of its own where the system allows it, so that disks can be made."""
    if os.environ.get("SOAK_MOUNTS"):
        return
    for options in (["-m"], ["-r", "-m"]):
        probe = ["unshare", *options, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0:
            os.environ["SOAK_MOUNTS"] = "yes"
            command = ["unshare", *options, sys.executable, *sys.argv]
            os.execvp("unshare", command)
    os.environ["SOAK_MOUNTS"] = "no"
    print("soak: mounts are not allowed here, so rounds on small disks are left out")


def build_clock(folder):
    """Compiles the shim that moves a process's wall clock; None where there is no C compiler."""
    source = pathlib.Path(__file__).with_name("clock.c")
    library = folder / "clock.so"
    compiler = shutil.which("cc") or shutil.which("clang")
    command = [compiler or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)]
    if compiler is None or subprocess.run(command).returncode != 0:
        print("soak: no C compiler, so rounds with a jumping clock are left out")
        return None
    return library


class Soak:
    """The rounds, and what they add up to."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.programs = pathlib.Path(options.programs).resolve()
        self.counts = collections.Counter()
        self.totals = collections.Counter(losses=0, duplicates=0, differing=0, others=0)
        self.failures = []
        self.truths = {}
        self.clock = build_clock(work)
        self.kinds = [options.kind] if options.kind else self.possible_kinds()

    def possible_kinds(self):
        absent = set()
        if self.clock is None:
            absent.add("clock")
        if os.environ["SOAK_MOUNTS"] == "no":
            absent |= {"disk", "readonly"}
        return [kind for kind in rounds.WEIGHTED if kind not in absent]

    def truth(self, number):
        if number not in self.truths:
            place = Place(self.work / f"calm-{number}", self.programs, **SPECS[number])
            self.truths[number] = Truth(place)
        return self.truths[number]

    def round(self, seed):
        """One round in a folder of its own; a failing one keeps its folder."""
        dice = random.Random(seed)
        kind = random.Random(f"kind {seed}").choice(self.kinds)
        number = dice.randrange(len(SPECS))
        truth = self.truth(number)
        folder = self.work / f"round-{seed}"
        self.counts["rounds"] += 1
        try:
            with rounds.KINDS[kind](folder, self, SPECS[number], dice) as one:
                verdict = one.run(truth)
            problems = verdict.problems
            for name in ("losses", "duplicates", "differing", "others"):
                self.totals[name] += len(getattr(verdict, name))
        except (Fault, subprocess.TimeoutExpired, OSError, ValueError) as error:
            problems = [str(error)]
            self.totals["others"] += 1
        if problems:
            self.failures.append((seed, kind))
            print(f"soak: round {seed} ({kind}) FAILED; its files are in {folder}")
            for problem in problems[:10]:
                print(f"  {problem}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
            pathlib.Path(f"{folder}.log").unlink(missing_ok=True)

    def report(self, seconds, first, last):
        names = [
            "rounds", "runs", "starts of sweeps", "kills of orchestrators", "kills of trainers"]
        rest = sorted(self.counts.keys() - set(names))
        lines = [f"{self.counts[name]:8}  {name}" for name in names + rest]
        words = {
            "losses": "losses", "duplicates": "duplicates", "differing": "differing values",
            "others": "other faults"}
        lines += [f"{self.totals[name]:8}  {words[name]}" for name in words]
        head = f"soak of {seconds / 60:.1f} minutes, seeds {first} to {last}"
        tail = [
            f"failed: --seed {seed} --kind {kind} --rounds 1" for seed, kind in self.failures]
        return "\n".join([head, *lines, *tail]) + "\n"

    def run(self):
        first = self.options.seed if self.options.seed is not None else int(time.time()) % 10**6
        begin, seed = time.monotonic(), first
        told = begin
        while True:
            self.round(seed)
            now = time.monotonic()
            is_over = now - begin > self.options.minutes * 60
            if is_over or self.counts["rounds"] == self.options.rounds:
                break
            seed += 1
            if now - told > 60:
                told = now
                kills = self.counts["kills of orchestrators"] + self.counts["kills of trainers"]
                print(f"soak: {self.counts['rounds']} rounds, {kills} kills", flush=True)
        report = self.report(time.monotonic() - begin, first, seed)
        print(report, end="")
        pathlib.Path(self.options.report).write_text(report)
        return 1 if self.failures else 0


def main():
    options = arguments()
    enter_own_mounts()
    work = pathlib.Path(tempfile.mkdtemp(prefix="exp-soak-"))
    soak = Soak(options, work)
    status = soak.run()
    if status == 0:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(status)


main()

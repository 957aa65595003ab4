"""A folder in which a sweep runs: starting `exp`, finding its processes, reading what it left."""

import json
import os
import pathlib
import signal
import subprocess
import time

SPEC = """\
experiment: {name}
task: {{name: countdown, numbers: [3, 4]}}
base: {{steps: 200, batch_size: 32}}
train: {{algorithm: {algorithm}, steps: {steps}, prompts_per_step: 16, learning_rate: 1e-3}}
evaluate: {{every: 4, prompts: 32, samples: 2, keep: 2}}
checkpoints: {{seconds: 0.1}}
limits: {{retries: 40}}
grid: {{model.size: [14k, 24k], seed: {{from: 0, count: {seeds}}}}}
"""


class Fault(Exception):
    """Something that must not happen, whatever was done to the sweep."""


class Place:
    """One folder with a spec and the runs of its sweep."""

    def __init__(self, folder, programs, name="storm", environment=None, **spec):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = str(pathlib.Path(programs) / "exp")
        self.name = name
        self.environment = dict(os.environ, **(environment or {}))
        self.spec = f"{name}.yaml"
        (self.folder / self.spec).write_text(SPEC.format(name=name, **spec))
        self.store_is_spoiled = False
        self.log = self.folder.parent / f"{self.folder.name}.log"

    @property
    def runs(self):
        return self.folder / "runs"

    def start(self, *arguments):
        """Starts `exp` in the folder and returns at once; what it says goes to the round's log."""
        with open(self.log, "ab") as log:
            log.write(f"$ exp {' '.join(arguments)}\n".encode())
            log.flush()
            return subprocess.Popen(
                [self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=self.environment)

    def sweep(self):
        return self.start("sweep", self.spec)

    def run(self, *arguments, limit=300):
        """Runs `exp` to its end; returns its exit code and what it said on either stream."""
        done = subprocess.run(
            [self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, env=self.environment, timeout=limit)
        with open(self.log, "a") as log:
            log.write(f"$ exp {' '.join(arguments)}\n{done.stderr}[{done.returncode}]\n")
        if done.returncode < 0 or done.returncode == 70:
            raise Fault(f"'exp {arguments[0]}' ended with {done.returncode}: {done.stderr[-400:]}")
        return done.returncode, done.stdout, done.stderr

    def run_folders(self):
        """Yields the folders of runs and base policies."""
        for parent in (self.runs, self.runs / "bases"):
            for folder in sorted(parent.glob("[0-9a-f]" * 16)):
                yield folder

    def unfinished(self):
        return [folder for folder in self.run_folders() if not (folder / "result.json").exists()]

    def finished(self):
        return [folder for folder in self.run_folders() if (folder / "result.json").exists()]

    def plan(self):
        """The points of the sweep, as planned last."""
        path = self.runs / "sweeps" / self.name / "plan.json"
        return json.loads(path.read_text())["points"]

    def trainers(self):
        """Process ids of living trainers that work in this folder."""
        return [pid for pid, words in processes() if is_trainer(words, str(self.runs) + "/")]

    def orchestrators(self):
        """Process ids of living `exp`s that were started in this folder."""
        found = []
        for pid, words in processes():
            try:
                if words[0] == self.program and os.readlink(f"/proc/{pid}/cwd") == str(self.folder):
                    found.append(pid)
            except OSError:
                continue  # It ended between two looks.
        return found

    def kill_all(self):
        """Ends everything at once, as a power cut does; returns how many of each kind there were."""
        orchestrators, trainers = self.orchestrators(), self.trainers()
        for pid in orchestrators + trainers:
            send(pid, signal.SIGKILL)
        wait_until(lambda: not self.trainers() and not self.orchestrators(), 10)
        return len(orchestrators), len(trainers)

    def wait_for_quiet(self, seconds=60):
        """Waits until trainers whose orchestrator is gone have left by themselves."""
        if not wait_until(lambda: not self.trainers(), seconds):
            raise Fault(f"trainers {self.trainers()} still live {seconds} s after their parent died")


def processes():
    """Yields process id and command line of everything that lives and is no zombie."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            words = pathlib.Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")[:-1]
            state = pathlib.Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if words and state != "Z":
            yield int(name), [os.fsdecode(word) for word in words]


def is_trainer(words, runs):
    return words[0].endswith("exp-trainer") and any(word.startswith(runs) for word in words[1:])


def send(pid, number):
    """Sends a signal; returns whether there was somebody to get it."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

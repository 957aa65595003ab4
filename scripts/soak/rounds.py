"""The kinds of rounds: where a sweep lies, what happens to it, and how it is carried on."""

import collections
import shutil
import subprocess
import time

import damage
import storms
from judge import Verdict
from place import Fault, Place


class Round:
    """A sweep that is started, disturbed and started again, and in the end judged."""

    storms = storms.KILLS
    damage = damage.ALL
    damage_chance = 0.0
    spells = (5, 12)

    def __init__(self, folder, soak, spec, random):
        self.folder, self.soak, self.random, self.counts = folder, soak, random, soak.counts
        self.spec = spec
        self.spoiled = collections.Counter()
        self.has_failed = True

    def __enter__(self):
        self.place = Place(
            self.folder, self.soak.programs, environment=self.environment(), **self.spec)
        return self

    def __exit__(self, *error):
        self.place.kill_all()

    def environment(self):
        return {}

    def run(self, truth):
        for _ in range(self.random.randint(*self.spells)):
            self.spell()
            if len(self.place.finished()) == self.job_count():
                break
        self.carry_on()
        verdict = Verdict()
        verdict.judge(self.place, truth, self.spoiled, self.place.store_is_spoiled)
        self.counts["runs"] += len(truth.points)
        self.has_failed = bool(verdict.problems)
        return verdict

    def job_count(self):
        """How many runs and base policies the sweep has; more than there can be before it was planned."""
        try:
            points = self.place.plan()
        except OSError:
            return float("inf")
        return len(points) + len({point["base"] for point in points})

    def spell(self):
        """One start of the sweep with a fault in its midst, and perhaps damage after it."""
        sweep = self.place.sweep()
        self.counts["starts of sweeps"] += 1
        time.sleep(self.random.uniform(0.05, 1.2))
        if sweep.poll() is None:
            self.random.choice(self.storms)(self.place, sweep, self.random, self.counts)
        if self.random.random() < self.damage_chance:
            self.place.kill_all()
            self.spoil()
        self.settle(sweep)

    def settle(self, sweep):
        """Before the next spell the first sweep is over, or its successor meets what it left behind."""
        if sweep.poll() is None and self.random.random() < 0.9:
            sweep.kill()
            self.counts["kills of orchestrators"] += 1
        try:
            sweep.wait(timeout=120)
        except subprocess.TimeoutExpired:
            sweep.kill()
            raise Fault("'exp sweep' does not come to its end") from None

    def spoil(self):
        kind = self.random.choice(self.damage)
        before = {folder for folder in self.place.finished()}
        kind(self.place, self.random, self.counts)
        if kind is damage.damage_results:
            for folder in before:
                self.spoiled[folder.name] += 1
        if kind is damage.damage_store:
            self.place.store_is_spoiled = True

    def carry_on(self):
        """Runs the sweep to its end; a damaged store is rebuilt where `exp` says that it should be."""
        for _ in range(4):
            status, _, errors = self.place.run("sweep", self.place.spec)
            if status == 0:
                break
            if self.place.store_is_spoiled and "exp db rebuild" in errors:
                self.place.run("db", "rebuild")
                self.counts["stores rebuilt"] += 1
        if status != 0:
            raise Fault(f"the sweep cannot be carried on ({status}): {errors[-600:]}")
        status, _, errors = self.place.run("sweep", self.place.spec)
        if status != 0 or "nothing to run" not in errors:
            raise Fault(f"a finished sweep ran again: {errors[-400:]}")


class PowerRound(Round):
    """Power cuts among the kills, and torn files after them."""

    storms = [storms.lose_power, storms.lose_power, *storms.KILLS]
    damage = [damage.tear_lines, damage.lose_attempts]
    damage_chance = 0.3


class DamageRound(Round):
    """Files are broken between the starts."""

    damage_chance = 0.7


class ClockRound(Round):
    """The wall clock jumps while the sweep runs."""

    storms = [storms.move_clock, storms.move_clock, *storms.KILLS]
    damage_chance = 0.1

    def environment(self):
        shift = self.soak.work / f"{self.folder.name}.clock"
        shift.write_bytes(bytes(8))
        return {"LD_PRELOAD": str(self.soak.clock), "SOAK_CLOCK": str(shift)}


class DiskRound(Round):
    """The sweep lies on a disk of its own, of about the room that `exp` wants to see free."""

    storms = [storms.fill_disk, storms.fill_disk, *storms.KILLS]
    spells = (3, 6)

    def __enter__(self):
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=640m", "tmpfs", str(self.folder)]
        subprocess.run(mount, check=True)
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        kept = self.folder.with_suffix(".kept")
        if self.has_failed:
            shutil.copytree(self.folder, kept, ignore=shutil.ignore_patterns("ballast"))
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        self.folder.rmdir()
        if kept.exists():
            kept.rename(self.folder)


class ReadOnlyRound(DiskRound):
    """The disk turns read-only between starts: `exp` must say so, and what can be read is read."""

    storms = storms.KILLS

    def spell(self):
        super().spell()
        self.place.kill_all()
        self.remount("ro")
        status, _, errors = self.place.run("sweep", self.place.spec)
        if status == 0 and "nothing to run" not in errors:
            raise Fault(f"a sweep on a read-only disk claims to be done: {errors[-400:]}")
        if status not in (0, 1) or str(self.place.runs) not in errors:
            raise Fault(f"a read-only disk is not told as such ({status}): {errors[-400:]}")
        status, _, errors = self.place.run("runs", "--json")
        if status != 0:
            raise Fault(f"'exp runs' cannot read a read-only disk: {errors[-400:]}")
        self.remount("rw")
        self.counts["read-only disks"] += 1

    def remount(self, mode):
        """Remounts; a process that was just killed may take a moment to let go of its files."""
        for _ in range(100):
            done = subprocess.run(
                ["mount", "-o", f"remount,{mode}", str(self.folder)], capture_output=True, text=True)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        raise Fault(f"after all were killed somebody still writes below {self.folder}: {done.stderr}")


KINDS = {
    "kills": Round, "power": PowerRound, "damage": DamageRound, "clock": ClockRound,
    "disk": DiskRound, "readonly": ReadOnlyRound,
}
WEIGHTED = ["kills"] * 4 + ["power"] * 3 + ["damage"] * 4 + ["clock"] * 2 + ["disk"] + ["readonly"]

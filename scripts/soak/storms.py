"""Faults while a sweep runs: killed, frozen and stopped processes, clocks that jump, disks that fill up."""

import collections
import os
import signal
import struct
import time

from damage import power_cut
from place import Fault, send, wait_until

Counts = collections.Counter


def kill_orchestrator(place, sweep, random, counts):
    """`kill -9` of `exp sweep`; its trainers see their parent vanish."""
    sweep.kill()
    sweep.wait()
    counts["kills of orchestrators"] += 1
    if random.random() < 0.2:
        place.wait_for_quiet()


def kill_trainers(place, sweep, random, counts):
    """`kill -9` of some of the trainers at work."""
    for pid in place.trainers():
        if random.random() < 0.7 and send(pid, signal.SIGKILL):
            counts["kills of trainers"] += 1


def kill_everything(place, sweep, random, counts):
    """`kill -9` of all at once, as the kernel does when memory runs out."""
    orchestrators, trainers = place.kill_all()
    sweep.wait()
    counts["kills of orchestrators"] += orchestrators
    counts["kills of trainers"] += trainers


def lose_power(place, sweep, random, counts):
    """All processes end at once, and what was not synced is gone, in part or whole."""
    kill_everything(place, sweep, random, counts)
    power_cut(place, random)
    counts["power cuts"] += 1


def freeze_trainer(place, sweep, random, counts):
    """Stops a trainer for a moment; now and then its orchestrator dies meanwhile."""
    pids = place.trainers()
    if not pids:
        return
    pid = random.choice(pids)
    if not send(pid, signal.SIGSTOP):
        return
    time.sleep(random.uniform(0.02, 0.8))
    if random.random() < 0.3:
        sweep.kill()
        sweep.wait()
        counts["kills of orchestrators"] += 1
        # The frozen trainer still holds its run: the next sweep waits for it.
        rival = place.sweep()
        time.sleep(random.uniform(0.1, 0.6))
        send(pid, signal.SIGCONT)
        time.sleep(random.uniform(0.0, 0.5))
        rival.kill()
        rival.wait()
        counts["kills of orchestrators"] += 1
    send(pid, signal.SIGCONT)
    counts["frozen trainers"] += 1


def freeze_orchestrator(place, sweep, random, counts):
    """Stops `exp sweep` while its trainers end or are killed."""
    send(sweep.pid, signal.SIGSTOP)
    if random.random() < 0.5:
        kill_trainers(place, sweep, random, counts)
    time.sleep(random.uniform(0.02, 0.8))
    send(sweep.pid, signal.SIGCONT)
    counts["frozen orchestrators"] += 1


def terminate_trainer(place, sweep, random, counts):
    """TERM to a trainer from outside: it saves and leaves, and is resumed."""
    for pid in place.trainers()[:1]:
        counts["trainers asked to stop"] += send(pid, signal.SIGTERM)


def terminate_sweep(place, sweep, random, counts):
    """TERM to `exp sweep`, once or twice: it must leave with 75 or be done."""
    number = random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    send(sweep.pid, number)
    if random.random() < 0.3:
        time.sleep(random.uniform(0.0, 0.05))
        send(sweep.pid, number)
    status = sweep.wait(timeout=90)
    # Before it listens, a signal ends it at once; a damaged store has it leave before it starts anything.
    if status not in (0, 75, -number) and not place.store_is_spoiled:
        raise Fault(f"'exp sweep' left with {status} when it was asked to stop")
    counts["sweeps asked to stop"] += 1


def move_clock(place, sweep, random, counts):
    """Sets the wall clock of all processes forward or back by up to ten hours."""
    path = place.environment.get("SOAK_CLOCK")
    if path is None:
        return
    with open(path, "r+b") as file:
        file.write(struct.pack("q", random.randint(-36_000, 36_000)))
    counts["clock jumps"] += 1
    if random.random() < 0.5:
        kill_orchestrator(place, sweep, random, counts)


def fill_disk(place, sweep, random, counts):
    """Fills the small disk below the sweep to the last bytes; then there is room again."""
    ballast = place.folder / "ballast"
    facts = os.statvfs(place.folder)
    free = facts.f_bavail * facts.f_frsize
    with open(ballast, "wb", buffering=0) as file:
        # Not all at once: others write meanwhile, and what does not fit would be refused as a whole.
        os.posix_fallocate(file.fileno(), 0, max(1, free - (8 << 20)))
        file.seek(0, os.SEEK_END)
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            counts["full disks"] += 1
    if random.random() < 0.5:
        os.truncate(ballast, max(1, ballast.stat().st_size - random.choice([4096, 65536])))
    wait_until(lambda: sweep.poll() is not None, random.uniform(0.3, 3))
    kinds = [None, None, kill_trainers, kill_orchestrator]
    if (also := random.choice(kinds)) is not None:
        also(place, sweep, random, counts)
    ballast.unlink()


def start_rival(place, sweep, random, counts):
    """Starts the same sweep again: it must be refused with 75, or find the first one over."""
    status, _, errors = place.run("sweep", place.spec)
    if status not in (0, 75) and not place.store_is_spoiled:
        raise Fault(f"a second sweep left with {status}: {errors[-400:]}")
    counts["rival sweeps"] += 1


KILLS = [
    kill_orchestrator, kill_orchestrator, kill_orchestrator, kill_trainers, kill_trainers,
    kill_everything, freeze_trainer, freeze_orchestrator, terminate_trainer, terminate_sweep,
    start_rival,
]

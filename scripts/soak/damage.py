"""Faults on files while nothing runs: torn lines, lost tails, cut and flipped checkpoints, broken stores."""

import json
import os


def power_cut(place, random):
    """Drops what a power cut may drop: whatever was appended since the last sync, and unfinished files."""
    for folder in place.run_folders():
        cut_tail(folder / "events.jsonl", synced_events(folder), random)
        cut_tail(folder / "samples.jsonl", None, random, chance=0.1 * (not is_done(folder)))
        cut_tail(folder / "stderr.log", 0, random)
        for partial in [*folder.glob("*.tmp"), *folder.glob("checkpoints/*.partial")]:
            lose_file(partial, random)


def is_done(folder):
    return (folder / "result.json").exists()


def synced_events(folder):
    """The bytes of the event log that a sync has brought to the disk.

    A trainer syncs before each checkpoint, before its final record, and at its end; a checkpoint that is there vouches
    for the values up to its step.
    """
    saved = [int(path.stem.split("-")[1]) for path in folder.glob("checkpoints/step-*.ckpt")]
    newest = float("inf") if is_done(folder) else max(saved, default=-1)
    end, synced = 0, 0
    for line in whole_lines(folder / "events.jsonl"):
        end += len(line)
        event = parsed(line)
        if event.get("event") == "end":
            synced = end
        elif event.get("event") == "metrics" and event["step"] <= newest:
            synced = end
    return synced


def whole_lines(path):
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def parsed(line):
    try:
        event = json.loads(line)
        return event if isinstance(event, dict) else {}
    except ValueError:
        return {}


def cut_tail(path, floor, random, chance=0.7):
    """Cuts an appended file somewhere above `floor`; often zeros or noise stand where the tail was."""
    if not path.exists() or random.random() > chance:
        return
    size = path.stat().st_size
    floor = size if floor is None else floor
    place = random.randint(min(floor, size), size)
    with open(path, "r+b") as file:
        file.truncate(place)
        file.seek(place)
        # File systems may lengthen a file before its blocks are written: then it ends in zeros.
        filler = random.choice([b"", b"", bytes(random.randint(1, 300)), torn_line(random)])
        file.write(filler)


def torn_line(random):
    """The beginning of an event, or bytes that mean nothing; never a line break."""
    text = b'{"event":"metrics","seconds":1.5,"step":7,"values":{"entropy":2.5}}'
    noise = random.randbytes(random.randint(1, 200)).replace(b"\n", b"?")
    return random.choice([text[: random.randint(1, len(text) - 1)], noise])


def lose_file(path, random):
    choice = random.random()
    if choice < 0.3:
        path.unlink()
    elif choice < 0.6:
        os.truncate(path, 0)
    elif choice < 0.8:
        os.truncate(path, random.randint(0, path.stat().st_size))


def flip(path, random, bits=1):
    """Flips single bits at random places."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for _ in range(bits if size else 0):
            place = random.randrange(size)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ (1 << random.randrange(8))]))


def tear_lines(place, random, counts):
    """Leaves half a line at the end of what is appended to, as a crash in mid-write does."""
    for folder in place.run_folders():
        for name in ("events.jsonl", "attempts.jsonl", "samples.jsonl"):
            path = folder / name
            if path.exists() and random.random() < 0.4:
                with open(path, "ab") as file:
                    file.write(torn_line(random))
                counts["torn lines"] += 1


def lose_attempts(place, random, counts):
    """Cuts the records of attempts at a random byte: they are appended without a sync."""
    for folder in place.run_folders():
        path = folder / "attempts.jsonl"
        if path.exists() and path.stat().st_size and random.random() < 0.5:
            os.truncate(path, random.randrange(path.stat().st_size))
            counts["attempt records cut"] += 1


def damage_checkpoints(place, random, counts):
    """Cuts off, empties or flips bits of checkpoints that a run would resume from."""
    for folder in place.unfinished():
        for path in folder.glob("checkpoints/*.ckpt"):
            damage_file(path, random)
            counts["damaged checkpoints"] += 1


def damage_bases(place, random, counts):
    """Damages or removes base policies that runs still start from: they must be trained again."""
    for folder in place.finished():
        policy = folder / "checkpoints" / "final.ckpt"
        if folder.parent.name == "bases" and policy.exists():
            if random.random() < 0.3:
                policy.unlink()
            else:
                damage_file(policy, random)
            counts["damaged base policies"] += 1


def damage_results(place, random, counts):
    """Cuts final records short, so that the runs are not done any more."""
    for folder in place.finished():
        if random.random() < 0.3:
            path = folder / "result.json"
            os.truncate(path, random.randrange(path.stat().st_size))
            counts["final records cut"] += 1


def damage_file(path, random):
    size = path.stat().st_size
    if random.random() < 0.5 and size:
        os.truncate(path, random.randrange(size))
    else:
        flip(path, random, bits=random.choice([1, 1, 8]))


def damage_store(place, random, counts):
    """Deletes the store, cuts it short or flips bits in it or in its write-ahead log."""
    store = place.runs / "exp.sqlite"
    log = place.runs / "exp.sqlite-wal"
    if not store.exists():
        return
    kind = random.choice(["deleted", "deleted alone", "cut", "flipped", "log cut", "log flipped"])
    if kind.startswith("deleted"):
        store.unlink()
        if kind == "deleted":
            log.unlink(missing_ok=True)
    elif kind.startswith("log"):
        if not log.exists() or not log.stat().st_size:
            return
        damage_file(log, random)
    elif kind == "cut":
        os.truncate(store, random.randrange(store.stat().st_size))
    else:
        flip(store, random, bits=random.choice([1, 8, 64]))
    counts["damaged stores"] += 1


ALL = [
    tear_lines, lose_attempts, damage_checkpoints, damage_checkpoints, damage_bases, damage_results,
    damage_store, damage_store,
]

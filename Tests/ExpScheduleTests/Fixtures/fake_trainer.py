#!/usr/bin/env python3
"""A trainer that trains nothing: `fake_trainer.py --request FILE`.

behaviour.json beside the runs' root maps a run id (or "*") to a list, one word an attempt, the last one repeated:
  ok[:SECONDS]  ten steps in that time, then a result; resumes from its checkpoint
  exit:CODE     says why on standard error and leaves
  silent        exit code 0 without a result
  signal:N      ends itself by a signal
  deaf          ignores TERM and the end of standard input
  litter        leaves a process behind in its group, then succeeds
  hang          writes one event and then nothing, but leaves when asked
  hog:MIB       takes so much memory and keeps it, but leaves when asked
"""
import hashlib, json, os, select, signal, subprocess, sys, time

path = sys.argv[sys.argv.index("--request") + 1]
folder = os.path.dirname(path)
request = json.load(open(path))
run = request["id"]
root = os.path.dirname(folder)
if request["kind"] == "base":
    root = os.path.dirname(root)
table = json.load(open(os.path.join(root, "..", "behaviour.json")))
events_path = os.path.join(folder, "events.jsonl")
earlier = open(events_path).read().count('"event": "attempt"') if os.path.exists(events_path) else 0
words = table.get(run, table["*"])
word, _, value = words[min(earlier, len(words) - 1)].partition(":")

events = open(events_path, "a", buffering=1)
began = time.monotonic()


def emit(event, **facts):
    events.write(json.dumps({"event": event, "seconds": time.monotonic() - began, **facts}) + "\n")


marker = os.path.join(folder, "step")
step = int(open(marker).read()) if os.path.exists(marker) else 0
total = 10
emit("attempt", number=earlier + 1, resume_step=step, total_steps=total, pid=os.getpid(), host="here",
     started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
     source_fingerprint=request["source_fingerprint"], compute=request["compute"], blas="none")

facts = {
    "began": time.monotonic(), "cores": sorted(os.sched_getaffinity(0)), "session": os.getsid(0), "pid": os.getpid(),
    "stdin": os.readlink("/proc/self/fd/0"), "stdout": os.readlink("/proc/self/fd/1"),
    "descriptor3": os.readlink("/proc/self/fd/3"), "descriptor4": os.readlink("/proc/self/fd/4"),
    "others": [n for n in os.listdir("/proc/self/fd")
               if int(n) > 4 and os.path.exists("/proc/self/fd/" + n)
               and os.readlink("/proc/self/fd/" + n) != events_path],
    "environment": dict(os.environ), "blocked": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
}
with open(os.path.join(folder, "facts.json"), "w") as out:
    json.dump(facts, out)


def leave(status, code, reason=None):
    emit("end", step=step, status=status, reason=reason)
    sys.exit(code)


if word == "exit":
    print("first line", file=sys.stderr)
    print("cannot go on\n  help: begin elsewhere", file=sys.stderr)
    sys.exit(int(value))
if word == "silent":
    sys.exit(0)
if word == "signal":
    os.kill(os.getpid(), int(value))
    time.sleep(60)
if word == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    emit("message", step=0, text="deaf")
    time.sleep(60)
if word == "litter":
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    open(os.path.join(folder, "litter"), "w").write(str(child.pid))

if word == "hog":
    memory = bytearray(int(value) << 20)
    memory[::4096] = b"x" * len(memory[::4096])

asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append("TERM"))
pause = (float(value) if value and word == "ok" else 0.02) / total
while step < total:
    if word in ("hang", "hog"):
        pause = 60
    deadline = time.monotonic() + pause
    while not asked and time.monotonic() < deadline:
        ready, _, _ = select.select([0], [], [], max(0, min(0.02, deadline - time.monotonic())))
        if ready and not os.read(0, 1):
            asked.append("end of input")
    if asked:
        leave("stopped", 75, asked[0])
    step += 1
    open(marker + ".tmp", "w").write(str(step))
    os.rename(marker + ".tmp", marker)
    emit("metrics", step=step, values={"entropy": 1.0 / step, "val_score": step / 10})
data = b"weights of " + run.encode()
os.makedirs(os.path.join(folder, "checkpoints"), exist_ok=True)
open(os.path.join(folder, "checkpoints", "final"), "wb").write(data)
digest = hashlib.sha256(data).hexdigest()
with open(os.path.join(folder, "result.json.tmp"), "w") as out:
    json.dump({
        "schema": 1, "id": run, "steps": total, "attempt": earlier + 1, "checkpoint": "checkpoints/final",
        "checkpoint_sha256": digest, "series_sha256": digest, "last": {"val_score": 1.0}, "definitions": {},
        "wall_seconds": 1, "peak_memory_bytes": 1, "cpu_seconds": 0.1}, out)
os.rename(os.path.join(folder, "result.json.tmp"), os.path.join(folder, "result.json"))
with open(os.path.join(folder, "facts.json"), "w") as out:
    json.dump({**facts, "ended": time.monotonic()}, out)
leave("succeeded", 0)
